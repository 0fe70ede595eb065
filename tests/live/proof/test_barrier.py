"""/bind as a barrier, beside the real kube-scheduler: whatever keeps a member from voting, the gang ends whole or not at all."""

import asyncio
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.api import Api
from tests.live.proof.devices import Devices
from tests.live.proof.onlooker import Onlooker
from tests.live.proof.probes import numbers, ready
from tests.live.proof.team import Team

if TYPE_CHECKING:
    from tests.live.proof.conftest import Tutti

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("tutti", ["extender"], indirect=True),
]

BARRIER_S = 3.0
HURRIED = {
    "TUTTI_EXTENDER__BARRIER_TIMEOUT_S": f"{BARRIER_S:g}",
    "TUTTI_EXTENDER__HTTP_TIMEOUT_S": f"{2 * BARRIER_S:g}",
    "TUTTI_CYCLE__BACKOFF_INITIAL_S": "0.5",
    "TUTTI_CYCLE__BACKOFF_MAX_S": "2",
}
WHOLE_PARTIAL_S = 5.0  # for which a gang may be seen partly bound while its bindings go out


@pytest.fixture(scope="module")
def hurried(tutti: "Tutti") -> Iterator["Tutti"]:
    """Tutti with a short barrier."""
    with tutti.running_with(HURRIED):
        yield tutti


async def gang_with_one_who_cannot_vote(
    team: Team, devices: Devices, name: str, size: int, *, gpus: int = 1
) -> None:
    """
    Create a gang whose last member claims a device that nobody has: kube-scheduler's filters leave it no node at all, while Tutti, which
    leaves claims to kube-scheduler in this mode, plans it.
    """
    await team.group(name, size)
    *others, last = (f"{name}-{number}" for number in range(size))
    claim = await devices.claim(last)
    await asyncio.gather(
        *(team.pod(other, name, gpus=gpus) for other in others), team.pod(last, name, gpus=gpus, **claim)
    )


async def bring_devices(devices: Devices, nodes: Iterable[str]) -> None:
    await asyncio.gather(*(devices.list_on(node) for node in nodes))


async def calls_wait(team: Team, tutti: "Tutti", count: int) -> None:
    """Wait until so many members wait in /bind: each has a connection of its own, beside the one or two of /filter."""

    async def enough() -> bool:
        return tutti.open_calls() > count

    await team.until(f"{count} members wait in /bind", enough)


async def told_in_an_event(team: Team, pod: str, words: str) -> None:
    """Wait until an Event of this pod, or of all whose names begin so, has these words."""

    async def told() -> bool:
        events = await team.api.list(f"/apis/events.k8s.io/v1/namespaces/{team.namespace}/events")
        return any(
            event["regarding"].get("name", "").startswith(pod) and words in event.get("note", "")
            for event in events
        )

    await team.until(f"an Event of {pod} says {words!r}", told)


def kube_scheduler_log(tutti: "Tutti") -> str:
    return (tutti.directory / "state" / "kube-scheduler.log").read_text(errors="replace")


async def test_member_that_never_reaches_bind_holds_the_whole_gang_back_and_nobody_else(
    hurried: "Tutti", team: Team, observer: Api, nodes: dict[str, Any]
) -> None:
    size = len(nodes) * 5 // 8  # whole nodes: one gang fits, two do not
    async with Devices(team) as devices, Onlooker(observer, team.namespace, size) as onlooker:
        await gang_with_one_who_cannot_vote(team, devices, "stuck", size, gpus=8)
        said = await team.until_reason("stuck", "VotesMissing")
        assert f"1 of {size} members" in said

        async def every_waiting_member_was_answered() -> bool:
            told = [await team.pod_condition(f"stuck-{number}") for number in range(size - 1)]
            return all("VotesMissing" in condition.get("message", "") for condition in told)

        await team.until("kube-scheduler has an answer for every member", every_waiting_member_was_answered)
        await team.gang("other", size, gpus=8)
        await team.until_whole("other", size)
        assert onlooker.most.get("stuck", 0) == 0
    log = kube_scheduler_log(hurried)
    assert "Client.Timeout" not in log
    assert "deadline exceeded" not in log
    await told_in_an_event(team, f"stuck-{size - 1}", "cannot allocate all claims")


async def test_gang_starts_whole_when_its_last_member_reaches_bind_after_all(
    hurried: "Tutti", team: Team, observer: Api, nodes: dict[str, Any]
) -> None:
    async with Devices(team) as devices, Onlooker(observer, team.namespace, 4) as onlooker:
        await gang_with_one_who_cannot_vote(team, devices, "ring", 4)
        await calls_wait(team, hurried, 3)
        await bring_devices(devices, nodes)
        await team.until_whole("ring", 4)
    assert onlooker.longest_partial_s < WHOLE_PARTIAL_S


