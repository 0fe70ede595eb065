"""
Theory of operation: the life of a gang between plan and binding, as a state machine without I/O.

Facts and outcomes come in as events, what shall be done goes out as instructions (`scheduler.engine.messages`). Nothing here reads a
clock: `now` is monotonic time in seconds, given with each event.

    WAITING    -- Decided(Admit) --> RESERVED (votes needed) or RECORDING, after Reserve
    RESERVED   -- every member voted --> RECORDING;  member lost, node refused, barrier passed --> WAITING, every vote answered
    WAITING    -- Decided(Admit) with volumes to be made --> RESERVED -- Prepared --> RECORDING;  PrepareFailed, too late --> WAITING
    RECORDING  -- Recorded --> BINDING, all members at once;  RecordRefused --> WAITING, later
    BINDING    -- last outcome --> CLOSING (enough bound: Committed; none bound: Aborted), or WAITING to plan the rest again
    WAITING    -- a step of repair time went by below the minimum --> NOTING -- Recorded, RecordRefused --> WAITING
    WAITING    -- repair time spent below the minimum --> ABORTING
    ABORTING   -- Recorded --> EVICTING -- none bound any more --> CLOSING (Aborted)
    CLOSING    -- Recorded --> WAITING

A pod without a group is a gang of one and walks the same way, without a record: its binding is its record.

Invariants: a reservation exists from the moment a plan is taken until each member is seen bound or known not to be; no binding
before its record is acknowledged; every vote gets exactly one answer; an attempt that has bound somebody ends with enough members
bound, or with none.

The view of a group is level-triggered (`Observed` replaces), so a missed, repeated or late event cannot wedge a gang. After a
restart the record in the view is all there is: an open attempt is rolled forward by planning what is not bound yet.

Next: fencing, tickets and victims join in `Record` and before `Bind`; no state has to be added for them.
Source: `commit-protocol` design notes; presumed commit after Lampson, "Atomic Transactions", 1981.
"""

from collections.abc import Callable

from scheduler.engine.attempts import Gang, Slot, SlotState, State
from scheduler.engine.messages import (
    AnswerVote,
    BindDone,
    BindFailed,
    CapacityChanged,
    Decide,
    Decided,
    Event,
    Evicted,
    EvictionRefused,
    Instruction,
    LeadershipLost,
    NodeRefused,
    Observed,
    Prepared,
    PrepareFailed,
    Recorded,
    RecordRefused,
    Release,
    Tick,
    Voted,
    VoteWithdrawn,
)
from scheduler.engine.publishing import times_out_at
from scheduler.engine.steps import LifecycleSettings, Steps
from scheduler.model.ids import AttemptId, GroupKey, PodUid
from scheduler.model.plan import Hold, Plan, Provision
from scheduler.model.podgroups import AttemptPhase, MemberRef
from scheduler.model.reasons import Reason
from scheduler.model.status import Status


