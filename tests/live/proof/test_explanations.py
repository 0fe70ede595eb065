"""What the operator writes about a gang that waits, and that it goes when the gang starts; and what a person is told from the outside."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from scheduler.localcluster import LocalCluster
from tests.live.api import groups
from tests.live.proof.team import Team, racks

pytestmark = pytest.mark.live

EXPLAINED_WITHIN_S = 60.0  # some seconds of waiting, a turn, and a write; the machine is shared


def explained(cluster: LocalCluster, *words: str) -> tuple[int, Any]:
    """Ask as somebody who may read everything; return the exit code and what JSON holds."""
    command = [
        sys.executable,
        "-m",
        "scheduler.cli",
        *words,
        "--kubeconfig",
        str(cluster.kubeconfig("observer")),
        "-o",
        "json",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode in {0, 1}, shown.stderr
    return shown.returncode, json.loads(shown.stdout)


async def explanation(team: Team, group: str) -> dict[str, Any]:
    """Wait until the status says why the group waits, and return it."""

    async def told() -> bool:
        return bool((await team.read_group(group)).get("status", {}).get("explanation"))

    await team.until(f"the status of {group} says why it waits", told, within_s=EXPLAINED_WITHIN_S)
    found: dict[str, Any] = (await team.read_group(group))["status"]["explanation"]
    return found


async def test_gang_that_no_rack_holds_is_told_so_in_its_status_and_not_any_more_when_it_runs(
    team: Team, nodes: dict[str, Any], cluster: LocalCluster
) -> None:
    per_rack = len(nodes) // len(racks(nodes, dict(zip(nodes, nodes, strict=True))))
    await team.gang("ring", per_rack + 1, gpus=8, group={"topology": {"required": "rack"}})
    found = await explanation(team, "ring")
    assert found["gate"] == "Topology"
    assert found["message"] == f"No rack has room for {per_rack + 1} members at once."
    assert ["required level rack"] in [each["constraints"] for each in found["blockingSets"]]
    assert found["cheapestChange"]["kind"] in {"Wait", "RelaxLevel"}

    code, told = await asyncio.to_thread(explained, cluster, "explain", "group", f"{team.namespace}/ring")
    assert (code, told["reason"]) == (1, "NoDomainFits")
    relax = next(each for each in told["changes"] if each["kind"] == "RelaxLevel")
    what_if = ["what-if", "--group", f"{team.namespace}/ring", *relax["whatIf"].split()]
    code, told = await asyncio.to_thread(explained, cluster, *what_if)
    (row,) = [each for each in told["groups"] if each["isNamed"]]
    assert (code, row["before"]["state"], row["after"]["state"]) == (0, "waits", "starts")

    await team.delete_pod(f"ring-{per_rack}")
    await team.api.patch(groups(team.namespace, "ring"), {"spec": {"minCount": per_rack}})
    await team.until_whole("ring", per_rack)

    async def silent() -> bool:
        status = (await team.read_group("ring")).get("status", {})
        return status.get("phase") == "Running" and "explanation" not in status

    await team.until("the explanation is gone when the gang runs", silent)


async def test_gang_that_lacks_members_is_told_so_and_the_words_stay_while_members_come(team: Team) -> None:
    await team.group("ring", 3)
    await team.pod("ring-0", "ring")
    before = await explanation(team, "ring")
    assert before == {
        "gate": "Members",
        "message": "Fewer members exist than the 3 that start together.",
        "cheapestChange": {"message": "Create the missing members, or lower minCount."},
    }
    await team.pod("ring-1", "ring")

    async def counted() -> bool:
        return (await team.read_group("ring")).get("status", {}).get("members", {}).get("total") == 2

    await team.until("the second member is counted", counted)
    assert (await team.read_group("ring"))["status"]["explanation"] == before
    await team.pod("ring-2", "ring")
    await team.until_whole("ring", 3)


async def test_gang_that_starts_at_once_is_never_explained(team: Team) -> None:
    await team.gang("ring", 4)
    await team.until_whole("ring", 4)

    async def running() -> bool:
        return (await team.read_group("ring")).get("status", {}).get("phase") == "Running"

    await team.until("the gang runs", running)
    managed = (await team.read_group("ring"))["metadata"]["managedFields"]
    assert not any("f:explanation" in json.dumps(each) for each in managed)
