"""One leads at a time, the epoch only grows, and nobody believes another machine's clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from scheduler.config import ApiSettings, LeaderSettings
from scheduler.kube.credentials import Credentials
from scheduler.kube.leases import EPOCH_ANNOTATION, Elector, Term
from scheduler.kube.transport import Transport

PATH = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/l"
SETTINGS = LeaderSettings(lease_name="l", duration_s=15, renew_deadline_s=10, retry_s=0.01)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def elect(transport, clock: Clock) -> AsyncIterator[Callable[[str], Elector]]:
    yield lambda identity: Elector(transport, SETTINGS, "ns", identity, clock)


def lease(holder: str, epoch: str = "", **spec: Any) -> dict[str, Any]:
    annotations = {EPOCH_ANNOTATION: epoch} if epoch else {}
    return {"metadata": {"name": "l", "annotations": annotations}, "spec": {"holderIdentity": holder, **spec}}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def ended(term: Term) -> None:
    await term.release()


async def test_a_missing_lease_is_made_and_taken_with_an_epoch_above_its_version(api_server, elect) -> None:
    term = await elect("me").acquire()
    assert term.is_held()
    assert api_server.objects[PATH]["spec"]["holderIdentity"] == "me"
    assert term.epoch > 100, "the versions of this server begin at 101"
    await ended(term)


async def test_the_epoch_lies_above_every_epoch_seen(api_server, elect) -> None:
    api_server.put(PATH, lease("", epoch="5000"))
    term = await elect("me").acquire()
    assert term.epoch == 5001
    assert api_server.objects[PATH]["metadata"]["annotations"][EPOCH_ANNOTATION] == "5001"
    await ended(term)


@pytest.mark.parametrize("forged", ["9" * 30, "-1", "x", str(2**62)])
async def test_an_epoch_that_nobody_can_have_had_is_ignored(api_server, elect, forged: str) -> None:
    api_server.put(PATH, lease("", epoch=forged))
    term = await elect("me").acquire()
    assert 100 < term.epoch < 5000
    await ended(term)


async def test_a_holder_is_dead_only_after_its_lease_did_not_change_on_our_clock(
    api_server, elect, clock
) -> None:
    long_ago = "2001-01-01T00:00:00.000000Z"
    api_server.put(PATH, lease("other", epoch="7", renewTime=long_ago, leaseDurationSeconds=15))
    waiting = asyncio.create_task(elect("me").acquire())
    await until(lambda: len(api_server.asked) > 3)
    clock.now += 14.0
    asked = len(api_server.asked)
    await until(lambda: len(api_server.asked) > asked + 2)
    assert not waiting.done(), "its renewTime is decades old by this machine's calendar, which proves nothing"
    api_server.put(PATH, lease("other", epoch="7", renewTime=long_ago))
    asked = len(api_server.asked)
    await until(lambda: len(api_server.asked) > asked + 2)
    clock.now += 14.0
    asked = len(api_server.asked)
    await until(lambda: len(api_server.asked) > asked + 2)
    assert not waiting.done(), "it has changed since"
    clock.now += 1.5
    term = await waiting
    assert term.epoch > 100
    await ended(term)


async def test_a_term_is_held_only_until_the_renew_deadline_after_the_last_renewal_that_went_through(
    api_server, elect, clock
) -> None:
    term = await elect("me").acquire()
    api_server.fault = lambda request, number: "500"
    await until(lambda: len(api_server.asked) > 4)
    clock.now += 9.9
    assert term.is_held()
    clock.now += 0.2
    assert not term.is_held(), "at once, before any task has noticed"
    await asyncio.wait_for(term.lost.wait(), 5)
    await ended(term)


async def test_elector_leads_exactly_while_its_term_is_held(api_server, elect, clock) -> None:
    elector = elect("me")
    assert not elector.leads()
    term = await elector.acquire()
    assert elector.leads()
    api_server.fault = lambda request, number: "500"
    clock.now += 10.1
    assert not elector.leads()
    await ended(term)
    assert not elector.leads()


async def test_renewal_keeps_a_term(api_server, elect, clock) -> None:
    term = await elect("me").acquire()
    for _ in range(5):
        clock.now += 6.0
        asked = len(api_server.asked)
        await until(lambda asked=asked: len(api_server.asked) > asked + 2)
    assert term.is_held()
    await ended(term)


async def test_a_renewal_that_hangs_is_given_up_early_enough_for_another(api_server) -> None:
    settings = LeaderSettings(lease_name="l", duration_s=3, renew_deadline_s=2, retry_s=0.01)
    async with Transport(Credentials(server=api_server.url), ApiSettings(request_timeout_s=30.0)) as patient:
        term = await Elector(patient, settings, "ns", "me").acquire()
        hung = len(api_server.asked) + 1
        api_server.fault = lambda request, number: "hang" if number == hung else ""
        await until(lambda: len(api_server.asked) > hung + 2)
        assert term.is_held()
        await ended(term)


async def test_a_term_ends_when_somebody_else_has_the_lease(api_server, elect) -> None:
    term = await elect("me").acquire()
    api_server.put(PATH, lease("other", epoch=str(term.epoch + 1)))
    await asyncio.wait_for(term.lost.wait(), 5)
    assert not term.is_held()
    await ended(term)
    assert api_server.objects[PATH]["spec"]["holderIdentity"] == "other", "what is not ours is not released"


async def test_a_deleted_lease_ends_the_term_and_the_next_epoch_is_higher(api_server, elect) -> None:
    term = await elect("me").acquire()
    del api_server.objects[PATH]
    await asyncio.wait_for(term.lost.wait(), 5)
    successor = await elect("other").acquire()
    assert successor.epoch > term.epoch
    await ended(successor)


async def test_a_released_lease_is_taken_without_waiting(api_server, elect) -> None:
    first = await elect("one").acquire()
    waiting = asyncio.create_task(elect("two").acquire())
    asked = len(api_server.asked)
    await until(lambda: len(api_server.asked) > asked + 3)
    assert not waiting.done()
    await first.release()
    second = await asyncio.wait_for(waiting, 5)
    assert second.epoch > first.epoch
    assert second.is_held()
    assert not first.is_held()
    await ended(second)


@pytest.mark.parametrize("fault", ["lose", "503"])
async def test_an_acquisition_without_an_answer_leads_only_if_it_happened(
    api_server, elect, fault: str
) -> None:
    api_server.put(PATH, lease(""))
    api_server.fault = lambda request, number: fault if number == 2 else ""
    term = await asyncio.wait_for(elect("me").acquire(), 5)
    assert api_server.objects[PATH]["spec"]["holderIdentity"] == "me"
    assert api_server.objects[PATH]["metadata"]["annotations"][EPOCH_ANNOTATION] == str(term.epoch)
    await ended(term)


async def test_two_that_see_a_free_lease_at_once_do_not_both_lead(api_server, elect) -> None:
    api_server.put(PATH, lease(""))
    tasks = [asyncio.create_task(elect(name).acquire()) for name in ("one", "two")]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    asked = len(api_server.asked)
    await until(lambda: len(api_server.asked) > asked + 5)
    assert sum(task.done() for task in tasks) == 1
    for task in pending:
        task.cancel()
    await ended(done.pop().result())


async def test_a_problem_on_the_way_is_kept_to_be_shown_and_tried_again(api_server, elect) -> None:
    api_server.fault = lambda request, number: "403"
    elector = elect("me")
    waiting = asyncio.create_task(elector.acquire())
    await until(lambda: bool(elector.problem))
    assert "403" in elector.problem
    api_server.fault = lambda request, number: ""
    await ended(await asyncio.wait_for(waiting, 5))


async def test_a_renewal_that_was_under_way_does_not_keep_the_lease_from_being_released(
    api_server, elect
) -> None:
    term = await elect("me").acquire()
    renewed = {**api_server.objects[PATH]}
    api_server.put(PATH, renewed)  # applied by the server, not answered when the process was told to stop
    await term._stop()
    term._lease.metadata.resource_version = "1"
    await term.release()
    assert api_server.objects[PATH]["spec"]["holderIdentity"] == ""


async def test_a_missing_namespace_is_told_once_with_what_to_do_and_when_it_is_there(
    api_server, transport, clock
) -> None:
    told: list[tuple[str, str]] = []
    api_server.fault = lambda request, number: "404" if request.method == "POST" else ""
    elector = Elector(transport, SETTINGS, "ns", "me", clock, trouble=lambda *words: told.append(words))
    waiting = asyncio.create_task(elector.acquire())
    await until(lambda: len(api_server.asked) > 6)
    why = "the namespace ns does not exist: create it, or name another in the setting `namespace`"
    assert (told, elector.problem) == ([("Lease ns/l", why)], why)
    api_server.fault = lambda request, number: ""
    term = await waiting
    assert told[1:] == [("Lease ns/l", "")]
    await ended(term)


async def test_a_missing_right_to_the_lease_names_the_role(api_server, transport, clock) -> None:
    told: list[str] = []
    api_server.fault = lambda request, number: "403"
    elector = Elector(transport, SETTINGS, "ns", "me", clock, trouble=lambda name, why: told.append(why))
    waiting = asyncio.create_task(elector.acquire())
    await until(lambda: told)
    assert told[0].startswith(
        "this identity may not write it: give it the Role of its component in deploy/rbac.yaml"
    )
    api_server.fault = lambda request, number: ""
    await ended(await waiting)


async def test_another_holder_is_no_problem(api_server, transport, clock) -> None:
    told: list[tuple[str, str]] = []
    api_server.put(PATH, lease("other", leaseDurationSeconds=15))
    elector = Elector(transport, SETTINGS, "ns", "me", clock, trouble=lambda *words: told.append(words))
    waiting = asyncio.create_task(elector.acquire())
    await until(lambda: len(api_server.asked) > 4)
    assert told == []
    clock.now += 16.0
    await ended(await waiting)


async def test_a_replica_that_stands_by_tells_once_for_whom_and_again_when_that_changes(
    api_server, transport, clock
) -> None:
    told: list[tuple[str, str]] = []
    elector = Elector(transport, SETTINGS, "ns", "me", clock, standby=lambda *words: told.append(words))
    assert elector.remark() == ""
    api_server.put(PATH, lease("other", leaseDurationSeconds=15))
    waiting = asyncio.create_task(elector.acquire())
    await until(lambda: len(api_server.asked) > 4)
    assert told == [("Lease ns/l", "other")]
    assert elector.remark() == "standing by, Lease ns/l is held by other"
    api_server.put(PATH, lease("third", leaseDurationSeconds=15))
    await until(lambda: len(told) > 1)
    assert told[1:] == [("Lease ns/l", "third")]
    clock.now += 16.0
    term = await waiting
    assert elector.remark() == ""
    assert len(told) == 2
    await ended(term)


async def test_a_lease_that_cannot_be_had_is_remarked_with_what_to_do(api_server, transport, clock) -> None:
    api_server.fault = lambda request, number: "403"
    elector = Elector(transport, SETTINGS, "ns", "me", clock)
    waiting = asyncio.create_task(elector.acquire())
    await until(lambda: elector.problem)
    assert elector.remark().startswith("Lease ns/l cannot be had: this identity may not write it")
    api_server.fault = lambda request, number: ""
    await ended(await waiting)