class Lifecycle:
    """Owns the memory of every gang. One instance per term of leadership; not shared between threads."""

    def __init__(self, settings: LifecycleSettings, *, epoch: int, wall_offset_s: float = 0.0) -> None:
        """`epoch` of the leader's term; `wall_offset_s` is added to `now` to give seconds since 1970."""
        self._wall_offset_s = wall_offset_s
        self._gangs: dict[GroupKey, Gang] = {}
        self._timed: set[GroupKey] = set()  # gangs that time may move; most gangs are at rest
        self._hoping: set[GroupKey] = set()  # gangs that freed room may help
        self._steps = Steps(settings, epoch=epoch, wall_offset_s=wall_offset_s)

    # --- what the driver uses --------------------------------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Instruction]:  # noqa: PLR0912  one branch per event is the table
        """Take one event and return what shall be done, in order. Cost: O(members of the gang), and O(gangs it may concern)."""
        self._steps.out = []
        touched = self._touched(event)
        match event:
            case Observed():
                self._on_observed(event, now)
            case CapacityChanged():
                self._on_capacity(now)
            case Decided(plan, considered):
                self._on_decided(plan, considered, now)
            case Recorded(key, attempt, version):
                self._with_attempt(key, attempt, lambda gang: self._on_recorded(gang, version, now))
            case RecordRefused(key, attempt):
                self._with_attempt(key, attempt, lambda gang: self._on_record_refused(gang, event, now))
            case BindDone(key, uid):
                self._with_slot(key, uid, lambda gang, slot: self._on_bind_done(gang, slot, now))
            case BindFailed(key, uid, reason, message):
                self._with_slot(
                    key, uid, lambda gang, slot: self._on_bind_failed(gang, slot, f"{reason}: {message}", now)
                )
            case Evicted(key, uid):
                self._on_evicted(key, uid, now)
            case EvictionRefused(key, _, _):
                self._with_gang(key, lambda gang: self._steps.retry_later(gang, now))
            case Voted(key, member, node):
                self._on_voted(key, member, node, now)
            case VoteWithdrawn(key, uid):
                self._with_gang(key, lambda gang: gang.votes.discard(uid))
            case NodeRefused(key, uid):
                self._on_node_refused(key, uid, now)
            case Prepared(key, attempt, provisions) | PrepareFailed(key, attempt, provisions):
                self._with_attempt(key, attempt, lambda gang: self._on_prepared(gang, event, provisions, now))
            case Tick(heard_at):
                self._on_tick(heard_at, now)
            case LeadershipLost():
                self._on_leadership_lost()
        self._file(touched)
        return self._steps.out

    def candidates(self, now: float) -> frozenset[GroupKey]:
        """
        Return the gangs that the next cycle shall decide, and count them as given to it.

        What changes between this call and `Decided` makes a gang a candidate again.
        """
        ready = frozenset(key for key in self._timed if self._gangs[key].wants_decision(now))
        for key in ready:
            gang = self._gangs[key]
            gang.decide_at = None
            gang.is_deciding = True
        self._file(ready)
        return ready

    def postpone(self, keys: frozenset[GroupKey], now: float) -> None:
        """Make these gangs candidates again: a cycle was thrown away, for instance because a node changed under it."""
        for key in sorted(keys):
            gang = self._gangs.get(key)
            if gang is not None:
                gang.is_deciding = False
                self._steps.want_decision(gang, now)
        self._file(keys)

    def next_deadline(self) -> float | None:
        """Return when a Tick is due, at the latest; None while nothing waits for time. Decisions that are due count."""
        return min((m for m in (self.next_decision(), self.next_timer()) if m is not None), default=None)

    def next_decision(self) -> float | None:
        """Return when the next cycle has something to decide; None while nothing does."""
        moments = (self._gangs[key].decision_at() for key in self._timed)
        return min((moment for moment in moments if moment is not None), default=None)

    def next_timer(self) -> float | None:
        """Return when something other than a decision is due."""
        moments = [moment for key in self._timed for moment in self._gangs[key].timers()]
        published = self._steps.notices.next_due()
        return min(moments if published is None else [*moments, published], default=None)

    def planned_slot(self, key: GroupKey, uid: PodUid) -> Slot | None:
        """Return what is planned for this member, for the extender's /filter; None without an open plan."""
        gang = self._gangs.get(key)
        return gang.slots.get(uid) if gang is not None else None

    def is_being_decided(self, key: GroupKey) -> bool:
        """Whether a decision about this gang is due or under way, so that asking again in a moment may help."""
        gang = self._gangs.get(key)
        if gang is None:
            return False
        return gang.is_deciding or (gang.decide_at is not None and gang.is_complete() and gang.hold is None)

    def is_busy(self, key: GroupKey) -> bool:
        """Whether the gang awaits outcomes and a new view would change nothing until they are in."""
        gang = self._gangs.get(key)
        return gang is not None and gang.is_writing()

    def hold_of(self, key: GroupKey) -> Hold | None:
        """Return why the gang waits, as last decided."""
        gang = self._gangs.get(key)
        return gang.hold if gang is not None else None

    def has_open_work(self) -> bool:
        """Whether a write is on the way; a clean stop waits for these."""
        return any(gang.is_writing() for gang in self._gangs.values())

    # --- events ----------------------------------------------------------------------------------------------------------

    def _on_observed(self, event: Observed, now: float) -> None:
        gang = self._gangs.get(event.key)
        if gang is None:
            if event.group is None and not event.members:
                return
            gang = self._gangs[event.key] = Gang(event.key)
            gang.adopt_record(event.group)
        gang.see(event.group, event.members)
        match gang.state:
            case State.WAITING:
                if not gang.is_forgettable():
                    self._look_again(gang, now)
            case State.RESERVED:
                if not gang.is_as_planned():
                    lost = gang.lost_slot()
                    name = lost.assignment.pod.name if lost is not None else event.key.name
                    text = f"{name} is not what was planned for any more; try again"
                    self._steps.abandon(gang, Reason.MEMBER_CHANGED, text)
                    self._steps.want_decision(gang, now)
            case State.EVICTING:
                self._steps.continue_evicting(gang, now)
            case State.CLOSING | State.ABORTING if gang.retry_at is not None and gang.has_lost_its_group():
                self._closed(gang, now)  # the record went with its group
            case _:
                pass  # a write is on the way; its outcome brings us back
        self._forget(gang)

    def _on_capacity(self, now: float) -> None:
        for key in sorted(self._hoping):
            gang = self._gangs[key]
            # A decision under way was made from a picture without this room.
            self._steps.want_decision(gang, now)

    def _on_decided(self, plan: Plan, considered: frozenset[GroupKey], now: float) -> None:
        for key in considered & self._gangs.keys():
            self._gangs[key].is_deciding = False
        for decision in plan.decisions:
            key = decision.group
            gang = self._gangs.get(key)
            if gang is None:
                continue
            gang.is_deciding = False
            if gang.state is not State.WAITING:
                continue
            if isinstance(decision, Hold):
                gang.hold = decision
                self._steps.notices.want(key, self._steps.report(gang, decision, now), decision, now)
                self._watch_timeout(gang, now)
            elif gang.can_take(decision):
                self._steps.take(gang, decision, now)
            else:
                self._steps.want_decision(gang, now)

    def _on_recorded(self, gang: Gang, version: str, now: float) -> None:
        gang.resource_version = version
        gang.retry_at = None
        match gang.state:
            case State.RECORDING:
                self._steps.bind_all(gang, now)
            case State.NOTING:
                gang.state = State.WAITING
                self._look_again(gang, now)
            case State.ABORTING:
                gang.state = State.EVICTING
                self._steps.continue_evicting(gang, now)
            case State.CLOSING:
                if gang.closing_report is not None:
                    gang.was_told(gang.closing_report)
                self._closed(gang, now)
            case _:
                pass  # the answer to a write that was given up meanwhile

    def _on_record_refused(self, gang: Gang, refused: RecordRefused, now: float) -> None:
        if gang.state is State.RECORDING:
            self._steps.abandon(gang, refused.reason, refused.message)
            text = f"Nobody was bound: {refused.message}. It is tried again."
            self._steps.tell(gang, Status.ERROR, refused.reason, text, now)
            self._steps.back_off(gang, now)
        elif gang.state is State.NOTING:
            gang.state = State.WAITING
            if not gang.has_recorded_attempt():
                gang.attempt = None
            self._look_again(gang, now)
        elif gang.state in {State.CLOSING, State.ABORTING}:
            if gang.has_lost_its_group():
                self._closed(gang, now)  # the record went with its group
            else:
                self._steps.retry_later(gang, now)

    def _on_bind_done(self, gang: Gang, slot: Slot, now: float) -> None:
        uid = slot.assignment.uid
        slot.state = SlotState.BOUND
        gang.outstanding.discard(uid)
        if gang.shows_unbound(uid):
            gang.unseen.add(uid)
        self._steps.answer(gang, uid, "")
        self._steps.settle(gang, now)

    def _on_bind_failed(self, gang: Gang, slot: Slot, error: str, now: float) -> None:
        slot.state, slot.error = SlotState.FAILED, error
        gang.outstanding.discard(slot.assignment.uid)
        self._steps.out.append(Release(gang.key, (slot.assignment.uid,)))
        self._steps.answer(gang, slot.assignment.uid, error)
        self._steps.settle(gang, now)

    def _on_evicted(self, key: GroupKey, uid: PodUid, now: float) -> None:
        gang = self._gangs.get(key)
        if gang is not None:
            gang.evicted.add(uid)
            if gang.state is State.EVICTING:
                self._steps.continue_evicting(gang, now)

    def _on_voted(self, key: GroupKey, member: MemberRef, node: str, now: float) -> None:
        gang = self._gangs.get(key)
        slot = gang.slots.get(member.uid) if gang is not None else None
        if gang is None or slot is None or slot.assignment.node != node:
            self._steps.out.append(
                AnswerVote(
                    member.uid, f"{Reason.NODE_REFUSED}: {member.key} is not planned on {node}; try again"
                )
            )
            return
        if gang.state is State.RESERVED and not gang.has_been_voted_on:
            gang.has_been_voted_on = True  # once per plan, or callers that come and go would keep it for ever
            gang.barrier_at = now + self._steps.settings.barrier_timeout_s
        gang.votes.add(member.uid)
        if slot.state is SlotState.BOUND:
            self._steps.answer(gang, member.uid, "")
        elif slot.state is SlotState.FAILED:
            self._steps.answer(gang, member.uid, slot.error)
        elif gang.state is State.RESERVED and gang.votes >= gang.slots.keys():
            self._steps.commit(gang, now)

    def _on_node_refused(self, key: GroupKey, uid: PodUid, now: float) -> None:
        gang = self._gangs.get(key)
        if gang is not None and gang.state is State.RESERVED and uid in gang.slots:
            node = gang.slots[uid].assignment.node
            text = f"kube-scheduler did not offer {node}; another plan is being made"
            self._steps.abandon(gang, Reason.NODE_REFUSED, text)
            self._steps.want_decision(gang, now)

    def _on_prepared(
        self, gang: Gang, outcome: Prepared | PrepareFailed, of: tuple[Provision, ...], now: float
    ) -> None:
        if gang.state is not State.RESERVED or gang.provisions != of:
            return  # of an earlier plan
        if isinstance(outcome, PrepareFailed):
            self._steps.unprepared(gang, outcome.message, now)
        else:
            self._steps.commit(gang, now)

    def _on_tick(self, heard_at: float | None, now: float) -> None:
        for key in sorted(self._timed):
            gang = self._gangs[key]
            if gang.barrier_at is not None and gang.barrier_at <= now:
                if gang.provisions:
                    text = f"volumes were not made within {self._steps.settings.volume_timeout_s:.0f} s"
                    self._steps.unprepared(gang, text, now)
                else:
                    self._steps.votes_missing(gang, heard_at, now)
            if gang.retry_at is not None and gang.retry_at <= now:
                gang.retry_at = None
                self._steps.retry(gang, now)
            if (
                gang.repair_at is not None
                and gang.repair_at <= now
                and gang.state in {State.WAITING, State.RESERVED}
            ):
                gang.repair_at = None
                self._steps.give_up_repair(gang, now)
            if gang.note_at is not None and gang.note_at <= now and gang.state is State.WAITING:
                self._steps.note_repair(gang, now)
            if gang.wants_decision(now):
                self._steps.out.append(Decide())
        for key, _ in self._steps.notices.due(now):
            waiting = self._gangs.get(key)
            publish = self._steps.notices.publish(key, waiting.members if waiting is not None else (), now)
            if publish is not None:
                self._steps.out.append(publish)
                if waiting is not None:
                    waiting.was_told(publish.report)

    def _on_leadership_lost(self) -> None:
        for gang in self._gangs.values():
            for uid in sorted(gang.votes):
                self._steps.out.append(
                    AnswerVote(uid, f"{Reason.NOT_LEADER}: another replica may lead now; try again")
                )
        for memory in (self._gangs, self._timed, self._hoping):
            memory.clear()

    # --- looking after gangs ---------------------------------------------------------------------------------------------

    def _look_again(self, gang: Gang, now: float) -> None:
        """A gang at rest has a new view: resume what a predecessor left open, or ask for a decision."""
        if gang.attempt is not None and not gang.unseen:
            gang.ask_for_no_more_than_the_spec()
            bound = len(gang.bound())
            if gang.attempt.phase is AttemptPhase.ABORTING:
                gang.state = State.EVICTING
                self._steps.continue_evicting(gang, now)
                return
            if bound >= gang.min_count():
                self._steps.close(gang, AttemptPhase.COMMITTED, self._steps.scheduled(gang), now)
                return
            if bound == 0:
                self._steps.close(gang, AttemptPhase.ABORTED, None, now)
                return
        if not gang.unseen:
            self._steps.mind_repair(gang, now)
        if gang.group is not None and gang.group.is_deleting:
            return
        if gang.unbound() or gang.lacks_members():
            self._steps.want_decision(gang, now)
        else:
            gang.decide_at = gang.hold = None
            self._steps.tell_whole(gang, now)

    def _closed(self, gang: Gang, now: float) -> None:
        committed = gang.attempt is not None and gang.attempt.phase is AttemptPhase.COMMITTED
        gang.state, gang.attempt, gang.closing_report, gang.slots = State.WAITING, None, None, {}
        gang.retry_at = None
        if gang.is_forgettable():
            self._forget(gang)
            return
        if committed:
            gang.failures = 0
        else:
            self._steps.back_off(gang, now)
        self._look_again(gang, now)

    def _touched(self, event: Event) -> frozenset[GroupKey]:
        """Return the gangs that this event may change."""
        match event:
            case CapacityChanged():
                return frozenset(self._hoping)
            case Tick():
                return frozenset(self._timed)
            case Decided(plan, considered):
                return considered | {decision.group for decision in plan.decisions}
            case LeadershipLost():
                return frozenset()
            case _:
                return frozenset({event.key})

    def _file(self, keys: frozenset[GroupKey]) -> None:
        """Keep the two indexes true for these gangs."""
        for key in keys:
            gang = self._gangs.get(key)
            for index, belongs in (
                (self._timed, gang is not None and gang.minds_time()),
                (self._hoping, gang is not None and gang.hopes_for_room()),
            ):
                if belongs:
                    index.add(key)
                else:
                    index.discard(key)

    def _forget(self, gang: Gang) -> None:
        """Drop a gang of which nothing is left."""
        if gang.is_forgettable() and self._gangs.pop(gang.key, None) is not None:
            self._steps.notices.forget(gang.key)

    def _watch_timeout(self, gang: Gang, now: float) -> None:
        due_at = times_out_at(gang.group)
        if due_at is None or gang.group is None or gang.bound():
            return
        due_at -= self._wall_offset_s
        if due_at > now:
            gang.decide_at = due_at if gang.decide_at is None else min(gang.decide_at, due_at)
        elif gang.group.fail_on_timeout:
            gang.given_up = (
                gang.group.generation
            )  # until its status, once written, says so, or the spec changes

    def _with_gang(self, key: GroupKey, step: Callable[[Gang], None]) -> None:
        gang = self._gangs.get(key)
        if gang is not None:
            step(gang)

    def _with_attempt(self, key: GroupKey, attempt: AttemptId, step: Callable[[Gang], None]) -> None:
        gang = self._gangs.get(key)
        if gang is not None and gang.attempt is not None and gang.attempt.id == attempt:
            step(gang)

    def _with_slot(self, key: GroupKey, uid: PodUid, step: Callable[[Gang, Slot], None]) -> None:
        gang = self._gangs.get(key)
        slot = gang.slots.get(uid) if gang is not None else None
        if gang is not None and slot is not None and slot.state is SlotState.BINDING:
            step(gang, slot)
