"""
One gang as the lifecycle remembers it: its last view, its open attempt and what became of each planned member.

Owned by `scheduler.engine.lifecycle`, which alone changes it. Everything here can be rebuilt from the API server: the view from the
watch, the attempt from ``PodGroup.status.attempt``; only waiting votes die with the process, and their callers ask again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from scheduler.engine.messages import Report
from scheduler.engine.standing import counts_as_done
from scheduler.model.ids import AttemptId, GroupKey, GroupUid, PodUid
from scheduler.model.plan import Admit, Assignment, Hold, Placement, Provision
from scheduler.model.podgroups import (
    RECORD_VERSION,
    Attempt,
    AttemptPhase,
    MemberFailure,
    MemberRef,
    PodGroup,
    RecordedMember,
)
from scheduler.model.pods import Pod, PodPhase
from scheduler.model.reasons import Reason
from scheduler.model.status import Status


class State(StrEnum):
    """
    Where a gang stands between two writes.

    WAITING: nothing is on the way. RESERVED: planned, votes are awaited (extender mode). RECORDING: the record with phase Committing
    is being written. BINDING: bindings are on the way. NOTING: the record with the repair time spent so far is being written. CLOSING:
    the last record is being written. ABORTING: the record with phase Aborting is being written. EVICTING: members bound by the attempt
    are being removed.
    """

    WAITING = "Waiting"
    RESERVED = "Reserved"
    RECORDING = "Recording"
    BINDING = "Binding"
    NOTING = "Noting"
    CLOSING = "Closing"
    ABORTING = "Aborting"
    EVICTING = "Evicting"


class SlotState(StrEnum):
    """What became of one planned member."""

    PLANNED = "Planned"
    BINDING = "Binding"
    BOUND = "Bound"
    FAILED = "Failed"


@dataclass(slots=True)
class Slot:
    """One planned member of the open attempt. `error` says why it failed."""

    assignment: Assignment
    state: SlotState = SlotState.PLANNED
    error: str = ""


@dataclass(slots=True)
class Gang:
    """
    A gang in memory. Times are on the clock of `Lifecycle.handle`; None means not set.

    `outstanding`: members whose binding is on the way. `unseen`: members that we bound and the watch has not shown bound yet;
    while there are any, the gang is not decided again. `votes`: members whose /bind call waits for an answer.
    `given_up`: the generation of the spec that has waited for as long as it would. `told_whole`: the generation for which its group was
    last told that it is scheduled.
    `planned_for`: the identity of the group that the open attempt belongs to; a group recreated under its name is another one.
    """

    key: GroupKey
    group: PodGroup | None = None
    members: tuple[Pod, ...] = ()
    state: State = State.WAITING
    attempt: Attempt | None = None
    planned_for: GroupUid | None = None
    slots: dict[PodUid, Slot] = field(default_factory=dict)
    outstanding: set[PodUid] = field(default_factory=set)
    unseen: set[PodUid] = field(default_factory=set)
    evicted: set[PodUid] = field(default_factory=set)
    votes: set[PodUid] = field(default_factory=set)
    hold: Hold | None = None
    given_up: int | None = None
    told_whole: int | None = None
    failures: int = 0
    resource_version: str = ""
    closing_report: Report | None = None
    placement: Placement | None = None
    provisions: tuple[Provision, ...] = ()  # volumes that the plan waits for
    has_been_voted_on: bool = False
    is_deciding: bool = False  # given to a cycle that has not ended
    # timers
    decide_at: float | None = None
    not_before: float = 0.0
    barrier_at: float | None = None
    retry_at: float | None = None
    repair_at: float | None = None
    repair_since: float | None = None  # or since what of it stands in the attempt
    note_at: float | None = None

    _waiting: frozenset[PodUid] = frozenset()

    # --- what the view says ----------------------------------------------------------------------------------------------

    def min_count(self) -> int:
        """Return how many members make the gang: as recorded while an attempt is open, else as asked for."""
        if self.attempt is not None:
            return self.attempt.min_count
        return self.group.min_count if self.group is not None else 1

    def is_bound(self, pod: Pod) -> bool:
        """Whether the pod has a node, seen or acknowledged, and still stands for a member (ended well counts, failed does not)."""
        if pod.is_deleting or pod.phase is PodPhase.FAILED or pod.uid in self.evicted:
            return False
        return pod.is_bound or pod.uid in self.unseen

    def bound(self) -> tuple[Pod, ...]:
        """Return the members that count as bound."""
        return tuple(pod for pod in self.members if self.is_bound(pod))

    def unbound(self) -> dict[PodUid, Pod]:
        """Return the members that may be planned: alive, ungated and without a node, seen or acknowledged."""
        return {
            p.uid: p
            for p in self.members
            if p.counts_for_quorum and not p.is_bound and p.uid not in self.unseen
        }

    def is_whole(self) -> bool:
        """Whether enough members hold nodes for the gang as the spec asks for it by now."""
        return self.group is not None and len(self.bound()) >= self.group.min_count

    def must_be_told_whole(self) -> bool:
        """Whether the gang is whole and its group says nothing of it, or says it of another spec."""
        if self.group is None or self.key.is_single_pod or not self.is_whole():
            return False
        return self.group.generation not in {self.told_whole, self.group.told_whole_at}

    def was_told(self, report: Report) -> None:
        """Remember what its group says from now on."""
        self.told_whole = report.generation if report.status is Status.SUCCESS else None

    def lacks_members(self) -> bool:
        """Whether fewer members hold nodes than make the gang; one whose members have all ended lacks nobody."""
        bound = self.bound()
        if self.group is None or len(bound) >= self.group.min_count:
            return False
        return not bound or any(not pod.phase.is_terminal for pod in bound)

    def is_below_minimum(self) -> bool:
        """Whether some members hold nodes, not enough for the gang, and the group wants that mended."""
        if self.group is None or self.group.is_deleting or self.key.is_single_pod:
            return False
        bound = self.bound()
        was_whole = self.attempt is None or self.attempt.reason == Reason.REPAIRING
        if was_whole and self.group.on_member_failure is MemberFailure.IGNORE:
            return False
        return 0 < len(bound) < self.min_count() and any(not pod.phase.is_terminal for pod in bound)

    def shows_unbound(self, uid: PodUid) -> bool:
        """Whether the view holds this member and shows it without a node."""
        return uid in self._waiting

    def wants_decision(self, now: float) -> bool:
        """Whether the next cycle shall decide this gang."""
        due_at = self.decision_at()
        return due_at is not None and due_at <= now

    def is_complete(self) -> bool:
        """Whether enough members exist to decide the gang; the decision itself may know better reasons to wait."""
        if self.group is None:
            return False
        there = sum(1 for pod in self.members if pod.counts_for_quorum or counts_as_done(self.group, pod))
        return there >= self.group.min_count and bool(self.unbound())

    def is_writing(self) -> bool:
        """Whether the gang awaits the outcome of a write; one that will be repeated later is not on the way."""
        writes = {State.RECORDING, State.BINDING, State.NOTING, State.CLOSING, State.ABORTING}
        return self.state in writes and self.retry_at is None

    def is_forgettable(self) -> bool:
        """Whether nothing is left to remember."""
        return self.group is None and not self.members and self.state is State.WAITING

    def can_take(self, admit: Admit) -> bool:
        """Whether the plan still speaks of this gang as it is now."""
        if self.group is None or self.group.generation != admit.generation or self.unseen:
            return False
        unbound = self.unbound()
        return all(a.uid in unbound for a in admit.assignments)

    def lost_slot(self) -> Slot | None:
        """Return a planned member that has gone, or is not what was planned for any more."""
        unbound = self.unbound()
        return next(
            (s for uid, s in self.slots.items() if s.state is SlotState.PLANNED and uid not in unbound), None
        )

    def is_as_planned(self) -> bool:
        """Whether the group and every planned member are still what the plan speaks of."""
        if self.group is None or self.attempt is None or self.group.uid != self.planned_for:
            return False
        return self.group.generation == self.attempt.generation and self.lost_slot() is None

    def has_recorded_attempt(self) -> bool:
        """Whether the view of the group shows the open attempt."""
        record = self.group.attempt if self.group is not None else None
        return record is not None and self.attempt is not None and record.id == self.attempt.id

    def has_lost_its_group(self) -> bool:
        """Whether the group of the open attempt has gone, also when another one took its name."""
        return self.group is None or self.group.uid != self.planned_for

    def adopt_record(self, group: PodGroup | None) -> None:
        """Take over what a predecessor left open. On first sight of a group only: from then on memory is newer than any view."""
        record = group.attempt if group is not None else None
        if (
            group is not None
            and record is not None
            and record.phase.is_open
            and record.version == RECORD_VERSION
        ):
            self.attempt, self.planned_for = record, group.uid

    # --- the attempt -----------------------------------------------------------------------------------------------------

    def open_attempt(self, admit: Admit, fresh_id: AttemptId, epoch: int) -> Attempt:
        """Return the attempt for this plan: the open one with new targets for what is not bound, or a new one."""
        planned = tuple(RecordedMember(a.pod.name, a.uid, a.node, a.rank) for a in admit.assignments)
        if self.attempt is None:
            return Attempt(
                fresh_id, epoch, admit.generation, admit.min_count, AttemptPhase.COMMITTING, planned
            )
        bound = {pod.uid for pod in self.bound()}
        kept = tuple(m for m in self.attempt.members if m.uid in bound)
        return replace(
            self.attempt,
            epoch=epoch,
            generation=admit.generation,
            phase=AttemptPhase.COMMITTING,
            members=kept + planned,
            plan_rev=self.attempt.plan_rev + 1,
        )

    def attempt_of_bound(self, fresh_id: AttemptId, epoch: int, phase: AttemptPhase) -> Attempt:
        """Return the open attempt, or a new one where there is none, for the members that are bound already and nobody else."""
        if self.attempt is not None:
            uids = {pod.uid for pod in self.bound()}
            kept = tuple(m for m in self.attempt.members if m.uid in uids)
            plan_rev = self.attempt.plan_rev + 1
            return replace(self.attempt, epoch=epoch, phase=phase, members=kept, plan_rev=plan_rev)
        bound = tuple(
            RecordedMember(p.key.name, p.uid, p.node, rank)
            for rank, p in enumerate(self.bound())
            if p.node is not None
        )
        generation = self.group.generation if self.group is not None else 0
        return Attempt(
            fresh_id, epoch, generation, self.min_count(), phase, bound, reason=Reason.REPAIRING.value
        )

    def ask_for_no_more_than_the_spec(self) -> None:
        """Let the open attempt, of which nothing is on the way, end with a smaller gang where the spec has come to ask for one."""
        if self.attempt is None or self.group is None:
            return
        if self.group.min_count < self.attempt.min_count:
            self.attempt = replace(
                self.attempt, min_count=self.group.min_count, generation=self.group.generation
            )

    def take_plan(self, admit: Admit, attempt: Attempt) -> None:
        """Remember the plan; nothing has been written yet."""
        self.attempt = attempt
        self.planned_for = self.group.uid if self.group is not None else None
        self.slots = {a.uid: Slot(a) for a in admit.assignments}
        self.has_been_voted_on = False
        self.placement = Placement(admit.domain, admit.quality)
        self.hold = None
        self.decide_at = None

    def drop_plan(self) -> tuple[PodUid, ...]:
        """Forget the slots that are not bound and return their members."""
        dropped = tuple(uid for uid, slot in self.slots.items() if slot.state is not SlotState.BOUND)
        self.slots = {}
        self.barrier_at = None
        return dropped

    def evictable(self) -> tuple[MemberRef, ...]:
        """Return the bound members that somebody would recreate after an eviction."""
        return tuple(
            MemberRef(p.key, p.uid) for p in self.bound() if p.has_controller and not p.phase.is_terminal
        )

    def see(self, group: PodGroup | None, members: tuple[Pod, ...]) -> None:
        """Take a new view of the group. Knowledge from acknowledged writes is kept until the view has caught up."""
        if group is not None and self.group is not None and group.uid != self.group.uid:
            self.failures, self.not_before, self.given_up = 0, 0.0, None  # another group under the same name
            self.told_whole = None
            self.hold = self.decide_at = None
        self.group, self.members = group, members
        if group is not None:
            self.resource_version = newer(self.resource_version, group.resource_version)
        self._waiting = frozenset(pod.uid for pod in members if not pod.is_bound)
        self.unseen &= self._waiting
        self.evicted &= {pod.uid for pod in members}

    def decision_at(self) -> float | None:
        """Return when this gang wants to be decided; None when it does not."""
        if self.decide_at is None or self.state is not State.WAITING or self.unseen:
            return None
        if self.group is not None and self.given_up == self.group.generation:
            return None
        return max(self.decide_at, self.not_before)

    def timers(self) -> Iterator[float]:
        """Yield the other moments at which this gang wants to be looked at."""
        if self.repair_at is not None and self.may_give_up:
            yield self.repair_at
        if self.note_at is not None and self.state is State.WAITING:
            yield self.note_at
        for moment in (self.barrier_at, self.retry_at):
            if moment is not None:
                yield moment

    def minds_time(self) -> bool:
        """Whether there is a moment at which this gang wants to be looked at."""
        return self.decision_at() is not None or next(self.timers(), None) is not None

    def hopes_for_room(self) -> bool:
        """Whether freed room may let this gang start. A decision under way was made from a picture without it."""
        if self.state is not State.WAITING:
            return False
        return self.is_deciding or (self.hold is not None and not is_final(self.hold))

    @property
    def may_give_up(self) -> bool:
        """Whether no write is on the way, so that an attempt can be taken down."""
        return self.state in {State.WAITING, State.RESERVED}


def newer(known: str, seen: str) -> str:
    """Return the later of two resource versions of one object; what was seen last where they cannot be compared."""
    if known.isdigit() and seen.isdigit():
        return known if int(known) > int(seen) else seen
    return seen or known


def is_final(hold: Hold | None) -> bool:
    """Whether only a change of the gang itself, or of what it names, can help: freed capacity does not."""
    return hold is not None and hold.reason in {
        Reason.POD_GROUP_NOT_FOUND,
        Reason.GANG_INCOMPLETE,
        Reason.SCHEDULING_GATED,
        Reason.INVALID_SPEC,
        Reason.PRIORITY_CLASS_NOT_FOUND,
        Reason.TIMEOUT,
    }
