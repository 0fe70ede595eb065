"""What people are told in Events, of which object, and how often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from scheduler.driver.chronicle import Chronicle
from scheduler.engine.messages import (
    Event,
    Evict,
    Evicted,
    EvictionRefused,
    Instruction,
    Publish,
    Record,
    Report,
)
from scheduler.kube.cache import Cache
from scheduler.kube.recorder import Recorder
from scheduler.kube.transport import Transport
from scheduler.model.ids import POD_DIALECT, AttemptId, GroupKey
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberRef
from scheduler.model.reasons import Reason
from scheduler.model.status import Status
from scheduler.telemetry.metrics import Metrics
from tests.build import gang
from tests.kube.conftest import FakeApiServer, api_server, transport

__all__ = ["api_server", "transport"]  # fixtures

KEY = GroupKey("team", "g")
GROUP, PODS = gang("g", 3)
MEMBERS = tuple(MemberRef(pod.key, pod.uid) for pod in PODS)


@dataclass
class Teller:
    """A chronicle of a gang of three, and the Events that have come of it."""

    chronicle: Chronicle
    recorder: Recorder
    server: FakeApiServer
    metrics: Metrics

    async def events(self, *told: Instruction | Event) -> list[tuple[str, str, str, str]]:
        """Tell the chronicle and return kind, name, reason and note of every Event there is."""
        for each in told:
            if isinstance(each, Evicted | EvictionRefused):
                self.chronicle.happened(each, 1.0)
            else:
                self.chronicle.instructed(each, 1.0)  # type: ignore[arg-type]
        await self.recorder.drained()
        return [
            (each["regarding"]["kind"], each["regarding"]["name"], each["reason"], each["note"])
            for path, each in self.server.objects.items()
            if "/events/" in path
        ]

    def evictions(self, result: str) -> Any:
        return self.metrics.registry.get_sample_value("tutti_evictions_total", {"result": result})


@pytest.fixture
async def teller(api_server: FakeApiServer, transport: Transport) -> AsyncIterator[Teller]:
    cache, metrics = Cache(scheduler_names=("tutti",), clock=lambda: 0.0), Metrics()
    cache.put_group(GROUP)
    recorder = Recorder(transport, "tutti")
    running = asyncio.create_task(recorder.run())
    yield Teller(Chronicle(metrics, recorder, cache), recorder, api_server, metrics)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_eviction_is_told_to_the_group_and_to_each_pod_once(teller: Teller) -> None:
    record = Attempt(AttemptId("e1-1"), 1, 1, 3, AttemptPhase.ABORTING, ())
    orders = (Record(KEY, record, ""), *(Evict(KEY, member) for member in MEMBERS[:2]))
    told = await teller.events(*orders, *orders)
    note = "Fewer than 3 members are bound and the time for repair is spent: these are evicted."
    why = "PodGroup team/g stood below its minimum for too long; it starts anew when all of it has room."
    assert told == [
        ("PodGroup", "g", "BelowMinCount", note),
        ("Pod", MEMBERS[0].key.name, "Evicting", why),
        ("Pod", MEMBERS[1].key.name, "Evicting", why),
    ]


async def test_evictions_are_counted_when_answered_and_a_refusal_is_told(teller: Teller) -> None:
    orders = (Evict(KEY, MEMBERS[0]), Evicted(KEY, MEMBERS[0].uid))
    await teller.events(*orders)
    assert (teller.evictions("evicted"), teller.evictions("refused")) == (1, None)
    told = await teller.events(EvictionRefused(KEY, MEMBERS[1].uid, "a disruption budget forbids it"))
    assert told[-1] == (
        "PodGroup",
        "g",
        "BelowMinCount",
        "A member cannot be evicted: a disruption budget forbids it",
    )
    assert (teller.evictions("evicted"), teller.evictions("refused")) == (1, 1)


async def test_why_a_gang_waits_is_told_of_its_group_and_left_to_the_condition_of_a_single_pod(
    teller: Teller,
) -> None:
    report = Report(Status.UNSCHEDULABLE, Reason.NO_DOMAIN_FITS, "rack r3 holds 40 of 64 GPUs.")
    single = GroupKey("team", "lone", POD_DIALECT)
    told = await teller.events(Publish(KEY, report, MEMBERS), Publish(single, report, MEMBERS[:1]))
    assert told == [("PodGroup", "g", "NoDomainFits", "rack r3 holds 40 of 64 GPUs.")]
