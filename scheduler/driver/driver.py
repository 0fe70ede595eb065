"""
Theory of operation: one task owns the lifecycle and turns round whenever something happened.

    cache changed ─┐
    an outcome  ───┼─> inbox ─> Lifecycle.handle ─> instructions ─> cache (at once) or kube (a task each, its outcome comes back)
    a vote      ───┤
    a deadline  ───┘        └─> candidates? ─> snapshot ─> decide, in a worker thread ─> Decided

Only this task changes the lifecycle and the cache's reservations, so neither needs a lock; the worker thread sees frozen values
only.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from scheduler.config import CycleSettings
from scheduler.driver.chronicle import Chronicle
from scheduler.driver.desk import VoteDesk
from scheduler.driver.freshness import overtaken
from scheduler.driver.volume_watch import VolumeWatch
from scheduler.engine.cycle import decide
from scheduler.engine.extension_points import PolicySet
from scheduler.engine.lifecycle import Lifecycle
from scheduler.engine.messages import (
    Abandoned,
    AnswerVote,
    Bind,
    BindFailed,
    CapacityChanged,
    Decide,
    Decided,
    Event,
    Evict,
    Instruction,
    LeadershipLost,
    Observed,
    Prepare,
    PrepareFailed,
    Publish,
    Record,
    RecordRefused,
    Release,
    Reserve,
    Tick,
    Wake,
)
from scheduler.kube.binder import Binder
from scheduler.kube.cache import Cache
from scheduler.kube.claims import ClaimWriter
from scheduler.kube.leases import Term
from scheduler.kube.status import StatusWriter
from scheduler.model.ids import GroupKey
from scheduler.model.plan import Plan
from scheduler.model.podgroups import AttemptPhase
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import Snapshot

TURN_S = 0.001  # arbitrary: a few outcomes at full speed
OBSERVING_S = 0.01  # looking at changed gangs in one turn; thousands at the start are looked at in many
OBSERVING_SHARE = 4.0
STOP_GRACE_S = 10.0  # for writes on the way when told to stop; what is open after that, the next leader finds in the record
RECORDERS = 32  # records written at once: as many as the API server answers without queueing
PUBLISHERS = 8  # conditions written at once: news may wait, bindings may not


@dataclass(frozen=True, slots=True)
class Hands:
    """What the driver acts through."""

    cache: Cache
    binder: Binder
    status: StatusWriter
    claims: ClaimWriter


@dataclass(frozen=True, slots=True)
class CycleEnded:
    """A cycle's outcome, before it is checked against the present."""

    plan: Plan
    then: Snapshot
    keys: frozenset[GroupKey]


