"""Stopped, killed and started again in the middle: nothing is lost, because state lives in the API server."""

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.live.proof.team import Team

if TYPE_CHECKING:
    from tests.live.proof.conftest import Tutti

pytestmark = pytest.mark.live


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_waiting_and_running_gangs_survive_a_restart(
    tutti: "Tutti", team: Team, gpus: int, number: int
) -> None:
    await team.gang("runs", gpus // 8 - 8, gpus=8)
    await team.until_whole("runs", gpus // 8 - 8)
    await team.gang("waits", 16, gpus=8)
    await team.until_reason("waits", "InsufficientResources")
    before = {pod["metadata"]["uid"]: pod["spec"]["nodeName"] for pod in await team.pods("runs")}
    await asyncio.to_thread(tutti.end, number)
    await team.gang("late", 4, gpus=8)
    await asyncio.to_thread(tutti.start)
    await team.until_whole("late", 4)
    assert {pod["metadata"]["uid"]: pod["spec"]["nodeName"] for pod in await team.pods("runs")} == before
    assert await team.bound("waits") == {}
    await team.delete_pods("runs")
    await team.until_whole("waits", 16)


async def test_gang_that_is_being_bound_when_the_scheduler_is_killed_ends_whole(
    tutti: "Tutti", team: Team
) -> None:
    await team.group("ring", 200)
    creating = asyncio.gather(*(team.pod(f"ring-{number}", "ring") for number in range(200)))
    await creating

    async def begun() -> bool:
        return bool(await team.bound("ring"))

    await team.until("the first member is bound", begun)
    await asyncio.to_thread(tutti.end, signal.SIGKILL)
    await asyncio.to_thread(tutti.start)
    await team.until_whole("ring", 200)

    async def closed() -> bool:
        return (await team.read_group("ring"))["status"]["attempt"]["phase"] == "Committed"

    await team.until("the record is closed", closed)


async def killed_and_replaced(tutti: "Tutti", team: Team, word: str) -> None:
    """Kill one child of Tutti, and wait until its supervisor has started another."""
    before = tutti.child(word)
    assert before is not None
    os.kill(before, signal.SIGKILL)

    async def another_one() -> bool:
        return tutti.child(word) not in {None, before}

    await team.until(f"another {word} runs", another_one)


async def test_operator_that_is_killed_alone_is_started_again_and_loses_nothing(
    tutti: "Tutti", team: Team, gpus: int
) -> None:
    await team.gang("runs", gpus // 8 - 8, gpus=8)
    await team.until_whole("runs", gpus // 8 - 8)
    await team.gang("waits", 16, gpus=8)
    await team.until_reason("waits", "InsufficientResources")
    assert tutti.process is not None
    await asyncio.gather(
        killed_and_replaced(tutti, team, "scheduler.controller"), team.gang("late", 4, gpus=8)
    )
    await team.until_whole("late", 4)  # the scheduler goes on without an operator

    async def told() -> bool:
        status = (await team.read_group("late")).get("status", {})
        accepted = await team.condition("late", "Accepted")
        return (
            accepted.get("status") == "True"
            and status.get("phase") == "Running"
            and status["members"]["running"] == 4
        )

    await team.until("the new operator has taken over", told, within_s=60)
    assert (await team.condition("waits"))["reason"] == "InsufficientResources"
    assert await team.bound("waits") == {}
    await team.delete_pods("runs")
    await team.until_whole("waits", 16)
    assert tutti.process.poll() is None


@pytest.mark.parametrize("tutti", ["extender"], indirect=True)
async def test_kube_scheduler_that_is_killed_alone_is_started_again_and_loses_nothing(
    tutti: "Tutti", team: Team, gpus: int
) -> None:
    await team.gang("runs", gpus // 8 - 8, gpus=8)
    before = await team.until_whole("runs", gpus // 8 - 8)
    await team.gang("waits", 16, gpus=8)
    await team.until_reason("waits", "InsufficientResources")
    assert tutti.process is not None
    for _ in range(2):  # the second time right after its restart
        await killed_and_replaced(tutti, team, "kube-scheduler")
    await team.gang("late", 4, gpus=8)
    await team.until_whole("late", 4)
    assert await team.bound("runs") == before
    assert await team.bound("waits") == {}
    await team.delete_pods("runs")
    await team.until_whole("waits", 16)
    assert tutti.process.poll() is None
