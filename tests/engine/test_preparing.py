"""Volumes are made before anything is recorded or bound; whatever ends that leaves nothing behind."""

from dataclasses import replace

import pytest

from scheduler.engine.messages import (
    Bind,
    Instruction,
    LeadershipLost,
    Observed,
    Prepare,
    Prepared,
    PrepareFailed,
    Publish,
    Record,
    Recorded,
    Release,
    Reserve,
    Tick,
)
from scheduler.model.ids import AttemptId, NodeName, PodUid
from scheduler.model.plan import Admit, Plan, Provision
from scheduler.model.reasons import Reason
from scheduler.model.volumes import ClaimKey
from tests.engine.test_lifecycle import GROUP, KEY, Story, admit, only, pod

ATTEMPT = AttemptId("e7-1")
MADE = (
    Provision(ClaimKey("team", "a"), NodeName("node-0")),
    Provision(ClaimKey("team", "b"), NodeName("node-1")),
)


def preparing(story: Story) -> list[Instruction]:
    assert story.life.candidates(story.now) == {KEY}
    return story.tell(with_volumes())


def with_volumes() -> object:
    decided = admit(0, 1)
    (decision,) = decided.plan.decisions
    assert isinstance(decision, Admit)
    return replace(decided, plan=Plan((replace(decision, provisions=MADE),)))


def reasons(orders: list[Instruction]) -> list[Reason]:
    return [order.report.reason for order in orders if isinstance(order, Publish)]


def test_room_is_reserved_and_volumes_are_asked_for_before_anything_is_recorded() -> None:
    orders = preparing(Story())
    assert [type(order) for order in orders if not isinstance(order, Publish)] == [Reserve, Prepare]
    assert only(orders, Prepare) == [Prepare(KEY, ATTEMPT, MADE)]


def test_the_group_is_told_that_volumes_are_being_made() -> None:
    story = Story()
    told = reasons(preparing(story)) + reasons(story.tell(Tick(), after=1.0))
    assert told == [Reason.VOLUME_BEING_MADE]


def test_once_the_volumes_are_there_the_gang_is_recorded_and_bound() -> None:
    story = Story()
    preparing(story)
    assert [type(order) for order in story.tell(Prepared(KEY, ATTEMPT, MADE), after=60.0)] == [Record]
    assert len(only(story.tell(Recorded(KEY, ATTEMPT, "11")), Bind)) == 2


@pytest.mark.parametrize("late", [False, True], ids=["refused", "too-late"])
def test_volumes_that_are_not_made_give_everything_back_and_it_is_tried_again(late: bool) -> None:
    story = Story()
    preparing(story)
    failure = (
        Tick() if late else PrepareFailed(KEY, ATTEMPT, MADE, "no volume could be made for claim team/a")
    )
    orders = story.tell(failure, after=600.0 if late else 1.0)
    assert only(orders, Release) == [Release(KEY, (PodUid("u0"), PodUid("u1")))]
    assert not only(orders, Record)
    told = reasons(orders) + reasons(story.tell(Tick(), after=2.0))
    assert told == [Reason.VOLUME_NOT_READY]
    assert story.life.candidates(story.now) == {KEY}


def test_a_member_that_goes_while_volumes_are_made_ends_the_plan() -> None:
    story = Story()
    preparing(story)
    orders = story.tell(Observed(KEY, GROUP, (pod(0),)))
    assert only(orders, Release)
    assert not story.tell(Prepared(KEY, ATTEMPT, MADE)), "what is made for a plan that is gone binds nobody"


def test_volumes_of_another_plan_start_nothing() -> None:
    story = Story()
    preparing(story)
    assert not story.tell(Prepared(KEY, ATTEMPT, MADE[:1]))
    assert not story.tell(Prepared(KEY, AttemptId("e7-9"), MADE))


def test_a_successor_plans_anew_with_what_stands_in_the_claims() -> None:
    story = Story()
    preparing(story)
    story.tell(LeadershipLost())
    successor = Story()  # nothing was recorded, so it knows nothing of the plan
    assert [type(order) for order in preparing(successor) if not isinstance(order, Publish)] == [
        Reserve,
        Prepare,
    ]
