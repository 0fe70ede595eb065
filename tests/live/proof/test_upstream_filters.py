"""
Pods with constraints beyond their node. Rules on other pods: in both modes the whole gang is planned by them, and in extender mode
kube-scheduler's own filters agree. What only those know (resource claims): in standalone mode the gang is held, told why, never misplaced.
"""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.proof.team import Team, racks

if TYPE_CHECKING:
    from tests.live.proof.conftest import Tutti

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

HOSTNAME = "kubernetes.io/hostname"
RACK = "fabric.topograph.run/tier-0"


async def occupy(team: Team, nodes: list[str], label: str, **spec: Any) -> None:
    """Put a pod that asks for no GPU on each of these nodes."""
    labels = {"is": label}
    await asyncio.gather(
        *(
            team.pod(f"{label}-{node}", gpus=0, scheduler="nobody", nodeName=node, labels=labels, **spec)
            for node in nodes
        )
    )


async def whole_or_held(
    tutti: "Tutti", team: Team, size: int, field: str, **pods: Any
) -> dict[str, str] | None:
    """Create a gang; return its nodes in extender mode, and None where it is held with a reason that names the field."""
    await team.gang("ring", size, **pods)
    if tutti.mode == "extender":
        return await team.until_whole("ring", size)
    message = await team.until_reason("ring", "UnevaluatedConstraint")
    assert field in message
    assert "extender mode" in message
    await team.stays_unbound("ring")
    condition = await team.until_pod_told("ring-0")
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    return None


def rejecting(label: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"is": label}}, "topologyKey": HOSTNAME}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def attracting(label: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"is": label}}, "topologyKey": RACK}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def spread(label: str, over: str) -> list[dict[str, Any]]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": over,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"is": label}},
        }
    ]


async def test_pods_that_keep_away_from_others(team: Team, nodes: dict[str, Any]) -> None:
    names = sorted(nodes)
    await occupy(team, names[:-4], "noise")
    await team.gang("ring", 4, gpus=8, affinity=rejecting("noise"))
    assert sorted((await team.until_whole("ring", 4)).values()) == names[-4:]


async def test_pods_that_others_keep_away(team: Team, nodes: dict[str, Any]) -> None:
    names = sorted(nodes)
    await occupy(team, names[:-4], "loner", affinity=rejecting("ring"))
    await team.gang("ring", 4, gpus=8, labels={"is": "ring"})
    assert sorted((await team.until_whole("ring", 4)).values()) == names[-4:]


async def test_pods_that_others_leave_no_place_are_told_so(team: Team, nodes: dict[str, Any]) -> None:
    await occupy(team, sorted(nodes), "noise")
    await team.gang("ring", 4, affinity=rejecting("noise"))
    message = await team.until_reason("ring", "PodConstraintsNotMet")
    assert f"{len(nodes)} of {len(nodes)} nodes are in the same {HOSTNAME} as pods that they avoid" in message
    await team.stays_unbound("ring")
    condition = await team.pod_condition("ring-0")
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")


async def test_gang_starts_once_the_pods_that_it_must_be_near_to_are_there(
    team: Team, nodes: dict[str, Any]
) -> None:
    await team.gang("ring", 4, gpus=8, affinity=attracting("data"))
    await team.until_reason("ring", "PodConstraintsNotMet")
    home = sorted(nodes)[0]
    await occupy(team, [home], "data")
    placed = await team.until_whole("ring", 4)
    assert racks(nodes, placed) == {nodes[home]["metadata"]["labels"][RACK]}


async def test_pods_that_are_spread_over_nodes(team: Team) -> None:
    await team.gang(
        "ring", 4, gpus=8, labels={"is": "spread"}, topologySpreadConstraints=spread("spread", HOSTNAME)
    )
    assert len(set((await team.until_whole("ring", 4)).values())) == 4


async def test_pods_that_are_spread_over_racks(team: Team, nodes: dict[str, Any]) -> None:
    await team.gang("ring", 8, labels={"is": "even"}, topologySpreadConstraints=spread("even", RACK))
    placed = await team.until_whole("ring", 8)
    counts = Counter(nodes[node]["metadata"]["labels"][RACK] for node in placed.values())
    every = {node["metadata"]["labels"][RACK] for node in nodes.values()}
    assert max(counts.values()) - min(counts[rack] for rack in every) <= 1


async def test_pods_that_are_spread_over_racks_that_others_fill_unevenly(
    team: Team, nodes: dict[str, Any]
) -> None:
    first_of_rack = {node["metadata"]["labels"][RACK]: name for name, node in sorted(nodes.items())}
    *filled, empty = sorted(first_of_rack)
    await occupy(team, [first_of_rack[rack] for rack in filled], "even")
    await team.gang("ring", 2, labels={"is": "even"}, topologySpreadConstraints=spread("even", RACK))
    assert empty in racks(nodes, await team.until_whole("ring", 2))


async def test_members_that_want_to_be_near_each_other(team: Team, nodes: dict[str, Any]) -> None:
    await team.gang("ring", 4, gpus=8, labels={"is": "near"}, affinity=attracting("near"))
    assert len(racks(nodes, await team.until_whole("ring", 4))) == 1


async def test_members_that_keep_away_from_each_other_get_a_node_each(team: Team) -> None:
    await team.gang("ring", 4, labels={"is": "ring"}, affinity=rejecting("ring"))
    assert len(set((await team.until_whole("ring", 4)).values())) == 4


async def test_pods_with_resource_claims(tutti: "Tutti", team: Team) -> None:
    await team.api.create(
        f"/apis/resource.k8s.io/v1/namespaces/{team.namespace}/resourceclaims",
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "nothing"},
            "spec": {},
        },
    )
    claims = [{"name": "nothing", "resourceClaimName": "nothing"}]
    await whole_or_held(tutti, team, 2, "resourceClaims", resourceClaims=claims)