async def test_planned_nodes_that_kube_scheduler_refuses_are_replaced_and_the_gang_starts_whole(
    hurried: "Tutti", team: Team, observer: Api, nodes: dict[str, Any]
) -> None:
    names = sorted(nodes)
    equipped = {names[number] for number in (len(names) // 3, len(names) // 2, len(names) - 1)}  # three racks
    async with Devices(team) as devices, Onlooker(observer, team.namespace, 3) as onlooker:
        await bring_devices(devices, equipped)
        await team.group("ring", 3)
        for name in ("ring-0", "ring-1", "ring-2"):
            await team.pod(name, "ring", gpus=8, **await devices.claim(name))
        placed = await team.until_whole("ring", 3)
    assert set(placed.values()) == equipped
    await told_in_an_event(team, "ring-", "was planned and not offered")
    assert onlooker.longest_partial_s < WHOLE_PARTIAL_S


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
async def test_gang_whose_members_wait_when_kube_scheduler_dies_starts_whole_after_its_restart(
    hurried: "Tutti", team: Team, observer: Api, nodes: dict[str, Any], number: int
) -> None:
    async with Devices(team) as devices, Onlooker(observer, team.namespace, 4) as onlooker:
        await gang_with_one_who_cannot_vote(team, devices, "ring", 4)
        await calls_wait(team, hurried, 3)
        before = hurried.child("kube-scheduler")
        assert before is not None
        os.kill(before, number)

        async def another_one() -> bool:
            return hurried.child("kube-scheduler") not in {None, before}

        await team.until("kube-scheduler is started again", another_one)
        assert await team.bound("ring") == {}
        await bring_devices(devices, nodes)
        await team.until_whole("ring", 4)
    assert onlooker.longest_partial_s < WHOLE_PARTIAL_S


async def test_gang_that_a_hung_kube_scheduler_never_asks_about_says_so_and_starts_whole_when_it_goes_on(
    hurried: "Tutti", team: Team, observer: Api
) -> None:
    await team.gang("before", 2)
    await team.until_whole("before", 2)
    hung = hurried.child("kube-scheduler")
    assert hung is not None
    failed = ("attempts_failed_total", "VotesMissing")
    before = await numbers(hurried)
    os.kill(hung, signal.SIGSTOP)
    try:
        await team.gang("ring", 4)
        said = await team.until_reason("ring", "VotesMissing")
        assert "kube-scheduler has not asked about any of the 4 members" in said
        told = await team.pod_condition("ring-0")
        assert told["reason"] == "SchedulerError", "an autoscaler is not asked for nodes"

        async def counted() -> bool:
            now = await numbers(hurried)
            return (
                now.get(failed, 0) >= before.get(failed, 0) + 2
                and now["pending_groups", "VotesMissing"] == 1
                and now["kube_scheduler_silence_seconds", ""] > BARRIER_S
            )

        await team.until("its failed attempts are counted, and it waits", counted)
        assert "kube-scheduler has not called for" in await ready(hurried)
        assert '"event": "attempt failed"' in hurried.log.read_text()
        assert await team.bound("ring") == {}
        async with Onlooker(observer, team.namespace, 4) as onlooker:
            os.kill(hung, signal.SIGCONT)
            await team.until_whole("ring", 4)
        assert onlooker.longest_partial_s < WHOLE_PARTIAL_S
    finally:
        os.kill(hung, signal.SIGCONT)


@pytest.fixture
def impatient_kube_scheduler(tutti: "Tutti", tmp_path: Path) -> Iterator["Tutti"]:
    """
    Tutti beside a kube-scheduler that gives up on /bind long before the barrier has passed, but later than it tries again: were it
    to wait for less than its own pause, two members could take turns for ever.
    """
    program = tmp_path / "kube-scheduler"
    real = tutti.cluster.binaries["kube-scheduler"]
    program.write_text(
        "#!/bin/sh\n"
        "for argument; do case $argument in --config=*) file=${argument#--config=};; esac; done\n"
        'sed -i "s/httpTimeout: .*/httpTimeout: 4s/" "$file"\n'
        f'exec "{real}" "$@"\n'
    )
    program.chmod(0o755)
    with tutti.running_with(kube_scheduler=program):
        yield tutti


async def test_kube_scheduler_that_gives_up_early_leaves_the_gang_whole_or_not_at_all(
    impatient_kube_scheduler: "Tutti", team: Team, observer: Api, nodes: dict[str, Any]
) -> None:
    async with Devices(team) as devices, Onlooker(observer, team.namespace, 8) as onlooker:
        await gang_with_one_who_cannot_vote(team, devices, "ring", 8)

        async def gave_up() -> bool:
            return "Client.Timeout" in kube_scheduler_log(impatient_kube_scheduler)

        await team.until("kube-scheduler has given up on a call", gave_up)
        assert await team.bound("ring") == {}
        await bring_devices(devices, nodes)
        await team.until_whole("ring", 8, within_s=60)
    assert onlooker.longest_partial_s < WHOLE_PARTIAL_S
