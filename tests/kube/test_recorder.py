"""Events are bounded: said once, counted when repeated, dropped rather than waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from scheduler.kube.recorder import QUEUED, Recorder, Regarding
from scheduler.model.reasons import Reason

ABOUT = Regarding("v1", "Pod", "a", "x", "u")
EVENTS = "/apis/events.k8s.io/v1/namespaces/a/events"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def recorder(transport, clock: Clock) -> AsyncIterator[Recorder]:
    recorder = Recorder(transport, "tutti-scheduler", clock=clock)
    running = asyncio.create_task(recorder.run())
    yield recorder
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_an_event_names_object_reason_and_reporter(api_server, recorder) -> None:
    recorder.event(ABOUT, Reason.NO_DOMAIN_FITS, "rack r3 holds 40 of 64 GPUs", warning=True)
    await recorder.drained()
    (event,) = api_server.bodies
    assert (event["reason"], event["type"], event["note"]) == (
        "NoDomainFits",
        "Warning",
        "rack r3 holds 40 of 64 GPUs",
    )
    assert event["regarding"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "a",
        "name": "x",
        "uid": "u",
    }
    assert event["reportingController"] == "tutti-scheduler"
    assert event["action"]


async def test_a_repeated_event_is_counted_at_most_once_a_minute(api_server, recorder, clock) -> None:
    for _ in range(50):
        recorder.event(ABOUT, Reason.GANG_INCOMPLETE, "3 of 4")
    await recorder.drained()
    assert len(api_server.asked) == 1
    clock.now = 61.0
    recorder.event(ABOUT, Reason.GANG_INCOMPLETE, "3 of 4")
    await recorder.drained()
    assert [asked.split()[0] for asked in api_server.asked] == ["POST", "PATCH"]
    assert api_server.bodies[1]["series"]["count"] == 51


async def test_another_note_is_another_event(api_server, recorder) -> None:
    recorder.event(ABOUT, Reason.GANG_INCOMPLETE, "2 of 4")
    recorder.event(ABOUT, Reason.GANG_INCOMPLETE, "3 of 4")
    await recorder.drained()
    assert len({asked["metadata"]["name"] for asked in api_server.bodies}) == 2


async def test_what_cannot_be_written_or_queued_is_dropped_and_counted(api_server, recorder) -> None:
    api_server.fault = lambda request, number: "403"
    for number in range(QUEUED + 7):
        recorder.event(ABOUT, Reason.FAILED, str(number))
    assert recorder.dropped == 7
    await recorder.drained()
    assert recorder.dropped == QUEUED + 7


async def test_details_leave_half_of_the_queue_to_what_nothing_else_tells(api_server, recorder) -> None:
    for number in range(QUEUED):
        recorder.event(ABOUT, "FailedScheduling", str(number), warning=True, is_detail=True)
    assert recorder.dropped == QUEUED // 2
    recorder.event(ABOUT, Reason.NO_DOMAIN_FITS, "rack r3 holds 40 of 64 GPUs")
    assert recorder.dropped == QUEUED // 2
    await recorder.drained()
    assert api_server.bodies[-1]["reason"] == "NoDomainFits"
