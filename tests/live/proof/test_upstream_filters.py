"""
What only kube-scheduler's own filters know: in extender mode they decide together with the plan, in standalone mode the gang is held and
told why, and never misplaced.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.api import Api
from tests.live.proof.onlooker import Onlooker
from tests.live.proof.team import Team, racks

if TYPE_CHECKING:
    from tests.live.proof.conftest import Tutti

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

HOSTNAME = "kubernetes.io/hostname"
RACK = "fabric.topograph.run/tier-0"


async def occupy(team: Team, nodes: list[str], label: str) -> None:
    """Put a pod that asks for no GPU on each of these nodes."""
    labels = {"is": label}
    await asyncio.gather(
        *(
            team.pod(f"{label}-{node}", gpus=0, scheduler="nobody", nodeName=node, labels=labels)
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


def spread(label: str, over: str) -> list[dict[str, Any]]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": over,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"is": label}},
        }
    ]


async def test_pods_that_keep_away_from_others(tutti: "Tutti", team: Team, nodes: dict[str, Any]) -> None:
    names = sorted(nodes)
    quiet = names[-4:]
    await occupy(team, names[:-4], "noise")
    placed = await whole_or_held(tutti, team, 4, "podAntiAffinity", gpus=8, affinity=rejecting("noise"))
    if placed is not None:
        assert sorted(placed.values()) == quiet


async def test_pods_that_are_spread_over_nodes(tutti: "Tutti", team: Team) -> None:
    placed = await whole_or_held(
        tutti,
        team,
        4,
        "topologySpreadConstraints",
        gpus=8,
        labels={"is": "spread"},
        topologySpreadConstraints=spread("spread", HOSTNAME),
    )
    if placed is not None:
        assert len(set(placed.values())) == 4


async def test_pods_that_are_spread_over_racks_that_others_fill_unevenly(
    tutti: "Tutti", team: Team, nodes: dict[str, Any]
) -> None:
    first_of_rack = {node["metadata"]["labels"][RACK]: name for name, node in sorted(nodes.items())}
    *filled, empty = sorted(first_of_rack)
    await occupy(team, [first_of_rack[rack] for rack in filled], "even")
    placed = await whole_or_held(
        tutti,
        team,
        2,
        "topologySpreadConstraints",
        labels={"is": "even"},
        topologySpreadConstraints=spread("even", RACK),
    )
    if placed is not None:
        assert empty in racks(nodes, placed)


async def test_members_that_want_to_be_near_each_other(
    tutti: "Tutti", team: Team, nodes: dict[str, Any]
) -> None:
    term = {"labelSelector": {"matchLabels": {"is": "near"}}, "topologyKey": RACK}
    near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    placed = await whole_or_held(tutti, team, 4, "podAffinity", gpus=8, labels={"is": "near"}, affinity=near)
    if placed is not None:
        assert len(racks(nodes, placed)) == 1


@pytest.mark.parametrize("tutti", ["extender"], indirect=True)
async def test_members_that_keep_away_from_each_other_start_whole_or_are_told_and_are_in_nobodys_way(
    tutti: "Tutti", team: Team, observer: Api
) -> None:
    """
    Tutti plans them close together and learns node by node that kube-scheduler does not want that. Nothing is promised but the gang's
    integrity: a plan for the whole gang needs the rule itself.
    """
    async with Onlooker(observer, team.namespace, 4) as onlooker:
        await team.gang("ring", 4, labels={"is": "ring"}, affinity=rejecting("ring"))
        await team.gang("other", 4, gpus=8)
        await team.until_whole("other", 4)

        async def whole_or_told() -> bool:
            bound = len(await team.bound("ring"))
            return bound == 4 or (await team.condition("ring")).get("reason") == "NodeRefused"

        await team.until("the gang is whole, or told why not", whole_or_told, within_s=180)
    assert onlooker.longest_partial_s < 5.0


async def test_pods_whose_volume_is_on_one_node(tutti: "Tutti", team: Team, nodes: dict[str, Any]) -> None:
    home = sorted(nodes)[-1]
    volume = f"pv-{team.namespace}"
    await local_volume(team, volume, home)
    try:
        placed = await whole_or_held(
            tutti,
            team,
            2,
            "volumes.persistentVolumeClaim",
            volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        )
        if placed is not None:
            assert set(placed.values()) == {home}
    finally:
        await team.api.delete(f"/api/v1/persistentvolumes/{volume}")


async def local_volume(team: Team, volume: str, node: str) -> None:
    """A volume on one node, bound to the claim `data` as the volume controller leaves it."""
    claims = f"/api/v1/namespaces/{team.namespace}/persistentvolumeclaims"
    size, modes = {"storage": "1Gi"}, ["ReadWriteMany"]
    claim = await team.api.create(
        claims,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {
                "accessModes": modes,
                "storageClassName": "",
                "volumeName": volume,
                "resources": {"requests": size},
            },
        },
    )
    here = {"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [node]}]}
    reference = {
        "kind": "PersistentVolumeClaim",
        "namespace": team.namespace,
        "name": "data",
        "uid": claim["metadata"]["uid"],
    }
    await team.api.create(
        "/api/v1/persistentvolumes",
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "capacity": size,
                "accessModes": modes,
                "local": {"path": "/data"},
                "claimRef": reference,
                "nodeAffinity": {"required": {"nodeSelectorTerms": [here]}},
            },
        },
    )
    await team.api.patch(
        f"{claims}/data/status", {"status": {"phase": "Bound", "accessModes": modes, "capacity": size}}
    )
    await team.api.patch(f"/api/v1/persistentvolumes/{volume}/status", {"status": {"phase": "Bound"}})
