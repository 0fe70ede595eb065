"""kube-scheduler's questions, answered from the real cache and lifecycle: which node, and may this member be bound?"""

import asyncio
from dataclasses import replace

import pytest

from scheduler.driver.desk import REMEMBERED, SAVINGS_S, WAITING_SHARE, Refusal
from scheduler.engine.messages import Bind, CapacityChanged, Record
from scheduler.model.ids import GroupKey, NodeName, PodKey, PodUid
from scheduler.model.podgroups import MemberRef
from scheduler.model.reasons import Reason
from tests.build import members, shape
from tests.driver.office import BARRIER_S, REFUSED_TTL_S, Office, at_once, waiting

LONG_S = 60.0  # the patience of a caller who has all the time in the world
STRANGER = MemberRef(PodKey("team", "stranger-0"), PodUid("stranger-0"))


@pytest.fixture
def office() -> Office:
    made = Office()
    made.nodes("n1", "n2")
    return made


# --- which node? ----------------------------------------------------------------------------------------------------------


def test_planned_node_is_answered_at_once_and_the_same_every_time(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.settle()
    for member in (*ring, *ring):
        assert at_once(office.desk.planned_node(member, LONG_S)) == office.planned(member)


async def test_call_that_waits_is_answered_when_the_plan_arrives(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.turn()
    asked = await waiting(office.desk.planned_node(ring[0], LONG_S))
    office.decide()
    assert await asked == office.planned(ring[0])


async def test_call_that_waits_is_answered_when_there_will_be_no_plan(office: Office) -> None:
    big = office.gang("big", 3, pod=shape(gpus=8))
    office.turn()
    asked = await waiting(office.desk.planned_node(big[0], LONG_S))
    office.clock.now += 1.0
    office.decide()
    answer = await asked
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.INSUFFICIENT_RESOURCES


async def test_call_waits_while_members_keep_arriving_and_not_for_a_gang_that_stands_still(
    office: Office,
) -> None:
    late = office.gang("late", 2, exist=1)
    office.settle()
    asked = await waiting(office.desk.planned_node(late[0], LONG_S))
    office.pod(members("late", 2)[1])
    office.settle()
    assert await asked == office.planned(late[0])
    still = office.gang("still", 2, exist=1)
    office.settle()
    office.clock.now += 1.0
    answer = at_once(office.desk.planned_node(still[0], LONG_S))
    assert isinstance(answer, Refusal)
    assert (answer.reason, "1 of 2 members exist" in answer.message) == (Reason.GANG_INCOMPLETE, True)


async def test_call_waits_for_no_longer_than_its_own_patience(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.turn()
    office.clock.step_s = 0.2
    answer = await office.desk.planned_node(ring[0], 1.0)
    assert isinstance(answer, Refusal)
    assert "is being made" in answer.message


async def test_patience_of_all_calls_is_a_share_of_the_wall_clock(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.turn()
    office.clock.step_s = 0.5
    for _ in range(4):  # time goes on while a call waits, so it earns a quarter of what it spends
        await office.desk.planned_node(ring[0], LONG_S)
    office.clock.step_s = 0.0
    assert isinstance(at_once(office.desk.planned_node(ring[0], LONG_S)), Refusal)
    office.clock.now += SAVINGS_S / WAITING_SHARE
    asked = await waiting(office.desk.planned_node(ring[1], LONG_S))
    office.decide()
    assert await asked == office.planned(ring[1])


async def test_pod_that_the_watch_has_not_shown_yet_is_waited_for(office: Office) -> None:
    group = GroupKey("team", "ring")
    (ref,) = [MemberRef(pod.key, pod.uid) for pod in members("ring", 1)]
    asked = await waiting(office.desk.planned_node(ref, LONG_S))
    office.gang("ring", 1)
    office.settle()
    assert await asked == office.planned(ref)
    assert office.desk.knows(ref.uid)
    assert office.lifecycle.planned_slot(group, ref.uid) is not None


async def test_pod_that_never_appears_is_refused_and_another_uid_is_not_taken_for_it(office: Office) -> None:
    office.clock.step_s = 0.5
    answer = await office.desk.planned_node(STRANGER, 1.0)
    assert isinstance(answer, Refusal)
    assert "has not been seen" in answer.message
    office.clock.step_s = 0.0
    (member,) = office.gang("ring", 1)
    office.settle()
    former = replace(member, uid=PodUid("former"))
    office.clock.now += 1.0
    refusal = at_once(office.desk.planned_node(former, LONG_S))
    assert isinstance(refusal, Refusal)
    assert "has not been seen" in refusal.message
    assert not office.desk.knows(former.uid)


def test_pod_that_cannot_be_read_is_told_why_at_once(office: Office) -> None:
    office.cache.put_aside("pods", (STRANGER.key.namespace, STRANGER.key.name), "pod.spec is no object.")
    answer = at_once(office.desk.planned_node(STRANGER, LONG_S))
    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.message) == (Reason.INVALID_SPEC, "pod.spec is no object.")


def test_member_of_a_group_that_does_not_exist_is_told_so(office: Office) -> None:
    member = office.pod(members("lost", 1)[0])
    office.turn()
    office.clock.now += 10.0
    office.settle()
    answer = at_once(office.desk.planned_node(member, 0.0))
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.POD_GROUP_NOT_FOUND


def test_members_that_were_refused_before_there_was_a_plan_are_woken_once(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.turn()
    at_once(office.desk.planned_node(ring[1], 0.0))
    office.decide()
    assert office.woken == [ring[1]]
    at_once(office.desk.planned_node(ring[1], 0.0))
    office.pass_time(BARRIER_S)
    office.pass_time(BARRIER_S)
    office.settle()
    assert office.woken == [ring[1]]


# --- the planned node was not offered ---------------------------------------------------------------------------------------


async def test_node_that_was_not_offered_is_refused_for_every_member_of_the_shape(office: Office) -> None:
    ring = office.gang("ring", 2)
    others = office.gang("others", 1)
    odd = office.pod(members("ring", 3, pod=shape(gpus=2), first=2)[0])
    office.settle()
    lost = office.planned(ring[0])
    office.desk.node_not_offered(ring[0], frozenset({"n1", "n2"}) - {lost})
    assert [office.refused(member) for member in (*ring, odd, *others)] == [{lost}, {lost}, set(), set()]
    office.settle()
    assert office.planned(ring[0]) != lost
    assert office.planned(ring[1]) != lost


async def test_votes_for_a_plan_with_a_node_that_was_not_offered_are_answered(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.settle()
    voting = await waiting(office.desk.vote(ring[0], office.planned(ring[0])))
    office.desk.node_not_offered(ring[1], frozenset())
    office.turn()
    error = await voting
    assert error is not None
    assert error.startswith(Reason.NODE_REFUSED)


async def test_refusals_of_one_gang_are_believed_for_longer_each_time_up_to_the_setting(
    office: Office,
) -> None:
    (member,) = office.gang("ring", 1)
    office.settle()
    for pause_s in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, REFUSED_TTL_S, REFUSED_TTL_S):
        office.desk.node_not_offered(member, frozenset({"n2"}))
        office.clock.now += pause_s - 0.1
        assert office.refused(member) == {"n1"}
        office.clock.now += 0.1
        assert office.refused(member) == set()


async def test_gang_that_is_made_anew_starts_with_a_short_pause(office: Office) -> None:
    (member,) = office.gang("ring", 1)
    office.settle()
    for _ in range(5):
        office.desk.node_not_offered(member, frozenset({"n2"}))
    office.cache.drop_pod(member.key, member.uid)
    office.cache.drop_group(GroupKey("team", "ring"))
    office.turn()
    (member,) = office.gang("ring", 1)
    office.settle()
    office.desk.node_not_offered(member, frozenset({"n2"}))
    office.clock.now += 0.5
    assert office.refused(member) == set()


async def test_waiting_gangs_are_decided_again_when_a_refusal_has_passed() -> None:
    office = Office(refused_ttl_s=0.01)
    office.nodes("n1")
    (member,) = office.gang("ring", 1)
    office.settle()
    office.desk.node_not_offered(member, frozenset())
    office.settle()
    hold = office.lifecycle.hold_of(GroupKey("team", "ring"))
    assert hold is not None
    assert hold.reason is Reason.NODE_REFUSED
    office.clock.now += 0.01
    while not any(isinstance(event, CapacityChanged) for event in office.inbox):
        await asyncio.sleep(0)
    office.settle()
    assert office.planned(member) == "n1"


def test_what_is_said_of_an_unknown_pod_or_another_uid_refuses_nothing(office: Office) -> None:
    (member,) = office.gang("ring", 1)
    office.settle()
    office.desk.node_not_offered(STRANGER, frozenset())
    office.desk.node_not_offered(replace(member, uid=PodUid("former")), frozenset())
    assert office.refused(member) == set()
    assert office.inbox == []


# --- may it be bound? -------------------------------------------------------------------------------------------------------


async def test_nobody_is_bound_before_the_last_vote_and_all_are_answered_when_bound(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.settle()
    first = await waiting(office.desk.vote(ring[0], office.planned(ring[0])))
    office.turn()
    assert office.ordered == []
    second = await waiting(office.desk.vote(ring[1], office.planned(ring[1])))
    office.turn()
    assert [type(order) for order in office.ordered] == [Record]
    office.bind()
    assert [type(order) for order in office.ordered] == [Bind, Bind]
    office.bind()
    assert await first is None
    assert await second is None


async def test_votes_are_answered_when_the_last_one_does_not_come_in_time(office: Office) -> None:
    ring = office.gang("ring", 3)
    office.settle()
    votes = [await waiting(office.desk.vote(member, office.planned(member))) for member in ring[:2]]
    office.turn()
    office.pass_time(BARRIER_S)
    for vote in votes:
        error = await vote
        assert error is not None
        assert error.startswith(Reason.VOTES_MISSING)
        assert "1 of 3" in error


def test_silence_of_kube_scheduler_counts_from_its_last_call_whatever_it_was_about(office: Office) -> None:
    office.clock.now += 5.0
    assert office.desk.silence_s() == 5.0, "since the start, before the first call"
    office.desk.heard()
    office.clock.now += 2.0
    assert office.desk.silence_s() == 2.0


@pytest.mark.parametrize("hears", [True, False])
def test_gang_whose_plan_was_not_asked_about_is_told_whether_kube_scheduler_called_at_all(
    office: Office, hears: bool
) -> None:
    office.gang("ring", 3)
    office.settle()
    office.clock.now += 1.0
    if hears:
        office.desk.heard()
    office.pass_time(BARRIER_S)
    (told,) = office.told
    assert told.report.reason is Reason.VOTES_MISSING
    assert ("kube-scheduler has not asked about any of the 3 members" in told.report.message) is not hears


async def test_call_that_waited_for_a_plan_counts_as_a_call_about_it(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.turn()
    asked = await waiting(office.desk.planned_node(ring[0], LONG_S))
    office.clock.now += 1.0
    office.settle()
    assert await asked == office.planned(ring[0])
    assert office.desk.silence_s() == 0.0


async def test_votes_are_answered_when_a_member_is_deleted(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.settle()
    voting = await waiting(office.desk.vote(ring[0], office.planned(ring[0])))
    office.turn()
    office.cache.drop_pod(ring[1].key, ring[1].uid)
    office.turn()
    error = await voting
    assert error is not None
    assert error.startswith(Reason.MEMBER_CHANGED)


async def test_vote_for_a_node_that_is_not_planned_is_refused(office: Office) -> None:
    (member,) = office.gang("ring", 1)
    office.settle()
    (other,) = {"n1", "n2"} - {office.planned(member)}
    voting = await waiting(office.desk.vote(member, other))
    office.turn()
    error = await voting
    assert error is not None
    assert error.startswith(Reason.NODE_REFUSED)
    assert office.ordered == []


async def test_caller_that_goes_away_takes_its_vote_back(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.settle()
    leaving = await waiting(office.desk.vote(ring[0], office.planned(ring[0])))
    office.turn()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    second = await waiting(office.desk.vote(ring[1], office.planned(ring[1])))
    office.turn()
    assert office.ordered == [], "a vote that was taken back was counted"
    again = await waiting(office.desk.vote(ring[0], office.planned(ring[0])))
    office.turn()
    office.bind()
    office.bind()
    assert (await again, await second) == (None, None)


async def test_later_call_for_the_same_member_takes_over(office: Office) -> None:
    (member,) = office.gang("ring", 1)
    office.settle()
    first = await waiting(office.desk.vote(member, office.planned(member)))
    second = await waiting(office.desk.vote(member, office.planned(member)))
    assert await first == "a later call for the same pod took over"
    office.turn()
    office.bind()
    office.bind()
    assert await second is None


async def test_earlier_call_that_ends_late_takes_nothing_from_the_one_that_took_over(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.settle()
    first = await waiting(office.desk.vote(ring[0], office.planned(ring[0])))
    second = asyncio.ensure_future(office.desk.vote(ring[0], office.planned(ring[0])))
    first.cancel()  # in the same moment as the later call arrives
    await asyncio.sleep(0)
    other = await waiting(office.desk.vote(ring[1], office.planned(ring[1])))
    office.turn()
    office.bind()
    office.bind()
    assert (await second, await other) == (None, None)
    assert first.done()


def test_vote_for_an_unknown_pod_or_another_uid_is_refused_at_once(office: Office) -> None:
    (member,) = office.gang("ring", 1)
    office.settle()
    for ref in (STRANGER, replace(member, uid=PodUid("former"))):
        error = at_once(office.desk.vote(ref, office.planned(member)))
        assert error is not None
        assert error.startswith(Reason.MEMBER_CHANGED)
    assert office.inbox == []


# --- the end ----------------------------------------------------------------------------------------------------------------


async def test_every_call_is_answered_when_the_desk_closes(office: Office) -> None:
    ring = office.gang("ring", 2)
    office.settle()
    fresh = office.gang("fresh", 2)
    office.turn()
    voting = await waiting(office.desk.vote(ring[0], office.planned(ring[0])))
    asking = await waiting(office.desk.planned_node(fresh[0], LONG_S))
    office.desk.close("NotLeader: this replica stops; try again")
    assert await voting == "NotLeader: this replica stops; try again"
    answer = await asking
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.NOT_LEADER
    assert not office.desk.is_leading
    error = at_once(office.desk.vote(ring[1], NodeName("n1")))
    assert error is not None
    assert error.startswith(Reason.NOT_LEADER)


async def test_nothing_is_remembered_of_gangs_that_have_gone(office: Office) -> None:
    ring = office.gang("ring", 2)
    waits = office.gang("waits", 3, exist=1)
    office.turn()
    at_once(office.desk.planned_node(ring[0], 0.0))
    at_once(office.desk.planned_node(waits[0], 0.0))
    office.settle()
    office.desk.node_not_offered(ring[0], frozenset({"n2"}))
    office.settle()
    leaving = await waiting(office.desk.vote(ring[0], office.planned(ring[0])))
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    staying = await waiting(office.desk.vote(ring[1], office.planned(ring[1])))
    office.turn()
    assert office.remembers() > 1
    for member in (*ring, *waits):
        office.cache.drop_pod(member.key, member.uid)
    for name in ("ring", "waits"):
        office.cache.drop_group(GroupKey("team", name))
    office.turn()
    assert await staying is not None
    assert office.remembers() == len([waits[0]]), "only that this pod was refused, and that is bounded"


def test_refused_pods_are_remembered_up_to_a_bound(office: Office) -> None:
    for number in range(REMEMBERED + 10):
        at_once(office.desk.planned_node(replace(STRANGER, uid=PodUid(f"s{number}")), 0.0))
    assert office.remembers() == REMEMBERED
