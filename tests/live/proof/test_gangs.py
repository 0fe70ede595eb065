"""All together or not at all, read from the API server, in both modes."""

import asyncio
from typing import Any

import pytest

from tests.live.proof.team import Team, racks

pytestmark = pytest.mark.live


async def test_gang_that_fits_starts_whole(team: Team) -> None:
    await team.gang("ring", 16, gpus=4)
    await team.until_whole("ring", 16)
    await team.until_reason("ring", "Scheduled")  # the record is closed after the last binding
    condition = await team.condition("ring")
    assert (condition["status"], condition["reason"]) == ("True", "Scheduled")
    attempt = (await team.read_group("ring"))["status"]["attempt"]
    assert (attempt["phase"], attempt["minCount"], len(attempt["members"])) == ("Committed", 16, 16)


async def test_each_member_carries_the_attempt_and_a_rank_of_its_own(team: Team) -> None:
    await team.gang("ring", 4)
    await team.until_whole("ring", 4)
    marks = [pod["metadata"]["annotations"] for pod in await team.pods("ring")]
    assert {mark["scheduling.tutti.dev/rank"] for mark in marks} == {"0", "1", "2", "3"}
    assert len({mark["scheduling.tutti.dev/attempt"] for mark in marks}) == 1
    assert all(int(mark["scheduling.tutti.dev/epoch"]) > 0 for mark in marks)


