"""
Kubernetes Events from reasons: what ``kubectl describe`` shows at the bottom.

Events are a courtesy. They wait in a bounded queue, the same event about the same object is written once and then only counted, and one
that cannot be written is dropped and counted. Nothing waits for them.
Next: `scheduler.driver` reports starts, waits and failures of groups here, `pod_conditions` why pods wait.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from scheduler.kube import errors
from scheduler.kube.transport import Transport
from scheduler.model.podgroups import MemberRef
from scheduler.model.reasons import Reason

QUEUED: Final = 1000  # arbitrary: a burst of that many events says nothing more to a person
REMEMBERED: Final = 4096
REPEAT_AFTER_S: Final = 60.0  # the same event is counted at most once a minute
FORGET_AFTER_S: Final = 600.0  # then it is news again; kubectl describes the last hour
NOTE_MAX: Final = 1024  # limit of events.k8s.io

PodReason = Literal["FailedScheduling", "Evicting"]
"""What only an event about a pod has as its reason, where pods have words of their own for it."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


def about_pod(member: MemberRef) -> Regarding:
    """Return what an event about this pod regards."""
    return Regarding("v1", "Pod", member.key.namespace, member.key.name, member.uid)


@dataclass(frozen=True, slots=True)
class _Event:
    regarding: Regarding
    reason: Reason | PodReason
    note: str
    warning: bool


@dataclass(slots=True)
class _Written:
    name: str
    first_at: float
    last_at: float
    count: int = field(default=1)


class Recorder:
    """Writes events for one component. `event` never blocks; `run` must be running for anything to be written."""

    def __init__(
        self,
        transport: Transport,
        component: str,
        instance: str = "",
        *,
        clock: Callable[[], float] | None = None,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport
        self._component = component
        self._instance = instance or component
        self._clock = clock
        self._wall_clock = wall_clock
        self._queue: asyncio.Queue[_Event] = asyncio.Queue(QUEUED)
        self._written: OrderedDict[tuple[str, str, str], _Written] = OrderedDict()
        self._serial = 0
        self.dropped = 0

    def event(
        self,
        regarding: Regarding,
        reason: Reason | PodReason,
        note: str,
        *,
        warning: bool = False,
        is_detail: bool = False,
    ) -> None:
        """Queue one event; drop it when the queue is full, and a detail, which another event tells too, when it is half full."""
        if is_detail and self._queue.qsize() >= QUEUED // 2:
            self.dropped += 1
            return
        try:
            self._queue.put_nowait(_Event(regarding, reason, note[:NOTE_MAX], warning))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Write what is queued, until cancelled."""
        while True:
            event = await self._queue.get()
            try:
                await self._write(event)
            except errors.TooManyRequests as problem:
                self.dropped += 1
                await asyncio.sleep(problem.retry_after_s)
            except errors.ApiError:
                self.dropped += 1
            finally:
                self._queue.task_done()

    async def drained(self) -> None:
        """Return once everything queued so far has been written or dropped."""
        await self._queue.join()

    async def _write(self, event: _Event) -> None:
        now = self._clock() if self._clock is not None else asyncio.get_running_loop().time()
        key = (event.regarding.uid, event.reason, event.note)
        before = self._written.get(key)
        if before is None or now > before.last_at + FORGET_AFTER_S:
            self._serial += 1
            name = f"{event.regarding.name[:200]}.{round(self._wall_clock().timestamp() * 1e6):x}{self._serial:x}"
            await self._transport.post(self._path(event.regarding), _encode(self._body(event, name)))
            self._written[key] = _Written(name, now, now)
            self._written.move_to_end(key)
            while len(self._written) > REMEMBERED:
                self._written.popitem(last=False)
            return
        before.count += 1
        if now > before.last_at + REPEAT_AFTER_S:
            before.last_at = now
            series = {"series": {"count": before.count, "lastObservedTime": self._stamp()}}
            await self._transport.patch(f"{self._path(event.regarding)}/{before.name}", _encode(series))

    def _body(self, event: _Event, name: str) -> dict[str, Any]:
        about = event.regarding
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": about.namespace or "default"},
            "eventTime": self._stamp(),
            "reportingController": self._component,
            "reportingInstance": self._instance[:128],
            "action": "Scheduling",
            "reason": str(event.reason),
            "note": event.note,
            "type": "Warning" if event.warning else "Normal",
            "regarding": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
        }

    def _stamp(self) -> str:
        return self._wall_clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @staticmethod
    def _path(about: Regarding) -> str:
        return f"/apis/events.k8s.io/v1/namespaces/{about.namespace or 'default'}/events"
