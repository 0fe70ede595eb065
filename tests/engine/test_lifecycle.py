"""A gang's life, told as events in and instructions out."""

from dataclasses import replace

import pytest

from scheduler.engine.lifecycle import Lifecycle
from scheduler.engine.messages import (
    Abandoned,
    AnswerVote,
    Bind,
    BindDone,
    BindFailed,
    CapacityChanged,
    Decide,
    Decided,
    Evict,
    Evicted,
    Instruction,
    LeadershipLost,
    NodeRefused,
    Observed,
    Publish,
    Record,
    Recorded,
    RecordRefused,
    Release,
    Report,
    Reserve,
    Tick,
    Voted,
    VoteWithdrawn,
    Wake,
)
from scheduler.engine.steps import LifecycleSettings
from scheduler.model.ids import POD_DIALECT, AttemptId, GroupKey, GroupUid, NodeName, PodKey, PodUid
from scheduler.model.plan import Admit, Assignment, Hold, Plan
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberRef, PodGroup, RecordedMember
from scheduler.model.pods import Pod, PodShape
from scheduler.model.reasons import Reason
from scheduler.model.resources import Resources
from scheduler.model.status import Status

KEY = GroupKey("team", "ring")
SHAPE = PodShape(Resources({"cpu": 1000, "pods": 1}))
GROUP = PodGroup(KEY, GroupUid("g-1"), min_count=2, resource_version="10", generation=1)