class Driver:
    """Runs one term of leadership. `run` returns when the term ends or `stop` was called; it is not used twice."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        policies: PolicySet,
        hands: Hands,
        term: Term,
        *,
        clock: Callable[[], float],
        wall_offset_s: float,
        settings: CycleSettings,
        chronicle: Chronicle,
        desk: VoteDesk | None = None,
    ) -> None:
        """`clock` is monotonic, in seconds; with `wall_offset_s` added it counts from 1970. `desk` is given where kube-scheduler votes."""
        self._lifecycle = lifecycle
        self._policies = policies
        self._hands = hands
        self._cache = hands.cache
        self._term = term
        self._clock = clock
        self._wall_offset_s = wall_offset_s
        self._settings = settings
        self._chronicle = chronicle
        self._desk = desk
        self._inbox: deque[tuple[float, Event | CycleEnded]] = deque()  # each with when it happened
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._volumes = VolumeWatch()
        self._next_cycle_at = 0.0
        self._changed: set[GroupKey] = set()
        self._unseen: deque[GroupKey] = deque()
        self._observe_at = 0.0
        self._cycle: asyncio.Task[None] | None = None
        self._stop_by: float | None = None
        self._recorders = asyncio.Semaphore(RECORDERS)
        self._publishers = asyncio.Semaphore(PUBLISHERS)
        self._running: set[asyncio.Task[None]] = set()
        self._publishing: dict[GroupKey, set[asyncio.Task[None]]] = {}
        self._tasks: asyncio.TaskGroup

    async def run(self) -> None:
        """Lead until the term ends or `stop`; open writes are waited for in the second case only."""
        if self._desk is not None:
            self._desk.open(self._lifecycle, self.post)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._spawn(self._pump(self._cache.changed, clear=True))
                self._spawn(self._pump(self._term.lost))
                self._spawn(self._pump(self._stopping))
                self._changed.update(self._cache.keys())
                while not self._is_over():
                    self._turn()
                    await self._sleep()
                if not self._term.is_held():
                    self._hand_over()
                for task in tuple(
                    self._running
                ):  # after a lost term nothing may be written any more, not even a repetition
                    task.cancel()
        finally:
            if self._desk is not None:
                self._desk.close(f"{Reason.NOT_LEADER}: this replica stops; try again")

    def stop(self) -> None:
        """Plan nothing new; `run` returns when what is on the way has ended."""
        self._stopping.set()

    def post(self, event: Event | CycleEnded) -> None:
        """Give the driver an event to handle in its next turn. On the event loop only."""
        self._inbox.append((self._clock(), event))
        self._wake.set()

    # --- one turn --------------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._observe()
        for outcome in self._volumes.ended(self._cache.storage.frozen()):
            self._handle(outcome)
        while self._inbox:
            happened_at, event = self._inbox.popleft()
            if isinstance(event, CycleEnded):
                self._cycle_ended(event)
            else:
                self._handle(event, happened_at)
        now = self._clock()
        timer = self._lifecycle.next_timer()
        if timer is not None and timer <= now:
            self._handle(Tick(self._desk.heard_at if self._desk is not None else None))
        if not self._stopping.is_set():
            self._begin_cycle(now)

    def _observe(self) -> None:
        changes = self._cache.drain()
        self._changed |= changes.groups
        now = self._clock()
        if now >= self._observe_at:
            if not self._unseen:
                self._unseen.extend(sorted(key for key in self._changed if not self._lifecycle.is_busy(key)))
                self._changed.difference_update(self._unseen)
            while self._unseen and self._clock() < now + OBSERVING_S:
                self._see(self._unseen.popleft())
            # A look at a gang of thousands costs milliseconds: never more than a fifth of the time, however fast its pods change.
            self._observe_at = now + (0.0 if self._unseen else OBSERVING_SHARE * (self._clock() - now))
        if changes.capacity or changes.everything:
            self._handle(CapacityChanged())

    def _see(self, key: GroupKey) -> None:
        group, members = self._cache.view(key)
        if self._desk is not None:
            self._desk.arrived(key, exists=group is not None or bool(members))
        self._handle(Observed(key, group, members))

    def _handle(self, event: Event, happened_at: float | None = None) -> None:
        now = self._clock()
        self._chronicle.happened(event, now if happened_at is None else happened_at)
        for order in self._lifecycle.handle(event, now):
            self._chronicle.instructed(order, now)
            self._carry_out(order)

    async def _sleep(self) -> None:
        moments = [self._lifecycle.next_timer()]
        decision_at = self._lifecycle.next_decision() if not self._stopping.is_set() else None
        if self._stop_by is not None:
            moments.append(self._stop_by)
        if decision_at is not None and self._cycle is None:
            moments.append(max(decision_at, self._next_cycle_at))
        if self._unseen or any(not self._lifecycle.is_busy(key) for key in self._changed):
            moments.append(self._observe_at)
        due = min((moment for moment in moments if moment is not None), default=None)
        if not self._inbox:
            loop = asyncio.get_running_loop()
            timer = (
                loop.call_later(max(TURN_S, due - self._clock()), self._wake.set) if due is not None else None
            )
            await self._wake.wait()
            if timer is not None:
                timer.cancel()
        self._wake.clear()
        await asyncio.sleep(TURN_S)  # what happens within a moment is handled together

    def _is_over(self) -> bool:
        if not self._term.is_held():
            return True
        if not self._stopping.is_set():
            return False
        now = self._clock()
        self._stop_by = self._stop_by if self._stop_by is not None else now + STOP_GRACE_S
        return now >= self._stop_by or not self._lifecycle.has_open_work()

    def _hand_over(self) -> None:
        for order in self._lifecycle.handle(LeadershipLost(), self._clock()):
            if isinstance(order, AnswerVote) and self._desk is not None:
                self._desk.answer(order)

    # --- cycles ----------------------------------------------------------------------------------------------------------

    def _begin_cycle(self, now: float) -> None:
        if self._cycle is not None or now < self._next_cycle_at:
            return
        keys = self._lifecycle.candidates(now)
        if keys:
            self._cycle = self._tasks.create_task(self._run_cycle(keys, self._cache.snapshot()))

    async def _run_cycle(self, keys: frozenset[GroupKey], snapshot: Snapshot) -> None:
        begun = self._clock()
        plan = await asyncio.to_thread(
            decide,
            snapshot,
            self._policies,
            now=begun + self._wall_offset_s,
            reporter=self._chronicle.reporter,
            only=keys,
        )
        took = self._clock() - begun
        self._chronicle.cycle_ended(plan, considered=len(keys), seconds=took)
        self._next_cycle_at = begun + took + max(self._settings.min_interval_s, took)
        self._cycle = None
        self.post(CycleEnded(plan, snapshot, keys))

    def _cycle_ended(self, ended: CycleEnded) -> None:
        late = (
            overtaken(ended.plan, ended.then, self._cache.snapshot()) if ended.plan.admitted else frozenset()
        )
        kept = tuple(d for d in ended.plan.decisions if d.group not in late)
        self._handle(Decided(Plan(kept), ended.keys))
        self._lifecycle.postpone(late, self._clock())
        if self._desk is not None:
            self._desk.moved()

    # --- instructions ----------------------------------------------------------------------------------------------------

    def _carry_out(self, order: Instruction) -> None:
        match order:
            case Reserve(reservation):
                self._cache.reserve(reservation)
                self._hush(reservation.group)
            case Release(key, uids):
                self._cache.release(key, uids)
            case AnswerVote():
                if self._desk is not None:
                    self._desk.answer(order)
            case Record():
                self._spawn(self._record(order))
            case Bind():
                self._spawn(self._bind(order))
            case Evict():
                self._spawn(self._report(self._hands.binder.evict(order)))
            case Prepare():
                self._volumes.expect(order)
                self._spawn(self._prepare(order))
            case Wake():
                self._spawn(self._wake_members(order))
            case Publish(key):
                task = self._spawn(self._publish(order))
                self._publishing.setdefault(key, set()).add(task)
                task.add_done_callback(lambda done: self._told(key, done))
            case Abandoned():
                pass  # the chronicle has heard it
            case Decide():
                pass  # every turn looks for candidates

    def _hush(self, key: GroupKey) -> None:
        """Stop telling why a gang waits: it does not any more, and a write to a pod now would cost its binding a retry."""
        for telling in self._publishing.pop(key, ()):
            telling.cancel()

    def _told(self, key: GroupKey, done: asyncio.Task[None]) -> None:
        left = self._publishing.get(key, set())
        left.discard(done)
        if not left:
            self._publishing.pop(key, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _report(self, work: Coroutine[Any, Any, Event]) -> None:
        self.post(await work)

    async def _record(self, order: Record) -> None:
        async with self._recorders:
            obstacle = self._obstacle(order) if order.attempt.phase is AttemptPhase.COMMITTING else ""
            if obstacle:
                self.post(RecordRefused(order.key, order.attempt.id, obstacle, Reason.NODE_CHANGED))
            elif self._term.is_held():
                self.post(await self._hands.status.record(order))

    async def _bind(self, order: Bind) -> None:
        uid = order.assignment.uid
        obstacle = self._cache.obstacle(uid, order.assignment.node)
        if obstacle:  # the API server would bind all the same, even to a node that does not exist
            self.post(BindFailed(order.key, uid, Reason.NODE_CHANGED, obstacle))
        elif self._term.is_held():
            self.post(await self._hands.binder.bind(order))

    async def _prepare(self, order: Prepare) -> None:
        """Ask for volumes. That they are there is seen in the cache."""
        problem = await self._hands.claims.select(order.provisions) if self._term.is_held() else ""
        if problem:
            self.post(PrepareFailed(order.key, order.attempt, order.provisions, problem))
        self._wake.set()  # the volumes may have been there already

    async def _wake_members(self, order: Wake) -> None:
        if self._desk is None:
            return
        self._desk.moved()
        for member in self._desk.to_wake(order):
            async with self._publishers:
                await self._hands.status.wake(member)

    async def _publish(self, order: Publish) -> None:
        async with self._publishers:
            if self._term.is_held():
                await self._hands.status.publish(order, to_pods=True)

    def _obstacle(self, order: Record) -> str:
        """Return what stands in the way of the bindings that this record announces; empty when nothing does."""
        bound = {pod.uid for pod in self._cache.view(order.key)[1] if pod.is_bound}
        planned = (member for member in order.attempt.members if member.uid not in bound)
        found = (self._cache.obstacle(member.uid, member.node) for member in planned)
        return next((obstacle for obstacle in found if obstacle), "")

    async def _pump(self, signal: asyncio.Event, *, clear: bool = False) -> None:
        while True:
            await signal.wait()
            self._wake.set()
            if not clear:
                return
            signal.clear()
