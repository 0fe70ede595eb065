"""Who is explained next: not at once, not too often, nobody never."""

from scheduler.controller.turns import PAUSE_S, REST_MAX_S, REST_S, SETTLE_S, SHARE, Turns
from scheduler.model.ids import GroupKey

A, B = GroupKey("team", "a"), GroupKey("team", "b")


def test_group_that_starts_at_once_is_never_explained() -> None:
    turns = Turns()
    turns.waits(A, 1, 0.0)
    assert turns.take(SETTLE_S - 0.1) is None
    turns.ends(A)
    assert turns.take(100.0) is None
    assert turns.next_at() is None


def test_group_that_waits_is_explained_when_it_has_waited_for_a_moment() -> None:
    turns = Turns()
    turns.waits(A, 1, 10.0)
    assert turns.next_at() == 10.0 + SETTLE_S
    assert turns.take(10.0 + SETTLE_S) == A


def test_one_explanation_a_second_whoever_is_due() -> None:
    turns = Turns()
    turns.waits(A, 1, 0.0)
    turns.waits(B, 1, 0.0)
    assert turns.take(5.0) == A
    turns.done(A, 5.0, 5.01, has_changed=True)
    assert turns.take(5.5) is None
    assert turns.next_at() == 5.0 + PAUSE_S
    assert turns.take(5.0 + PAUSE_S) == B


def test_long_explanation_is_followed_by_a_longer_rest() -> None:
    turns = Turns()
    turns.waits(A, 1, 0.0)
    turns.waits(B, 1, 0.0)
    turns.done(A, 5.0, 7.0, has_changed=True)
    assert turns.next_at() == 7.0 + SHARE * 2.0


def test_same_answer_is_asked_for_ever_more_seldom_and_a_new_one_brings_the_pace_back() -> None:
    turns, rests, now = Turns(), [], 0.0
    turns.waits(A, 1, now)
    for has_changed in (True, False, False, False, False, False, True):
        due = turns.next_at()
        assert due is not None
        rests.append(due - now)
        now = due
        turns.done(A, now, now, has_changed=has_changed)
    due = turns.next_at()
    assert due is not None
    assert [*rests[1:], due - now] == [REST_S, 30.0, 60.0, 120.0, REST_MAX_S, REST_MAX_S, REST_S]


def test_change_of_the_spec_brings_the_next_turn_forward_but_not_below_the_rest() -> None:
    turns = Turns()
    turns.waits(A, 1, 0.0)
    turns.done(A, 10.0, 10.0, has_changed=False)
    turns.waits(A, 2, 11.0)
    assert turns.next_at() == 10.0 + REST_S
    turns.done(A, 25.0, 25.0, has_changed=False)
    turns.waits(A, 3, 60.0)
    assert turns.next_at() == 25.0 + 2 * REST_S
    turns.waits(B, 1, 60.0)
    assert turns.take(70.0) == A


def test_group_that_changes_all_the_time_has_its_first_turn_all_the_same() -> None:
    turns = Turns()
    for number in range(100):
        turns.waits(A, number, number * 0.1)
    assert turns.next_at() == SETTLE_S


def test_of_many_the_longest_due_goes_first() -> None:
    turns = Turns()
    keys = [GroupKey("team", f"g{number}") for number in range(5)]
    for number, key in enumerate(reversed(keys)):
        turns.waits(key, 1, float(number))
    order, now = [], 100.0
    for _ in keys:
        key = turns.take(now)
        assert key is not None
        order.append(key)
        turns.done(key, now, now, has_changed=True)
        now += PAUSE_S
    assert order == list(reversed(keys))