def pod(number: int, **changes: object) -> Pod:
    made = Pod(
        PodKey("team", f"m{number}"),
        PodUid(f"u{number}"),
        SHAPE,
        resource_version=f"{100 + number}",
        group=KEY,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def admit(*numbers: int, key: GroupKey = KEY) -> Decided:
    assignments = tuple(
        Assignment(PodKey("team", f"m{n}"), PodUid(f"u{n}"), NodeName(f"node-{n}"), rank)
        for rank, n in enumerate(numbers)
    )
    return Decided(Plan((Admit(key, 2, 1, assignments),)))


def hold(reason: Reason = Reason.INSUFFICIENT_RESOURCES, message: str = "Too little is free.") -> Decided:
    return Decided(Plan((Hold(KEY, Status.UNSCHEDULABLE, reason, message, (PodUid("u0"), PodUid("u1"))),)))


class Story:
    """A lifecycle with one gang of two complete members, told step by step."""

    def __init__(
        self,
        *,
        votes: bool = False,
        group: PodGroup | None = GROUP,
        members: tuple[Pod, ...] = (pod(0), pod(1)),
    ) -> None:
        self.life = Lifecycle(LifecycleSettings(needs_votes=votes, barrier_timeout_s=30.0), epoch=7)
        self.now = 1000.0
        self.seen = self.tell(Observed(KEY, group, members))

    def tell(self, event: object, *, after: float = 0.0) -> list[Instruction]:
        self.now += after
        return self.life.handle(event, self.now)  # type: ignore[arg-type]

    def planned(self) -> list[Instruction]:
        assert self.life.candidates(self.now) == {KEY}
        return self.tell(admit(0, 1))

    def binding(self) -> list[Instruction]:
        self.planned()
        return self.tell(Recorded(KEY, AttemptId("e7-1"), "11"))


def kinds(orders: list[Instruction]) -> list[str]:
    return [type(order).__name__ for order in orders]


def only(orders: list[Instruction], kind: type) -> list[Instruction]:
    return [order for order in orders if isinstance(order, kind)]


def test_complete_gang_is_decided_at_once() -> None:
    story = Story()
    assert story.seen == [Decide()]
    assert story.life.candidates(story.now) == {KEY}
    assert story.life.candidates(story.now) == frozenset(), "a gang is given to one cycle only"


def test_incomplete_gang_is_decided_without_haste_so_that_its_reason_is_known() -> None:
    story = Story(members=(pod(0),))
    assert story.seen == []
    assert story.life.candidates(story.now) == frozenset()
    assert story.life.next_deadline() == story.now + 1.0
    assert story.tell(Tick(), after=1.0) == [Decide()]
    assert story.life.candidates(story.now) == {KEY}


def test_plan_is_reserved_before_it_is_recorded_and_recorded_before_anything_is_bound() -> None:
    orders = Story().planned()
    assert kinds(orders) == ["Reserve", "Record"]
    record = orders[1]
    assert isinstance(record, Record)
    assert (record.attempt.phase, record.attempt.epoch, record.attempt.min_count) == (
        AttemptPhase.COMMITTING,
        7,
        2,
    )
    assert (record.resource_version, record.group_uid) == ("10", "g-1")
    assert [(m.name, m.node, m.rank) for m in record.attempt.members] == [
        ("m0", "node-0", 0),
        ("m1", "node-1", 1),
    ]


def test_every_member_is_bound_once_the_record_is_acknowledged() -> None:
    orders = Story().binding()
    assert [
        (b.assignment.uid, b.assignment.node, b.resource_version, b.epoch)
        for b in orders
        if isinstance(b, Bind)
    ] == [
        ("u0", "node-0", "100", 7),
        ("u1", "node-1", "101", 7),
    ]


def test_record_is_closed_as_committed_when_the_last_member_is_bound() -> None:
    story = Story()
    story.binding()
    assert story.tell(BindDone(KEY, PodUid("u0"))) == []
    (record,) = story.tell(BindDone(KEY, PodUid("u1")))
    assert isinstance(record, Record)
    assert record.attempt.phase is AttemptPhase.COMMITTED
    assert record.report is not None
    assert record.report.reason is Reason.SCHEDULED
    assert story.life.has_open_work()
    story.tell(Recorded(KEY, AttemptId("e7-1"), "12"))
    assert not story.life.has_open_work()


def test_gang_is_not_decided_again_before_its_bindings_are_seen() -> None:
    story = Story()
    story.binding()
    for uid in ("u0", "u1"):
        story.tell(BindDone(KEY, PodUid(uid)))
    story.tell(Recorded(KEY, AttemptId("e7-1"), "12"))
    story.tell(Observed(KEY, GROUP, (pod(0), pod(1))))  # a watch that lags behind
    assert story.life.candidates(story.now + 100) == frozenset()
    bound = (pod(0, node=NodeName("node-0")), pod(1, node=NodeName("node-1")))
    story.tell(Observed(KEY, GROUP, bound))
    assert story.life.candidates(story.now + 100) == frozenset()


def test_refused_record_gives_the_room_back_and_backs_off() -> None:
    story = Story()
    story.planned()
    orders = story.tell(RecordRefused(KEY, AttemptId("e7-1"), "conflict"))
    assert orders == [
        Release(KEY, (PodUid("u0"), PodUid("u1"))),
        Abandoned(KEY, Reason.RECORD_FAILED, "conflict"),
    ]
    assert story.life.candidates(story.now) == frozenset()
    assert story.life.candidates(story.now + 1.0) == {KEY}


def test_attempt_that_bound_nobody_is_closed_as_aborted() -> None:
    story = Story()
    story.binding()
    orders = story.tell(BindFailed(KEY, PodUid("u0"), Reason.BIND_FAILED, "no"))
    assert orders == [Release(KEY, (PodUid("u0"),))]
    orders = story.tell(BindFailed(KEY, PodUid("u1"), Reason.BIND_FAILED, "no"))
    assert kinds(orders) == ["Release", "Record", "Abandoned"]
    record = orders[1]
    assert isinstance(record, Record)
    assert record.attempt.phase is AttemptPhase.ABORTED


def half_bound(story: Story, **second: object) -> list[Instruction]:
    story.binding()
    story.tell(BindDone(KEY, PodUid("u0")))
    orders = story.tell(BindFailed(KEY, PodUid("u1"), Reason.MEMBER_CHANGED, "replaced"))
    bound = pod(0, node=NodeName("node-0"), has_controller=True)
    return orders + story.tell(Observed(KEY, GROUP, (bound, pod(2, **second))))


def test_rest_of_a_half_bound_gang_is_planned_again_under_the_same_attempt() -> None:
    story = Story()
    assert Decide() in half_bound(story)
    assert story.life.candidates(story.now) == {KEY}
    orders = story.tell(admit(2))
    (record,) = only(orders, Record)
    assert isinstance(record, Record)
    assert (record.attempt.id, record.attempt.plan_rev) == ("e7-1", 2)
    assert [m.uid for m in record.attempt.members] == ["u0", "u2"]


def test_gang_that_cannot_be_completed_in_time_is_taken_down() -> None:
    story = Story()
    half_bound(story)
    story.life.candidates(story.now)
    story.tell(hold())
    (record,) = only(story.tell(Tick(), after=61.0), Record)
    assert isinstance(record, Record)
    assert record.attempt.phase is AttemptPhase.ABORTING
    assert record.attempt.repair_spent_s == pytest.approx(61.0)
    assert story.tell(Recorded(KEY, AttemptId("e7-1"), "13")) == [
        Evict(KEY, MemberRef(PodKey("team", "m0"), PodUid("u0")))
    ]
    (closing,) = story.tell(Evicted(KEY, PodUid("u0")))
    assert isinstance(closing, Record)
    assert closing.attempt.phase is AttemptPhase.ABORTED


def test_members_that_nobody_recreates_are_kept_instead_of_evicted() -> None:
    story = Story()
    half_bound(story)
    story.tell(Observed(KEY, GROUP, (pod(0, node=NodeName("node-0")), pod(2))))
    story.life.candidates(story.now)
    story.tell(hold())
    orders = story.tell(Tick(), after=61.0)
    assert not only(orders, Record)
    assert not only(orders, Evict)


@pytest.mark.parametrize(
    ("members", "phase"),
    [
        pytest.param(
            (pod(0, node=NodeName("node-0")), pod(1, node=NodeName("node-1"))),
            AttemptPhase.COMMITTED,
            id="all-bound",
        ),
        pytest.param((pod(0), pod(1)), AttemptPhase.ABORTED, id="none-bound"),
    ],
)
def test_record_left_open_by_a_predecessor_is_closed(members: tuple[Pod, ...], phase: AttemptPhase) -> None:
    planned = tuple(RecordedMember(f"m{n}", PodUid(f"u{n}"), NodeName(f"node-{n}"), n) for n in (0, 1))
    left_open = replace(GROUP, attempt=Attempt(AttemptId("e3-9"), 3, 1, 2, AttemptPhase.COMMITTING, planned))
    (record,) = Story(group=left_open, members=members).seen
    assert isinstance(record, Record)
    assert (record.attempt.id, record.attempt.phase) == ("e3-9", phase)


def test_half_bound_gang_of_a_predecessor_is_rolled_forward() -> None:
    planned = tuple(RecordedMember(f"m{n}", PodUid(f"u{n}"), NodeName(f"node-{n}"), n) for n in (0, 1))
    left_open = replace(GROUP, attempt=Attempt(AttemptId("e3-9"), 3, 1, 2, AttemptPhase.COMMITTING, planned))
    story = Story(group=left_open, members=(pod(0, node=NodeName("node-0")), pod(1)))
    assert story.life.candidates(story.now) == {KEY}
    (record,) = only(story.tell(admit(1)), Record)
    assert isinstance(record, Record)
    assert (record.attempt.id, record.attempt.epoch, record.attempt.plan_rev) == ("e3-9", 7, 2)


def test_member_replaced_before_the_plan_arrives_makes_the_plan_void() -> None:
    story = Story()
    story.life.candidates(story.now)
    story.tell(Observed(KEY, GROUP, (pod(0), pod(3))))
    assert kinds(story.tell(admit(0, 1))) == ["Decide"]


def test_member_lost_while_the_record_is_written_is_not_bound_and_the_other_is_repaired() -> None:
    story = Story()
    story.planned()
    story.tell(Observed(KEY, GROUP, (pod(0),)))
    orders = story.tell(Recorded(KEY, AttemptId("e7-1"), "11"))
    assert [b.assignment.uid for b in orders if isinstance(b, Bind)] == ["u0"]
    assert Release(KEY, (PodUid("u1"),)) in orders


def test_pod_without_a_group_is_bound_without_a_record() -> None:
    key = GroupKey("team", "lone", POD_DIALECT)
    life = Lifecycle(LifecycleSettings(), epoch=7)
    lone = replace(pod(5), group=key)
    life.handle(Observed(key, PodGroup(key, GroupUid("u5"), min_count=1), (lone,)), 0.0)
    plan = Plan((Admit(key, 1, 0, (Assignment(lone.key, lone.uid, NodeName("node-5"), 0),)),))
    assert kinds(life.handle(Decided(plan), 0.0)) == ["Reserve", "Bind"]
    assert life.handle(BindDone(key, lone.uid), 0.1) == []
    assert not life.has_open_work()


# --- extender mode ------------------------------------------------------------------------------------------------------


def vote(story: Story, number: int, node: str | None = None) -> list[Instruction]:
    ref = MemberRef(PodKey("team", f"m{number}"), PodUid(f"u{number}"))
    return story.tell(Voted(KEY, ref, NodeName(node or f"node-{number}")))


def test_nothing_is_recorded_until_every_member_has_voted() -> None:
    story = Story(votes=True)
    assert kinds(story.planned()) == ["Reserve", "Wake"]
    assert vote(story, 0) == []
    assert kinds(vote(story, 1)) == ["Record"]


def test_each_vote_is_answered_when_its_member_is_bound() -> None:
    story = Story(votes=True)
    story.planned()
    vote(story, 0)
    vote(story, 1)
    story.tell(Recorded(KEY, AttemptId("e7-1"), "11"))
    assert story.tell(BindDone(KEY, PodUid("u1"))) == [AnswerVote(PodUid("u1"))]
    orders = story.tell(BindDone(KEY, PodUid("u0")))
    assert orders[0] == AnswerVote(PodUid("u0"))
    assert kinds(orders) == ["AnswerVote", "Record"]


def test_missing_vote_ends_the_attempt_for_all_at_the_barrier() -> None:
    story = Story(votes=True)
    story.planned()
    vote(story, 0)
    orders = story.tell(Tick(), after=30.0)
    assert Release(KEY, (PodUid("u0"), PodUid("u1"))) in orders
    (answer,) = only(orders, AnswerVote)
    assert isinstance(answer, AnswerVote)
    assert answer.uid == "u0"
    assert answer.error.startswith("VotesMissing")
    assert not only(orders, Bind)


@pytest.mark.parametrize(
    ("heard_at", "since"),
    [
        (900.0, "since 00:15:00 UTC"),
        (-86_400.0, "for more than a day"),
        (None, "since this scheduler started"),
    ],
    ids=["before-the-plan", "long-ago", "never"],
)
def test_plan_that_nobody_asked_about_says_that_kube_scheduler_is_silent(
    heard_at: float | None, since: str
) -> None:
    story = Story(votes=True)
    story.planned()
    orders = story.tell(Tick(heard_at), after=30.0)
    (publish,) = only(orders, Publish)
    assert isinstance(publish, Publish)
    assert publish.report.reason is Reason.VOTES_MISSING
    assert publish.report.status is Status.ERROR, "no autoscaler shall add nodes for it"
    assert publish.report.message == (
        f"kube-scheduler has not asked about any of the 2 members, nor about another pod, {since}: "
        "is it running with this configuration? `tutti scheduler-config` prints it."
    )


def test_silence_is_worded_alike_at_every_attempt_so_that_it_is_written_once() -> None:
    story = Story(votes=True)
    said = []
    for _ in range(3):
        story.planned()
        said += only(story.tell(Tick(900.0), after=30.0), Abandoned)
        story.now += 60.0
    assert len(said) == 3
    assert len(set(said)) == 1


@pytest.mark.parametrize("voted", [True, False])
def test_plan_that_kube_scheduler_passed_over_points_to_what_it_says_itself(voted: bool) -> None:
    story = Story(votes=True)
    story.planned()
    heard_at = story.now if not voted else story.now - 0.01
    if voted:
        vote(story, 0)
    (publish,) = only(story.tell(Tick(heard_at), after=30.0), Publish)
    assert isinstance(publish, Publish)
    missing = 1 if voted else 2
    assert publish.report == Report(
        Status.UNSCHEDULABLE,
        Reason.VOTES_MISSING,
        f"{missing} of 2 members did not reach binding in time; "
        "`kubectl describe pod` of these says what kube-scheduler lacks.",
        generation=1,
    )


def test_vote_for_another_node_than_planned_is_refused() -> None:
    story = Story(votes=True)
    story.planned()
    (answer,) = vote(story, 0, "node-9")
    assert isinstance(answer, AnswerVote)
    assert answer.error.startswith("NodeRefused")


def test_refused_node_frees_the_plan_and_asks_for_another() -> None:
    story = Story(votes=True)
    story.planned()
    vote(story, 0)
    orders = story.tell(NodeRefused(KEY, PodUid("u1")))
    assert kinds(orders) == ["Release", "AnswerVote", "Abandoned", "Decide"]
    assert story.life.candidates(story.now) == {KEY}


def test_member_deleted_while_votes_are_awaited_frees_the_plan() -> None:
    story = Story(votes=True)
    story.planned()
    vote(story, 0)
    orders = story.tell(Observed(KEY, GROUP, (pod(0),)))
    assert kinds(orders)[:2] == ["Release", "AnswerVote"]


def test_changed_spec_while_votes_are_awaited_frees_the_plan() -> None:
    story = Story(votes=True)
    story.planned()
    orders = story.tell(Observed(KEY, replace(GROUP, generation=2), (pod(0), pod(1))))
    assert kinds(orders) == ["Release", "Abandoned", "Decide"]


def test_every_waiting_call_is_answered_when_leadership_is_lost() -> None:
    story = Story(votes=True)
    story.planned()
    vote(story, 0)
    (answer,) = story.tell(LeadershipLost())
    assert isinstance(answer, AnswerVote)
    assert answer.error.startswith("NotLeader")


# --- saying why ---------------------------------------------------------------------------------------------------------


def publishes(story: Story, seconds: float) -> list[Publish]:
    """Let time pass in small steps and return what was published."""
    said: list[Publish] = []
    end = story.now + seconds
    while story.now < end:
        said += [order for order in story.tell(Tick(), after=0.5) if isinstance(order, Publish)]
    return said


def test_reason_is_published_once_to_the_group_and_its_waiting_members() -> None:
    story = Story()
    story.life.candidates(story.now)
    assert story.tell(hold()) == []
    (said,) = publishes(story, 5.0)
    assert said.report.reason is Reason.INSUFFICIENT_RESOURCES
    assert [m.uid for m in said.members] == ["u0", "u1"]
    story.tell(hold())
    assert publishes(story, 90.0) == []


def test_gang_that_cannot_be_placed_costs_at_most_two_writes_a_minute_and_its_pods_one() -> None:
    story = Story()
    said: list[Publish] = []
    for number in range(120):
        story.tell(hold(message=f"{number} of 99 GPUs are free."))
        said += publishes(story, 0.5)
    assert len(said) <= 3
    assert [len(publish.members) for publish in said] == [2] + [0] * (len(said) - 1)


def test_gang_that_starts_before_its_reason_was_due_is_not_talked_about() -> None:
    story = Story()
    story.life.candidates(story.now)
    story.tell(hold())
    story.tell(CapacityChanged())
    story.life.candidates(story.now)
    story.tell(admit(0, 1))
    assert publishes(story, 5.0) == []


def test_freed_capacity_wakes_gangs_that_lack_room_but_not_those_that_lack_members() -> None:
    roomless, memberless = Story(), Story(members=(pod(0),))
    for story, reason in ((roomless, Reason.INSUFFICIENT_RESOURCES), (memberless, Reason.GANG_INCOMPLETE)):
        story.tell(Tick(), after=2.0)
        story.life.candidates(story.now)
        story.tell(hold(reason))
        story.tell(CapacityChanged())
    assert roomless.life.candidates(roomless.now) == {KEY}
    assert memberless.life.candidates(memberless.now) == frozenset()


def test_waiting_longer_than_the_timeout_is_the_reason_from_then_on() -> None:
    story = Story(group=replace(GROUP, schedule_timeout_s=10.0, created_at=1000.0))
    story.life.candidates(story.now)
    story.tell(hold())
    assert [p.report.reason for p in publishes(story, 5.0)] == [Reason.INSUFFICIENT_RESOURCES]
    story.tell(Tick(), after=6.0)
    assert story.life.candidates(story.now) == {KEY}
    story.tell(hold())
    assert [p.report.reason for p in publishes(story, 5.0)] == [Reason.TIMEOUT]


def test_gang_that_gives_up_is_told_so_and_not_tried_again_until_its_spec_changes() -> None:
    impatient = replace(GROUP, schedule_timeout_s=10.0, created_at=1000.0, fail_on_timeout=True)
    story = Story(group=impatient)
    story.life.candidates(story.now)
    story.tell(hold())
    story.tell(Tick(), after=11.0)
    assert story.life.candidates(story.now) == {KEY}
    story.tell(hold())
    (told,) = publishes(story, 5.0)
    assert (told.report.reason, told.report.status) == (Reason.TIMEOUT, Status.UNRESOLVABLE)
    story.tell(CapacityChanged())
    assert story.life.candidates(story.now) == frozenset()
    assert story.life.next_decision() is None
    story.tell(Observed(KEY, replace(impatient, fail_on_timeout=False, generation=2), (pod(0), pod(1))))
    assert story.life.candidates(story.now) == {KEY}


@pytest.mark.parametrize("gives_up", [True, False], ids=["gives-up", "keeps-its-place"])
def test_that_its_time_is_over_is_told_at_once_however_much_was_said_before(gives_up: bool) -> None:
    impatient = replace(GROUP, schedule_timeout_s=10.0, created_at=1000.0, fail_on_timeout=gives_up)
    story = Story(group=impatient)
    for free in (3, 2):
        story.life.candidates(story.now)
        story.tell(hold(message=f"{free} of 4 GPUs are free."))
        assert len(publishes(story, 2.0)) == 1
        story.tell(CapacityChanged())
    story.tell(Tick(), after=6.5)
    assert story.life.candidates(story.now) == {KEY}
    story.tell(hold(message="1 of 4 GPUs are free."))
    (verdict,) = only(story.tell(Tick()), Publish)
    assert isinstance(verdict, Publish)
    assert verdict.report.reason is Reason.TIMEOUT
    story.tell(hold(message="0 of 4 GPUs are free."))
    assert publishes(story, 30.0) == [], "what comes after is throttled again"


def at_work(number: int) -> Pod:
    return pod(number, node=NodeName(f"node-{number}"), has_controller=True)


def test_gang_that_loses_a_member_is_decided_so_that_its_reason_is_known() -> None:
    story = Story(members=(at_work(0), at_work(1)))
    assert story.life.candidates(story.now + 60.0) == frozenset()
    story.tell(Observed(KEY, GROUP, (at_work(0),)))
    story.tell(Tick(), after=1.0)
    assert story.life.candidates(story.now) == {KEY}
    story.tell(hold(Reason.GANG_INCOMPLETE, "1 of 2 members exist."))
    (said,) = publishes(story, 5.0)
    assert said.report.reason is Reason.GANG_INCOMPLETE


def test_gang_that_has_started_once_does_not_time_out_when_it_lacks_a_member() -> None:
    impatient = replace(GROUP, schedule_timeout_s=10.0, created_at=0.0, fail_on_timeout=True)
    story = Story(group=impatient, members=(at_work(0), pod(1)))
    story.life.candidates(story.now)
    story.tell(hold())
    assert [p.report.reason for p in publishes(story, 5.0)] == [Reason.INSUFFICIENT_RESOURCES]
    story.tell(CapacityChanged())
    assert story.life.candidates(story.now) == {KEY}


def told(report_of: list[Publish]) -> list[tuple[Status, int]]:
    return [(publish.report.status, publish.report.generation) for publish in report_of]


def test_gang_found_whole_whose_group_does_not_say_so_is_told_once() -> None:
    story = Story(members=(at_work(0), at_work(1)))
    (said,) = publishes(story, 5.0)
    assert (said.report.reason, said.report.status) == (Reason.SCHEDULED, Status.SUCCESS)
    assert said.members == ()
    story.tell(Observed(KEY, GROUP, (at_work(0), at_work(1))))  # the watch lags behind
    assert publishes(story, 5.0) == []


def test_gang_whose_group_says_that_it_is_whole_is_left_alone() -> None:
    story = Story(group=replace(GROUP, told_whole_at=1), members=(at_work(0), at_work(1)))
    assert publishes(story, 5.0) == []


def test_group_recreated_under_running_pods_is_told_that_they_are_whole() -> None:
    before = replace(GROUP, told_whole_at=1)
    story = Story(group=before, members=(at_work(0), at_work(1)))
    story.tell(Observed(KEY, None, (at_work(0), at_work(1))))
    story.tell(Observed(KEY, replace(GROUP, uid=GroupUid("g-2")), (at_work(0), at_work(1))))
    assert told(publishes(story, 5.0)) == [(Status.SUCCESS, 1)]


def test_whole_gang_is_told_anew_for_a_changed_spec() -> None:
    story = Story(group=replace(GROUP, told_whole_at=1), members=(at_work(0), at_work(1)))
    story.tell(Observed(KEY, replace(GROUP, told_whole_at=1, generation=2), (at_work(0), at_work(1))))
    assert told(publishes(story, 5.0)) == [(Status.SUCCESS, 2)]


def test_waiting_gang_is_told_the_same_reason_anew_for_a_changed_spec() -> None:
    story = Story()
    story.life.candidates(story.now)
    story.tell(hold())
    first = publishes(story, 5.0)
    story.tell(Observed(KEY, replace(GROUP, generation=2), (pod(0), pod(1))))
    story.life.candidates(story.now)
    story.tell(hold())
    second = publishes(story, 5.0)
    assert told(first + second) == [(Status.UNSCHEDULABLE, 1), (Status.UNSCHEDULABLE, 2)]
    assert [len(publish.members) for publish in first + second] == [2, 0], "pods have no generation"


def test_gang_that_was_just_committed_is_not_told_again_by_a_watch_that_lags() -> None:
    story = Story()
    story.binding()
    for uid in ("u0", "u1"):
        story.tell(BindDone(KEY, PodUid(uid)))
    story.tell(Recorded(KEY, AttemptId("e7-1"), "12"))
    story.tell(Observed(KEY, GROUP, (at_work(0), at_work(1))))
    assert publishes(story, 10.0) == []


def test_whole_gang_stays_scheduled_while_a_member_beyond_it_waits_and_only_that_one_hears_why() -> None:
    story = Story(members=(at_work(0), at_work(1), pod(2)))
    assert story.life.candidates(story.now) == {KEY}
    held = Hold(KEY, Status.UNSCHEDULABLE, Reason.INSUFFICIENT_RESOURCES, "No room.", (PodUid("u2"),))
    story.tell(Decided(Plan((held,))))
    (said,) = publishes(story, 5.0)
    assert said.report.status is Status.SUCCESS
    assert [member.uid for member in said.members] == ["u2"]
    assert said.members_report is not None
    assert (said.members_report.reason, said.members_report.message) == (
        Reason.INSUFFICIENT_RESOURCES,
        "No room.",
    )


def gone(*uids: str) -> Observed:
    return Observed(KEY, None, tuple(pod(int(uid)) for uid in uids))


def test_group_deleted_while_its_last_record_is_written_is_forgotten_and_its_successor_starts() -> None:
    story = Story()
    story.binding()
    story.tell(BindDone(KEY, PodUid("u0")))
    story.tell(BindDone(KEY, PodUid("u1")))
    assert story.life.is_busy(KEY)
    story.tell(RecordRefused(KEY, AttemptId("e7-1"), "does not exist any more"))
    assert not story.life.is_busy(KEY), "what comes next is a new view, not an outcome"
    assert not story.life.has_open_work(), "a clean stop does not wait for a write that is not on the way"
    story.tell(gone())
    assert story.life.next_deadline() is None
    story.tell(Observed(KEY, replace(GROUP, uid=GroupUid("g-2"), generation=1), (pod(5), pod(6))))
    assert story.life.candidates(story.now) == {KEY}


def test_group_recreated_while_its_last_record_is_written_starts_anew() -> None:
    story = Story()
    story.binding()
    for uid in ("u0", "u1"):
        story.tell(BindFailed(KEY, PodUid(uid), Reason.MEMBER_CHANGED, "deleted"))
    story.tell(RecordRefused(KEY, AttemptId("e7-1"), "was replaced"))
    story.tell(Observed(KEY, replace(GROUP, uid=GroupUid("g-2")), (pod(5), pod(6))))
    assert story.life.candidates(story.now + 1.0) == {KEY}


def test_room_that_is_freed_during_a_decision_is_looked_at_after_it() -> None:
    story = Story()
    assert story.life.candidates(story.now) == {KEY}
    story.tell(CapacityChanged())
    story.tell(hold())
    assert story.life.candidates(story.now) == {KEY}


def test_gang_that_the_cycle_had_nothing_to_say_about_is_not_being_decided_any_more() -> None:
    story = Story()
    story.life.candidates(story.now)
    assert story.life.is_being_decided(KEY)
    story.tell(Decided(Plan(), frozenset({KEY})))
    assert not story.life.is_being_decided(KEY)


def test_everything_of_a_reserved_gang_is_forgotten_when_it_is_deleted() -> None:
    story = Story(votes=True)
    story.planned()
    (release,) = only(story.tell(gone()), Release)
    assert isinstance(release, Release)
    assert set(release.uids) == {"u0", "u1"}
    assert story.life.next_deadline() is None
    assert story.life.planned_slot(KEY, PodUid("u0")) is None


def test_group_created_anew_does_not_inherit_that_its_predecessor_gave_up() -> None:
    impatient = replace(GROUP, schedule_timeout_s=10.0, created_at=1000.0, fail_on_timeout=True)
    story = Story(group=impatient)
    story.tell(Tick(), after=11.0)
    story.life.candidates(story.now)
    story.tell(hold())
    assert story.life.next_decision() is None
    fresh = replace(impatient, uid=GroupUid("g-2"), created_at=story.now)
    story.tell(Observed(KEY, fresh, (pod(0), pod(1))))
    assert story.life.candidates(story.now) == {KEY}


def test_barrier_runs_from_the_first_vote() -> None:
    story = Story(votes=True)
    story.planned()
    story.now += 29.0
    vote(story, 0)
    assert not only(story.tell(Tick(), after=29.0), AnswerVote)
    assert only(story.tell(Tick(), after=1.0), AnswerVote)


def test_callers_that_come_and_go_do_not_keep_a_plan_alive() -> None:
    story = Story(votes=True)
    story.planned()
    ends = story.now + 2 * 30.0
    while story.now < ends and story.life.planned_slot(KEY, PodUid("u0")) is not None:
        vote(story, 0)
        story.tell(VoteWithdrawn(KEY, PodUid("u0")), after=5.0)
        story.tell(Tick())
    assert story.life.planned_slot(KEY, PodUid("u0")) is None


def test_attempt_that_came_to_nothing_says_why_at_once() -> None:
    unanswered = Story(votes=True)
    unanswered.planned()
    unanswered.now += 29.9
    refused = Story()
    refused.planned()
    refused.tell(RecordRefused(KEY, AttemptId("e7-1"), "conflict"))
    overtaken = Story()
    overtaken.planned()
    overtaken.tell(RecordRefused(KEY, AttemptId("e7-1"), "node n has gone", Reason.NODE_CHANGED))
    unbindable = Story()
    unbindable.binding()
    for uid in ("u0", "u1"):
        unbindable.tell(BindFailed(KEY, PodUid(uid), Reason.BIND_FAILED, "forbidden"))
    for story, reason in (
        (unanswered, Reason.VOTES_MISSING),
        (refused, Reason.RECORD_FAILED),
        (overtaken, Reason.NODE_CHANGED),
        (unbindable, Reason.BIND_FAILED),
    ):
        (told,) = publishes(story, 0.5)
        assert told.report.reason is reason
        assert {member.uid for member in told.members} == {"u0", "u1"}


def test_pod_without_a_group_that_cannot_be_bound_is_told_why_at_once() -> None:
    key = GroupKey("team", "m5", POD_DIALECT)
    story = Story()
    lone = replace(pod(5), group=key)
    story.tell(Observed(key, PodGroup(key, GroupUid("u5"), min_count=1, generation=1), (lone,)))
    story.tell(Decided(Plan((Admit(key, 1, 1, (Assignment(lone.key, lone.uid, NodeName("node-5"), 0),)),))))
    orders = story.tell(BindFailed(key, lone.uid, Reason.BIND_FAILED, "forbidden"))
    assert only(orders, Abandoned) == [
        Abandoned(key, Reason.BIND_FAILED, "Nobody could be bound; BindFailed: forbidden.")
    ]
    (told,) = publishes(story, 0.5)
    assert (told.report.reason, [member.uid for member in told.members]) == (Reason.BIND_FAILED, ["u5"])


def test_a_reservation_and_its_release_name_the_same_members() -> None:
    story = Story()
    (reserve,) = only(story.planned(), Reserve)
    (release,) = only(story.tell(RecordRefused(KEY, AttemptId("e7-1"), "conflict")), Release)
    assert isinstance(reserve, Reserve)
    assert isinstance(release, Release)
    assert {slot.uid for slot in reserve.reservation.slots} == set(release.uids)


def test_only_woken_members_are_named_and_all_of_them() -> None:
    (wake,) = only(Story(votes=True).planned(), Wake)
    assert isinstance(wake, Wake)
    assert [m.uid for m in wake.members] == ["u0", "u1"]
