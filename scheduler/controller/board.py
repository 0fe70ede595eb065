"""
What was seen of each object and what its status should say; writes where the two differ.

Handlers and the cache only mark; one loop looks at what is marked, at most every `PAUSE_S`, so a gang of a thousand that starts
costs a few writes and not a thousand. Everything here can be lost and found again by a list.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from scheduler.controller import jobs, views
from scheduler.controller.views import Condition
from scheduler.dialects.own import GROUP, VERSION, parse_queue, parse_topology, unsupported
from scheduler.kube import errors
from scheduler.kube.cache import PREFERRED_TOPOLOGY, Cache
from scheduler.kube.recorder import Recorder, Regarding
from scheduler.kube.transport import Transport
from scheduler.model.ids import GroupKey, QueueName
from scheduler.model.podgroups import AttemptPhase
from scheduler.model.reasons import Reason
from scheduler.model.resources import NOTHING
from scheduler.objects.errors import BadObject
from scheduler.telemetry import logs

PAUSE_S: Final = 0.5
QUEUE_PAUSE_S: Final = 2.0
REST_S: Final = (
    1.0  # between two writes to one object, and longer for large gangs: their record makes every write dear
)
REST_PER_MEMBER_S: Final = 0.003
AT_ONCE: Final = 16
MANAGER: Final = "tutti-operator"
APPLY: Final = "application/apply-patch+yaml"
API: Final = f"/apis/{GROUP}/{VERSION}"

Body = Mapping[str, Any]


def _encode(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


class Ref(NamedTuple):
    """An object of ours. `namespace` is empty for cluster-scoped kinds."""

    plural: str
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Path of the object in the API."""
        return (
            f"{API}/namespaces/{self.namespace}/{self.plural}/{self.name}"
            if self.namespace
            else f"{API}/{self.plural}/{self.name}"
        )


