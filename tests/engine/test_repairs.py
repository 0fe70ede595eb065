"""A gang below its minimum: its clock runs through any number of leaders, and is seldom written."""

from dataclasses import replace

import pytest

from scheduler.engine.lifecycle import Lifecycle
from scheduler.engine.messages import (
    Bind,
    BindDone,
    BindFailed,
    Decide,
    Decided,
    Event,
    Evict,
    Instruction,
    Observed,
    Record,
    Recorded,
    RecordRefused,
    Tick,
)
from scheduler.engine.repairs import NOTES
from scheduler.engine.steps import LifecycleSettings
from scheduler.model.ids import AttemptId, GroupKey, GroupUid, NodeName, PodKey, PodUid
from scheduler.model.plan import Admit, Assignment, Hold, Plan
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberFailure, PodGroup
from scheduler.model.pods import Pod, PodShape
from scheduler.model.reasons import Reason
from scheduler.model.resources import Resources
from scheduler.model.status import Status

KEY = GroupKey("team", "ring")
SHAPE = PodShape(Resources({"cpu": 1000, "pods": 1}))
PATIENCE_S = 20.0
GROUP = PodGroup(KEY, GroupUid("g-1"), min_count=2, generation=1, repair_timeout_s=PATIENCE_S)
STEP_S = PATIENCE_S / NOTES


def pod(number: int, *, bound: bool = False) -> Pod:
    return Pod(
        PodKey("team", f"m{number}"),
        PodUid(f"u{number}"),
        SHAPE,
        group=KEY,
        node=NodeName(f"node-{number}") if bound else None,
        has_controller=True,
    )


HALF = (pod(0, bound=True), pod(1))


class Leader:
    """
    One term over one gang for whose missing member there is no room. Every record is acknowledged, and kept in `group` as the API has it.

    `now` is the wall clock; the leader's own clock starts at nought.
    """

    def __init__(self, group: PodGroup, members: tuple[Pod, ...], *, epoch: int, now: float) -> None:
        self.group, self.members, self.now, self._began_at = group, members, now, now
        self.life = Lifecycle(LifecycleSettings(), epoch=epoch, wall_offset_s=now)
        self.written: list[Attempt] = []
        self.orders: list[Instruction] = []
        self.look()

    def look(self) -> None:
        self.tell(Observed(KEY, self.group, self.members))

    def tell(self, event: Event) -> None:
        for order in self.life.handle(event, self.now - self._began_at):
            self.orders.append(order)
            if isinstance(order, Record):
                self.written.append(order.attempt)
                self.group = replace(self.group, attempt=order.attempt)
                self.tell(Recorded(KEY, order.attempt.id, "1"))

    def live(self, seconds: float) -> None:
        """Let time pass; who asks for a decision hears that there is no room."""
        ends_at = self.now + seconds
        while self.now < ends_at:
            self.now = min(ends_at, self.now + 0.25)
            self.tell(Tick())
            if self.life.candidates(self.now - self._began_at):
                held = Hold(KEY, Status.UNSCHEDULABLE, Reason.INSUFFICIENT_RESOURCES, "No room.", ())
                self.tell(Decided(Plan((held,)), frozenset({KEY})))


def half_bound(epoch: int = 1, now: float = 1000.0) -> Leader:
    """A leader one of whose two bindings has failed for good."""
    leader = Leader(GROUP, (pod(0), pod(1)), epoch=epoch, now=now)
    slots = tuple(Assignment(pod(n).key, pod(n).uid, NodeName(f"node-{n}"), n) for n in (0, 1))
    leader.tell(Decided(Plan((Admit(KEY, 2, 1, slots),))))
    leader.tell(BindDone(KEY, PodUid("u0")))
    leader.tell(BindFailed(KEY, PodUid("u1"), Reason.NODE_CHANGED, "gone"))
    leader.members = HALF
    leader.look()
    return leader


def phases(leader: Leader) -> list[AttemptPhase]:
    return [record.phase for record in leader.written]


def test_time_below_the_minimum_is_written_a_few_times_and_then_ends_the_repair() -> None:
    leader = half_bound()
    leader.live(PATIENCE_S + 1.0)
    first, *notes, last = leader.written
    assert first.repair_spent_s == 0.0
    assert [(note.phase, note.repair_spent_s) for note in notes] == [
        (AttemptPhase.COMMITTING, pytest.approx(STEP_S * number)) for number in range(1, NOTES)
    ]
    assert (last.phase, last.repair_spent_s) == (AttemptPhase.ABORTING, pytest.approx(PATIENCE_S))
    assert {order.member.uid for order in leader.orders if isinstance(order, Evict)} == {"u0"}


def test_deadline_in_the_record_stays_where_it_is_while_the_time_is_spent() -> None:
    leader = half_bound(now=1000.0)
    leader.live(PATIENCE_S - 1.0)
    assert {record.deadline_s for record in leader.written} == {1000.0 + PATIENCE_S}


@pytest.mark.parametrize("life_s", [1.5, STEP_S - 1.0, STEP_S + 1.0, PATIENCE_S - 1.0])
def test_scheduler_that_restarts_again_and_again_gives_up_all_the_same(life_s: float) -> None:
    leader = half_bound()
    began_at = leader.now
    leader.live(min(life_s, STEP_S))
    for epoch in range(2, 100):
        leader = Leader(leader.group, HALF, epoch=epoch, now=leader.now)
        leader.live(life_s)
        assert len(leader.written) <= NOTES + 1
        if AttemptPhase.ABORTING in phases(leader):
            break
    assert PATIENCE_S <= leader.now - began_at <= PATIENCE_S + STEP_S + life_s