async def test_gang_larger_than_the_free_space_waits_whole_with_a_reason_in_numbers(
    team: Team, gpus: int
) -> None:
    await team.gang("big", gpus // 8 + 1, gpus=8)
    message = await team.until_reason("big", "InsufficientResources")
    assert str(gpus) in message or str(gpus // 8) in message, message
    assert await team.bound("big") == {}
    condition = await team.until_pod_told("big-0")
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    event = await team.until_described("big-0", "FailedScheduling", f"{gpus // 8 + 1} members need")
    assert event["message"].startswith(f"0/{gpus // 8} nodes are available: ")
    assert event["reportingComponent"] == "tutti"


async def test_waiting_gang_holds_nothing_that_others_could_use(team: Team, gpus: int) -> None:
    await team.gang("big", gpus // 8 + 1, gpus=8)
    await team.until_reason("big", "InsufficientResources")
    await team.gang("small", gpus // 8, gpus=8)
    await team.until_whole("small", gpus // 8)
    assert await team.bound("big") == {}


async def test_waiting_gang_starts_when_capacity_is_freed(team: Team, gpus: int) -> None:
    await team.gang("first", gpus // 8, gpus=8)
    await team.until_whole("first", gpus // 8)
    await team.gang("second", 8, gpus=8)
    await team.until_reason("second", "InsufficientResources")
    await team.delete_pods("first")
    await team.until_whole("second", 8)


async def test_fewer_members_than_the_minimum_wait_and_the_group_says_how_many_are_missing(
    team: Team,
) -> None:
    await team.group("ring", 4)
    await asyncio.gather(*(team.pod(f"ring-{number}", "ring") for number in range(3)))
    message = await team.until_reason("ring", "GangIncomplete")
    assert "3 of 4" in message, message
    assert await team.bound("ring") == {}
    await team.pod("ring-3", "ring")
    await team.until_whole("ring", 4)


async def test_member_deleted_before_quorum_does_not_count(team: Team) -> None:
    await team.group("ring", 3)
    await team.pod("ring-0", "ring")
    await team.pod("ring-1", "ring")
    await team.delete_pod("ring-0")
    await team.pod("ring-2", "ring")
    await team.stays_unbound("ring")
    await team.pod("ring-0", "ring")
    await team.until_whole("ring", 3)


async def test_required_rack_means_one_rack(team: Team, nodes: dict[str, Any]) -> None:
    await team.gang("ring", 8, gpus=8, group={"topology": {"required": "rack"}})
    placed = await team.until_whole("ring", 8)
    assert len(racks(nodes, placed)) == 1


async def test_gang_that_no_rack_holds_waits_whole(team: Team, nodes: dict[str, Any]) -> None:
    per_rack = len(nodes) // len(
        {n["metadata"]["labels"]["fabric.topograph.run/tier-0"] for n in nodes.values()}
    )
    await team.gang("ring", per_rack + 1, gpus=8, group={"topology": {"required": "rack"}})
    message = await team.until_reason("ring", "NoDomainFits")
    assert "rack" in message
    assert await team.bound("ring") == {}


async def test_preferred_rack_is_kept_where_it_can_be_and_given_up_where_not(
    team: Team, nodes: dict[str, Any]
) -> None:
    await team.gang("near", 4, gpus=8, group={"topology": {"preferred": "rack"}})
    assert len(racks(nodes, await team.until_whole("near", 4))) == 1
    await team.gang("wide", 12, gpus=8, group={"topology": {"preferred": "rack"}})
    assert len(racks(nodes, await team.until_whole("wide", 12))) == 2


async def test_selector_is_obeyed(team: Team, nodes: dict[str, Any]) -> None:
    rack = sorted(n["metadata"]["labels"]["fabric.topograph.run/tier-0"] for n in nodes.values())[-1]
    await team.gang("ring", 4, nodeSelector={"fabric.topograph.run/tier-0": rack})
    assert racks(nodes, await team.until_whole("ring", 4)) == {rack}


async def test_selector_that_no_node_carries_makes_the_gang_wait(team: Team) -> None:
    await team.gang("ring", 2, nodeSelector={"no-such-label": "x"})
    await team.stays_unbound("ring")
    condition = await team.until_pod_told("ring-0")
    assert condition["reason"] == "Unschedulable"


async def test_tainted_and_cordoned_nodes_are_left_alone(team: Team, nodes: dict[str, Any]) -> None:
    tainted, cordoned = sorted(nodes)[:2]
    await team.api.patch(
        f"/api/v1/nodes/{tainted}", {"spec": {"taints": [{"key": "keep-off", "effect": "NoSchedule"}]}}
    )
    await team.api.patch(f"/api/v1/nodes/{cordoned}", {"spec": {"unschedulable": True}})
    try:
        await team.gang("ring", len(nodes) - 2, gpus=8)
        placed = await team.until_whole("ring", len(nodes) - 2)
        assert not {tainted, cordoned} & set(placed.values())
        await team.pod("brave", gpus=8, tolerations=[{"key": "keep-off", "operator": "Exists"}])

        async def brave_is_bound() -> bool:
            return (await team.read_pod("brave"))["spec"].get("nodeName") == tainted

        await team.until("the tolerating pod is on the tainted node", brave_is_bound)
    finally:
        clean = {"spec": {"taints": None, "unschedulable": None}}
        for node in (tainted, cordoned):
            await team.api.patch(f"/api/v1/nodes/{node}", clean)


async def test_pod_without_a_group_is_bound_alone(team: Team) -> None:
    await team.pod("lone")

    async def bound() -> bool:
        return "lone" in await team.bound()

    await team.until("the lone pod is bound", bound)


async def test_pod_with_an_unknown_group_waits_until_the_group_appears(team: Team) -> None:
    await team.pod("late-0", "late")
    await team.pod("late-1", "late")
    await team.stays_unbound("late")

    async def told() -> bool:
        return "PodGroup" in (await team.pod_condition("late-0")).get("message", "")

    await team.until("the pod says that its group is missing", told)
    await team.group("late", 2)
    await team.until_whole("late", 2)


async def test_gated_members_do_not_count_until_ungated(team: Team) -> None:
    await team.group("ring", 2)
    await team.pod("ring-0", "ring")
    await team.pod("ring-1", "ring", schedulingGates=[{"name": "example.com/wait"}])
    await team.stays_unbound("ring")
    await team.ungate("ring-1")
    await team.until_whole("ring", 2)


async def test_pods_of_other_schedulers_are_not_touched_and_their_room_is_respected(
    team: Team, gpus: int
) -> None:
    await asyncio.gather(
        *(team.pod(f"other-{number}", gpus=8, scheduler="default-scheduler") for number in range(8))
    )
    await team.pod("nobody", gpus=8, scheduler="no-such-scheduler")

    async def others_run() -> bool:
        return len(await team.bound()) == 8

    await team.until("the default scheduler has bound its pods", others_run)
    await team.gang("ring", gpus // 8 - 7, gpus=8)
    await team.until_reason("ring", "InsufficientResources")
    nobody = await team.read_pod("nobody")
    assert "nodeName" not in nobody["spec"]
    assert not nobody.get("status", {}).get("conditions")


async def test_groups_of_the_same_name_in_two_namespaces_are_two_gangs(team: Team, other_team: Team) -> None:
    await team.group("ring", 2)
    await other_team.group("ring", 2)
    await team.pod("a", "ring")
    await other_team.pod("b", "ring")
    await asyncio.gather(team.stays_unbound("ring"), other_team.stays_unbound("ring"))
    await team.pod("c", "ring")
    await team.until_whole("ring", 2)
    assert await other_team.bound("ring") == {}


async def test_elastic_group_starts_with_its_minimum_and_grows_to_its_maximum_only(team: Team) -> None:
    await team.group("ring", 2, maxCount=3)
    await asyncio.gather(*(team.pod(f"ring-{number}", "ring") for number in range(4)))

    async def three() -> bool:
        return len(await team.bound("ring")) == 3

    await team.until("three members are bound", three)
    await asyncio.sleep(1.0)
    assert len(await team.bound("ring")) == 3


async def test_two_hundred_small_gangs_at_once(team: Team) -> None:
    await asyncio.gather(*(team.gang(f"g{number}", 2) for number in range(200)))

    async def all_whole() -> bool:
        return len(await team.bound()) == 400

    await team.until("all 200 gangs are whole", all_whole, within_s=60)