class Board:
    """Owns the marks. `see` and `forget` are called by handlers, `run` is the loop; all on one event loop."""

    def __init__(
        self,
        transport: Transport,
        cache: Cache,
        recorder: Recorder,
        scheduler_names: tuple[str, ...],
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport
        self._cache = cache
        self._recorder = recorder
        self._scheduler_names = scheduler_names
        self._wall_clock = wall_clock
        self._bodies: dict[Ref, Body] = {}
        self._marked: set[Ref] = set()
        self._jobs: dict[tuple[str, str], Body] = {}
        self._wake = asyncio.Event()
        self._queues_at = 0.0
        self._rested_at: dict[Ref, float] = {}
        self._log = logs.get("controller")

    def see(self, plural: str, body: Body) -> None:
        """An object exists, in this state."""
        ref = _ref(plural, body)
        self._bodies[ref] = body
        self._mark(ref)

    def forget(self, plural: str, body: Body) -> None:
        """An object no longer exists."""
        ref = _ref(plural, body)
        self._bodies.pop(ref, None)
        self._rested_at.pop(ref, None)

    def see_job(self, body: Body) -> None:
        """A Job exists that may ask for a group."""
        if jobs.asks(body):
            meta = body.get("metadata", {})
            self._jobs[str(meta.get("namespace", "")), str(meta.get("name", ""))] = body
            self._wake.set()

    async def run(self) -> None:
        """Write what differs, until cancelled."""
        while True:
            await self._sleep()
            self._note_changes()
            marked, self._marked = self._marked, set()
            waiting, self._jobs = self._jobs, {}
            gate = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as tasks:
                for ref in sorted(marked):
                    tasks.create_task(self._guarded(gate, ref))
                for key in sorted(waiting):
                    tasks.create_task(self._make_group(waiting[key]))

    async def _sleep(self) -> None:
        changed = asyncio.ensure_future(self._cache.changed.wait())
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({changed, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            woken.cancel()
        self._wake.clear()
        await asyncio.sleep(PAUSE_S)

    def _note_changes(self) -> None:
        changes = self._cache.drain()
        for key in changes.groups:
            self._mark_known(Ref("podgroups", key.namespace, key.name))
        if changes.everything or changes.capacity or changes.groups:
            now = asyncio.get_running_loop().time()
            if now >= self._queues_at:
                self._queues_at = now + QUEUE_PAUSE_S
                for ref in [ref for ref in self._bodies if ref.plural != "podgroups"]:
                    self._mark_known(ref)
            else:
                asyncio.get_running_loop().call_at(self._queues_at, self._cache.changed.set)

    def _mark(self, ref: Ref) -> None:
        self._marked.add(ref)
        self._wake.set()

    def _mark_known(self, ref: Ref) -> None:
        if ref in self._bodies:
            self._mark(ref)

    async def _guarded(self, gate: asyncio.Semaphore, ref: Ref) -> None:
        """Look at one object; what goes wrong with it is told and does not touch the others."""
        async with gate:
            try:
                await self._look(ref)
            except errors.NotFound:
                self._bodies.pop(ref, None)
            except errors.Conflict:
                pass  # deleted and made again meanwhile; the new one has been or will be seen
            except (errors.ApiError, BadObject) as problem:
                self._log.warning(
                    "status not written",
                    kind=ref.plural,
                    namespace=ref.namespace,
                    name=ref.name,
                    why=str(problem),
                )

    async def _look(self, ref: Ref) -> None:
        body = self._bodies.get(ref)
        if body is None:
            return
        match ref.plural:
            case "podgroups":
                fields, conditions = self._group(ref, body)
            case "queues":
                fields, conditions = self._queue(ref, body)
            case _:
                fields, conditions = self._topology(ref, body)
        status = {**fields, "conditions": self._timed(body, conditions)}
        if _shows(body, status):
            return
        loop = asyncio.get_running_loop()
        rested_at = self._rested_at.get(ref, 0.0)
        if loop.time() < rested_at or (ref.plural == "podgroups" and self._is_being_bound(ref)):
            loop.call_at(max(rested_at, loop.time() + REST_S), self._mark_known, ref)
            return
        members = fields.get("members", {}).get("total", 0)
        self._rested_at[ref] = loop.time() + REST_S + REST_PER_MEMBER_S * members
        await self._apply(ref, body, status)

    def _is_being_bound(self, ref: Ref) -> bool:
        """Whether the scheduler is writing to this group right now; its numbers are news when it is done."""
        group, pods = self._cache.view(GroupKey(ref.namespace, ref.name))
        if group is None or group.attempt is None or group.attempt.phase is not AttemptPhase.COMMITTING:
            return False
        planned = {member.uid for member in group.attempt.members}
        return any(not pod.is_bound for pod in pods if pod.uid in planned)

    def _group(self, ref: Ref, body: Body) -> tuple[dict[str, Any], tuple[Condition, ...]]:
        group, pods = self._cache.view(GroupKey(ref.namespace, ref.name))
        if group is None or group.uid != body.get("metadata", {}).get("uid"):
            raise errors.Conflict("The cache holds another object of this name.")
        return views.group_status(group, pods, unsupported(body.get("spec") or {}))

    def _queue(self, ref: Ref, body: Body) -> tuple[dict[str, Any], tuple[Condition, ...]]:
        snapshot = self._cache.snapshot()
        queue = parse_queue(_encode(body))
        groups = views.by_queue(
            (group, snapshot.members.get(key, ())) for key, group in snapshot.groups.items()
        )
        capacity = NOTHING
        for state in snapshot.nodes.values():
            capacity = capacity + state.node.allocatable
        fields = views.queue_status(QueueName(ref.name), groups, capacity)
        generation = body.get("metadata", {}).get("generation", 0)
        return {"observedGeneration": generation, **fields}, (
            views.queue_condition(queue, frozenset(snapshot.queues)),
        )

    def _topology(self, ref: Ref, body: Body) -> tuple[dict[str, Any], tuple[Condition, ...]]:
        _, levels = parse_topology(_encode(body))
        carried = frozenset(
            label for state in self._cache.snapshot().nodes.values() for label in state.node.labels
        )
        names = sorted(other.name for other in self._bodies if other.plural == "topologies")
        used = PREFERRED_TOPOLOGY if PREFERRED_TOPOLOGY in names else names[0]
        condition = views.topology_condition(
            [level.name for level in levels],
            [level.node_label for level in levels],
            carried,
            ref.name == used,
        )
        return {"observedGeneration": body.get("metadata", {}).get("generation", 0)}, (condition,)

    def _timed(self, body: Body, conditions: tuple[Condition, ...]) -> list[dict[str, Any]]:
        """Return conditions with their times; the transition time moves only with the status."""
        now = self._wall_clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        before = {each.get("type"): each for each in (body.get("status") or {}).get("conditions") or ()}
        timed = []
        for condition in conditions:
            status = "True" if condition.holds else "False"
            old = before.get(condition.type, {})
            timed.append(
                {
                    "type": condition.type,
                    "status": status,
                    "reason": condition.reason.value,
                    "message": condition.message,
                    "observedGeneration": body.get("metadata", {}).get("generation", 0),
                    "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == status else now,
                }
            )
        return timed

    async def _apply(self, ref: Ref, body: Body, status: dict[str, Any]) -> None:
        meta = {
            "name": ref.name,
            "uid": body["metadata"]["uid"],
            **({"namespace": ref.namespace} if ref.namespace else {}),
        }
        kind = {"podgroups": "PodGroup", "queues": "Queue"}.get(ref.plural, "Topology")
        patch = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": meta, "status": status}
        await self._transport.patch(
            f"{ref.path}/status?fieldManager={MANAGER}&force=true", _encode(patch), APPLY
        )

    async def _make_group(self, job: Body) -> None:
        made = jobs.group_for(job, self._scheduler_names)
        meta = job.get("metadata", {})
        if isinstance(made, jobs.Unfit):
            about = Regarding(
                "batch/v1", "Job", meta.get("namespace", ""), meta.get("name", ""), meta.get("uid", "")
            )
            self._recorder.event(about, Reason.INVALID_SPEC, made.sentence, warning=True)
            return
        try:
            await self._transport.post(f"{API}/namespaces/{meta.get('namespace')}/podgroups", _encode(made))
        except errors.Conflict:
            pass  # it exists: made before, or by the user, whose word counts
        except errors.ApiError as problem:
            self._log.warning(
                "group not made", job=f"{meta.get('namespace')}/{meta.get('name')}", why=str(problem)
            )


def _ref(plural: str, body: Body) -> Ref:
    meta = body.get("metadata", {})
    return Ref(plural, str(meta.get("namespace") or ""), str(meta.get("name") or ""))


def _shows(body: Body, wanted: Mapping[str, Any]) -> bool:
    """Whether the object's status already says all that is wanted."""
    present = body.get("status") or {}
    conditions = {each.get("type"): each for each in present.get("conditions") or ()}
    for name, value in wanted.items():
        if name == "conditions":
            if any(conditions.get(each["type"]) != each for each in value):
                return False
        elif present.get(name) != value:
            return False
    return True
