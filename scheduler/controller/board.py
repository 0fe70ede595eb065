"""
What was seen of each object of ours and what its status should say; writes where the two differ.

Theory of operation. Handlers, the cache and time only mark; one loop looks at what is marked, at most every `PAUSE_S`, so a gang of a
thousand that starts costs a few writes and not a thousand. What a status is made from comes from our own reflectors; what it says by now
comes from kopf's watch and from the answers to our own writes, whichever is newer. A write that fails is tried again, ever more slowly.
Where the two views differ for long, the API server is asked.
Everything here can be lost and found again by a list.

Next: `group_views`, `queue_views` and `topology_views` say what a status should be; `job_groups` makes groups.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from scheduler.controller import conditions, group_views, queue_views, topology_views
from scheduler.controller.conditions import Condition
from scheduler.controller.explainer import About, Explainer
from scheduler.controller.job_groups import JobGroups
from scheduler.controller.sightings import KINDS, Body, Ref, Seen
from scheduler.controller.sums import Sums
from scheduler.dialects.own import GROUP, VERSION, parse_queue, parse_topology, unsupported
from scheduler.dialects.own_cluster import unsupported_in_queue
from scheduler.engine.repairs import whole_by
from scheduler.kube import errors
from scheduler.kube.cache import Cache
from scheduler.kube.transport import Transport
from scheduler.model.ids import GroupKey
from scheduler.model.podgroups import PodGroup
from scheduler.model.reasons import Reason
from scheduler.objects.errors import BadObject
from scheduler.telemetry import logs

PAUSE_S: Final = 0.5
SUMS_PAUSE_S: Final = 2.0  # between two looks at what depends on everything else
REST_S: Final = (
    1.0  # between two writes to one object, and longer for large gangs: their record makes every write dear
)
REST_PER_MEMBER_S: Final = 0.003
RETRY_S: Final = 1.0  # doubled with each further failure
RETRY_MAX_S: Final = 60.0
DOUBT_S: Final = 60.0  # what our reflectors have not shown for so long is read: kopf may have missed its deletion or a change
AT_ONCE: Final = 16
WAITING: Final = frozenset({"Pending", "Queued", "Degraded"})
REMOVABLE: Final = (
    "explanation",
)  # fields that go again: what is ours and is not applied any more, the API server removes
ONLY_STANDALONE: Final = frozenset(
    {Reason.UNEVALUATED_CONSTRAINT.value, Reason.VOLUME_WAITS_FOR_POD.value}
)  # reasons of a scheduler that leaves nothing to kube-scheduler
MANAGER: Final = "tutti-operator"
APPLY: Final = "application/apply-patch+yaml"

Status = tuple[dict[str, Any], tuple[Condition, ...]]


@dataclass(slots=True)
class _Pace:
    """How fast one object may be written to."""

    rests_until: float = 0.0
    failures: int = 0
    doubted_since: float | None = None
    next_look: asyncio.TimerHandle | None = None


class Board:
    """Owns what was seen, and the marks. `see` and `forget` are called by handlers, `run` is the loop; all on one event loop."""

    def __init__(
        self,
        transport: Transport,
        cache: Cache,
        job_groups: JobGroups,
        explainer: Explainer,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport
        self._cache = cache
        self._job_groups = job_groups
        self._explainer = explainer
        self._wall_clock = wall_clock
        self._seen: dict[Ref, Seen] = {}
        self._paces: dict[Ref, _Pace] = {}
        self._marked: set[Ref] = set()
        self._wake = asyncio.Event()
        self._sums = Sums()
        self._sums_are_due = True
        self._sums_at = 0.0
        self._log = logs.get("controller")

    def see(self, plural: str, body: Body) -> None:
        """An object exists, in this state. Older news than what is known, such as before our own last write, is none."""
        ref, seen = Ref.of(plural, body), Seen.of(body)
        known = self._seen.get(ref)
        if known is None or seen.version >= known.version:
            self._seen[ref] = seen
            self._sums_are_due = True
            self._mark(ref)

    def forget(self, plural: str, body: Body) -> None:
        """An object no longer exists. One of the same name may: events of different objects may overtake each other."""
        self._drop(Ref.of(plural, body), Seen.of(body).uid)

    def explained(self, key: GroupKey) -> None:
        """Something else is found now to explain why this group waits, or nothing any more."""
        self._mark_known(Ref("podgroups", key.namespace, key.name))

    async def run(self) -> None:
        """Write what differs, until cancelled."""
        while True:
            await self._sleep()
            self._note_changes()
            marked, self._marked = self._marked, set()
            self._wake.clear()
            gate = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as tasks:
                for ref in sorted(marked):
                    tasks.create_task(self._guarded(gate, ref))

    # --- what to look at -------------------------------------------------------------------------------------------------

    async def _sleep(self) -> None:
        changed = asyncio.ensure_future(self._cache.changed.wait())
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({changed, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            woken.cancel()
        await asyncio.sleep(PAUSE_S)

    def _note_changes(self) -> None:
        changes = self._cache.drain()
        for key in changes.groups:
            self._mark_known(Ref("podgroups", key.namespace, key.name))
        gone = [key for key in changes.groups if self._cache.declared_group(key) is None]
        if gone:
            self._job_groups.groups_gone(gone)
        if self._sums.look_around(self._cache.snapshot()):
            self._mark_all(lambda ref: ref.plural == "podgroups")
        if changes.everything or changes.capacity or changes.groups:
            self._sums_are_due = True
        if self._sums_are_due:
            self._count_when_rested()

    def _count_when_rested(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._sums_at:
            loop.call_at(self._sums_at, self._wake.set)
            return
        self._sums_are_due, self._sums_at = False, loop.time() + SUMS_PAUSE_S
        self._sums.count(self._has_timed_out, now=self._wall_clock().timestamp())
        self._mark_all(lambda ref: ref.plural != "podgroups")

    def _mark_all(self, concerned: Callable[[Ref], bool]) -> None:
        self._marked.update(ref for ref in self._seen if concerned(ref))

    def _has_timed_out(self, key: GroupKey) -> bool:
        seen = None if key.is_single_pod else self._seen.get(Ref("podgroups", key.namespace, key.name))
        return seen is not None and _has_timed_out(seen)

    def _mark(self, ref: Ref) -> None:
        self._marked.add(ref)
        self._wake.set()

    def _mark_known(self, ref: Ref) -> None:
        if ref in self._seen:
            self._mark(ref)

    def _drop(self, ref: Ref, uid: str) -> None:
        seen = self._seen.get(ref)
        if seen is not None and seen.uid == uid:
            del self._seen[ref]
            self._paces.pop(ref, None)
            if ref.plural == "podgroups":
                self._explainer.ends(GroupKey(ref.namespace, ref.name))

    # --- looking at one --------------------------------------------------------------------------------------------------

    async def _guarded(self, gate: asyncio.Semaphore, ref: Ref) -> None:
        """Look at one object; what goes wrong with it is told, does not touch the others, and is tried again."""
        async with gate:
            seen = self._seen.get(ref)
            if seen is None:
                return
            try:
                await self._look(ref, seen)
            except errors.NotFound:
                self._drop(ref, seen.uid)
            except errors.ApiError as problem:
                self._failed(ref, problem)

    def _failed(self, ref: Ref, problem: errors.ApiError) -> None:
        if ref not in self._seen:
            return
        pace = self._pace(ref)
        delay_s = min(RETRY_MAX_S, RETRY_S * 2.0 ** min(pace.failures, 16))
        pace.failures += 1
        asyncio.get_running_loop().call_later(delay_s, self._mark_known, ref)
        self._log.warning(
            "status not written",
            kind=ref.plural,
            namespace=ref.namespace,
            name=ref.name,
            why=problem.message,
        )

    async def _look(self, ref: Ref, seen: Seen) -> None:
        now = self._wall_clock()
        self._look_again_in_time(ref, now.timestamp())
        said = self._wanted(ref, seen, now.timestamp())
        if said is None:
            await self._doubt(ref)
            return
        fields, conditions_said = said
        status = {
            **fields,
            "observedGeneration": seen.generation,
            "conditions": conditions.timed(conditions_said, seen.status, seen.generation, now),
        }
        if conditions.shows(seen.status, status, removable=REMOVABLE):
            return
        loop, pace = asyncio.get_running_loop(), self._pace(ref)
        pace.doubted_since = None
        if loop.time() < pace.rests_until or self._is_being_bound(ref, now.timestamp()):
            loop.call_at(max(pace.rests_until, loop.time() + REST_S), self._mark_known, ref)
            return
        members = fields.get("members", {}).get("total", 0)
        pace.rests_until = loop.time() + REST_S + REST_PER_MEMBER_S * members
        written = Seen.of(json.loads(await self._apply(ref, seen, status)))
        pace.failures = 0
        known = self._seen.get(ref)
        if known is not None and known.uid == written.uid and known.version < written.version:
            self._seen[ref] = written

    async def _doubt(self, ref: Ref) -> None:
        """Wait for whichever view lags, and ask the API server when that takes too long. Raises: errors.NotFound for what is gone."""
        loop, pace = asyncio.get_running_loop(), self._pace(ref)
        if pace.doubted_since is not None and loop.time() >= pace.doubted_since + DOUBT_S:
            pace.doubted_since = None
            self.see(ref.plural, json.loads(await self._transport.get(ref.path)))
        elif pace.doubted_since is None:
            pace.doubted_since = loop.time()
            loop.call_later(DOUBT_S, self._mark_known, ref)

    def _pace(self, ref: Ref) -> _Pace:
        return self._paces.setdefault(ref, _Pace())

    def _is_being_bound(self, ref: Ref, now: float) -> bool:
        """Whether the scheduler is writing to this group right now; its numbers are news when it is done, or takes long."""
        group, pods = self._cache.view(GroupKey(ref.namespace, ref.name))
        if group is None or ref.plural != "podgroups" or now >= whole_by(group) or group.attempt is None:
            return False
        planned = {member.uid for member in group.attempt.members}
        return any(pod.uid in planned and not pod.is_bound for pod in pods)

    def _look_again_in_time(self, ref: Ref, now: float) -> None:
        """Mark a group when time alone changes what is to be said of it: nothing happens to a gang whose scheduler is dead."""
        group = self._cache.declared_group(GroupKey(ref.namespace, ref.name))
        moment = group_views.next_look(group, now=now) if group is not None else None
        pace = self._pace(ref)
        if pace.next_look is not None:
            pace.next_look.cancel()
            pace.next_look = None
        if moment is not None and ref.plural == "podgroups":
            pace.next_look = asyncio.get_running_loop().call_later(moment - now, self._mark_known, ref)

    def _wanted(self, ref: Ref, seen: Seen, now: float) -> Status | None:
        """
        Return what the status should say; None while our own reflectors and kopf's watch do not show the same object.

        Whichever lags marks it when it has caught up.
        """
        match ref.plural:
            case "podgroups":
                return self._group(ref, seen, now)
            case "queues":
                return self._queue(ref, seen)
            case _:
                return self._topology(ref, seen)

    def _group(self, ref: Ref, seen: Seen, now: float) -> Status | None:
        group, pods = self._cache.view(GroupKey(ref.namespace, ref.name))
        if group is None or (group.uid, group.generation) != (seen.uid, seen.generation):
            return None
        fields, said = group_views.group_status(
            group,
            pods,
            self._sums.surroundings,
            now=now,
            ignored=unsupported(seen.spec),
            has_timed_out=_has_timed_out(seen),
        )
        explanation = self._explanation(group, seen, str(fields["phase"]))
        return {**fields, **({"explanation": explanation} if explanation else {})}, said

    def _explanation(self, group: PodGroup, seen: Seen, phase: str) -> Mapping[str, Any] | None:
        """Return why the group waits, as far as it does; what stands there already stays until it has had its turn."""
        if phase not in WAITING or group.is_deleting:
            self._explainer.ends(group.key)
            return None
        reason = str(seen.condition("Scheduled").get("reason", ""))
        holds = reason in ONLY_STANDALONE  # the scheduler's mode shows in what it says
        self._explainer.waits(group.key, About(group.generation, reason, holds_unevaluated=holds))
        found = self._explainer.of(group.key)
        if found is not None:
            return found.written if found.generation == group.generation else None
        stands: Mapping[str, Any] | None = seen.status.get("explanation")
        return stands if seen.status.get("observedGeneration") == group.generation else None

    def _queue(self, ref: Ref, seen: Seen) -> Status | None:
        try:
            queue = parse_queue(_named(ref, seen))
        except BadObject as problem:
            return {}, (_refused(problem),)
        if queue.name not in self._sums.snapshot.queues:
            return None
        fields = queue_views.queue_status(queue, self._sums.tally(queue.name), self._sums.capacity)
        ignored = unsupported_in_queue(seen.spec)
        return fields, (queue_views.queue_condition(queue, self._sums.snapshot.queues, ignored),)

    def _topology(self, ref: Ref, seen: Seen) -> Status | None:
        try:
            _, levels = parse_topology(_named(ref, seen))
        except BadObject as problem:
            return {}, (_refused(problem),)
        used = self._cache.topology_in_use
        if not used:
            return None
        labels = {label for state in self._sums.snapshot.nodes.values() for label in state.node.labels}
        return {}, (topology_views.topology_condition(levels, labels, ref.name == used),)

    async def _apply(self, ref: Ref, seen: Seen, status: Mapping[str, Any]) -> bytes:
        """Write the status by server-side apply, to this very object: another of the same name answers with a conflict."""
        meta = {"name": ref.name, "uid": seen.uid, **({"namespace": ref.namespace} if ref.namespace else {})}
        patch = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KINDS[ref.plural],
            "metadata": meta,
            "status": status,
        }
        body = json.dumps(patch, separators=(",", ":")).encode()
        return await self._transport.patch(
            f"{ref.path}/status?fieldManager={MANAGER}&force=true", body, APPLY
        )


def _has_timed_out(seen: Seen) -> bool:
    said = seen.condition("Scheduled")
    return said.get("status") == "False" and said.get("reason") == Reason.TIMEOUT.value


def _named(ref: Ref, seen: Seen) -> bytes:
    return json.dumps({"metadata": {"name": ref.name}, "spec": seen.spec}).encode()


def _refused(problem: BadObject) -> Condition:
    return Condition("Accepted", False, Reason.INVALID_SPEC, str(problem))
