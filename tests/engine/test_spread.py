"""How many pods each domain takes under a spread constraint, against placing them one after the other."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.engine.spread import Evenness
from tests.company import ZONE, even, labelled


def made(counts: list[int], skew: int, *, min_domains: int = 1) -> Evenness:
    """Domains 1, 2 … that hold so many matching pods, with one node each; 0 stands for no domain."""
    nodes = np.arange(1, len(counts) + 1)
    return Evenness(
        even(ZONE, skew, selector=labelled(app="a"), min_domains=min_domains),
        codes=nodes,
        counts=np.array([0, *counts]),
        present=np.array([False, *[True] * len(counts)]),
        eligible=np.ones(len(counts), dtype=bool),
        own=1,
    )


def bounds(
    counts: list[int], capacity: list[int], pods: int, skew: int = 1
) -> list[tuple[list[int], list[int]]]:
    found = made(counts, skew).intervals(np.array([0, *capacity]), pods)
    return [(least[1:].tolist(), most[1:].tolist()) for least, most in found]


def test_first_bounds_ask_for_no_more_domains_than_needed() -> None:
    assert bounds([0, 0, 0], [9, 9, 9], 1)[0] == ([0, 0, 0], [1, 1, 1])
    assert bounds([0, 0, 0], [9, 9, 9], 4)[0] == ([1, 1, 1], [2, 2, 2])
    assert bounds([0, 2, 2], [9, 9, 9], 2)[0] == ([1, 0, 0], [2, 0, 0])


def test_domain_without_room_holds_all_others_back() -> None:
    assert bounds([0, 0], [0, 9], 1) == [([0, 0], [0, 1])]
    assert bounds([0, 0], [0, 9], 2) == []
    assert bounds([0, 0], [0, 9], 2, skew=2) == [([0, 0], [0, 2])]


def test_too_few_domains_take_as_many_as_the_skew_allows() -> None:
    found = list(made([0, 1], 2, min_domains=3).intervals(np.array([0, 9, 9]), 3))
    assert [(least[1:].tolist(), most[1:].tolist()) for least, most in found] == [([0, 0], [2, 1])]
    assert not list(made([0, 1], 2, min_domains=3).intervals(np.array([0, 9, 9]), 4))


DOMAINS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4)


@given(DOMAINS, st.integers(1, 6), st.integers(1, 3), st.integers(1, 5))
def test_bounds_hold_exactly_what_can_be_reached_step_by_step(
    domains: list[tuple[int, int]], pods: int, skew: int, min_domains: int
) -> None:
    counts, capacity = [list(each) for each in zip(*domains, strict=True)]
    reached = _reached(counts, capacity, pods, skew, min_domains)
    found = list(made(counts, skew, min_domains=min_domains).intervals(np.array([0, *capacity]), pods))
    assert bool(found) == bool(reached)
    for least, most in found:
        inside = [
            range(low, high + 1) for low, high in zip(least[1:].tolist(), most[1:].tolist(), strict=True)
        ]
        assert {taken for taken in product(*inside) if sum(taken) == pods} <= reached


def _reached(
    counts: list[int], capacity: list[int], pods: int, skew: int, min_domains: int
) -> set[tuple[int, ...]]:
    """Place pods one after the other in every way that the constraint allows; return how many each domain may have taken."""
    states = {tuple(0 for _ in counts)}
    for _ in range(pods):
        after = set()
        for taken in states:
            held = [count + more for count, more in zip(counts, taken, strict=True)]
            least = min(held) if len(held) >= min_domains else 0
            for number in range(len(held)):
                if taken[number] < capacity[number] and held[number] + 1 - least <= skew:
                    after.add(tuple(more + (place == number) for place, more in enumerate(taken)))
        states = after
    return states


@pytest.mark.parametrize("own", [0, 1])
def test_least_follows_what_is_added(own: int) -> None:
    evenness = made([0, 1, 1], 1)
    evenness.own = own
    assert [evenness.may(node) for node in range(3)] == [True, own == 0, own == 0]
    evenness.add(0)
    assert evenness.least == 1
    assert [evenness.may(node) for node in range(3)] == [True, True, True]