def test_wall_clock_that_jumps_costs_one_step_of_repair_time_and_no_more() -> None:
    leader = half_bound(now=1000.0)
    fast = Leader(leader.group, HALF, epoch=2, now=leader.now + 3600.0)
    fast.live(PATIENCE_S - STEP_S - 1.0)
    assert AttemptPhase.ABORTING not in phases(fast)
    slow = Leader(leader.group, HALF, epoch=2, now=leader.now - 3600.0)
    slow.live(PATIENCE_S - 1.0)
    assert AttemptPhase.ABORTING not in phases(slow)
    slow.live(2.0)
    assert AttemptPhase.ABORTING in phases(slow)


def test_new_leader_tries_once_before_it_takes_down_a_gang_whose_time_is_spent() -> None:
    leader = half_bound()
    leader.live(PATIENCE_S - 1.0)
    late = Leader(leader.group, HALF, epoch=2, now=leader.now + 60.0)
    assert late.life.candidates(0.0) == {KEY}
    assert late.written == []
    late.live(1.5)
    assert phases(late)[0] is AttemptPhase.ABORTING


def whole_once() -> Leader:
    """A leader that finds a gang committed long ago, and sees a member go."""
    done = Attempt(AttemptId("e1-1"), 1, 1, 2, AttemptPhase.COMMITTED, (), deadline_s=900.0)
    both = (pod(0, bound=True), pod(1, bound=True))
    leader = Leader(replace(GROUP, attempt=done), both, epoch=2, now=1000.0)
    leader.members = HALF[:1]
    leader.look()
    return leader


def test_gang_that_was_whole_and_lost_a_member_keeps_its_clock_over_a_restart() -> None:
    leader = whole_once()
    leader.live(STEP_S + 0.5)
    assert [(r.phase, [m.uid for m in r.members]) for r in leader.written] == [
        (AttemptPhase.COMMITTING, ["u0"])
    ]
    later = Leader(leader.group, HALF[:1], epoch=3, now=leader.now)
    later.live(PATIENCE_S - STEP_S + 0.5)
    assert phases(later)[-2:] == [AttemptPhase.COMMITTING, AttemptPhase.ABORTING]


def test_member_that_is_replaced_in_time_costs_no_record_of_the_repair() -> None:
    leader = whole_once()
    leader.live(STEP_S - 1.0)
    leader.members = (pod(0, bound=True), pod(2, bound=True))
    leader.look()
    leader.live(PATIENCE_S)
    assert leader.written == []


def test_gang_whose_failures_are_to_be_ignored_is_not_written_about() -> None:
    leader = whole_once()
    leader.group = replace(leader.group, on_member_failure=MemberFailure.IGNORE)
    leader.look()
    leader.live(2 * PATIENCE_S)
    assert leader.written == []


@pytest.mark.parametrize("restarts", [False, True])
def test_repair_of_a_gang_that_was_whole_ends_when_its_failures_are_to_be_ignored(restarts: bool) -> None:
    leader = whole_once()
    leader.live(STEP_S + 0.5)
    assert leader.written[-1].reason == Reason.REPAIRING
    asked = replace(leader.group, on_member_failure=MemberFailure.IGNORE, generation=2)
    if restarts:
        leader = Leader(asked, HALF[:1], epoch=3, now=leader.now)
    leader.group = asked
    leader.look()
    leader.written.clear()
    leader.live(2 * PATIENCE_S)
    assert leader.written == []
    assert not [order for order in leader.orders if isinstance(order, Evict)]


def test_smaller_gang_asked_for_during_a_repair_is_whole_at_once() -> None:
    leader = whole_once()
    leader.live(STEP_S + 0.5)
    leader.group = replace(leader.group, min_count=1, generation=2)
    leader.look()
    last = leader.written[-1]
    assert (last.phase, last.min_count, last.generation) == (AttemptPhase.COMMITTED, 1, 2)
    assert not [order for order in leader.orders if isinstance(order, Evict)]


class Slow(Leader):
    """Leaves its records unanswered."""

    def tell(self, event: Event) -> None:
        orders = self.life.handle(event, self.now - self._began_at)
        self.orders += orders
        self.written += [order.attempt for order in orders if isinstance(order, Record)]


def noting() -> Slow:
    """A leader that has just sent a note and waits for the answer."""
    before = half_bound()
    leader = Slow(before.group, HALF, epoch=2, now=before.now)
    leader.live(1.0)
    assert [record.epoch for record in leader.written] == [2]
    return leader


def test_nothing_is_planned_while_the_note_is_on_its_way_and_the_decision_is_asked_for_again() -> None:
    leader = noting()
    assert leader.life.is_busy(KEY)
    leader.tell(Decided(Plan((Admit(KEY, 2, 1, (Assignment(pod(1).key, pod(1).uid, NodeName("n"), 1),)),))))
    assert not [order for order in leader.orders if isinstance(order, Bind)]
    leader.orders.clear()
    leader.tell(Recorded(KEY, leader.written[-1].id, "2"))
    assert leader.orders == [Decide()]
    assert not leader.life.is_busy(KEY)


def test_note_that_is_refused_is_written_with_the_next_step() -> None:
    leader = noting()
    spent_s = leader.written[-1].repair_spent_s
    leader.tell(RecordRefused(KEY, leader.written[-1].id, "conflict"))
    assert not leader.life.is_busy(KEY)
    leader.live(STEP_S)
    assert leader.written[-1].repair_spent_s == pytest.approx(spent_s + STEP_S)
