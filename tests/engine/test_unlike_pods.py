"""Unlike pods: placed when they fit, refused with proof when they do not, and never one for the other."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.engine import unlike_pods
from scheduler.engine.unlike_pods import DoesNotFit, Fits, Kinds, fit


def question(counts: tuple[int, ...], asked: list[list[int]], free: list[list[int]]) -> Kinds:
    return Kinds(
        counts,
        np.array(asked, dtype=np.int64),
        np.array(free, dtype=np.int64).reshape(len(free), len(asked[0])),
        np.ones((len(counts), len(free)), dtype=bool),
    )


def check(kinds: Kinds, found: Fits) -> None:
    """Every pod has a node that may run it, and no node gives more than it has."""
    left = kinds.free.copy()
    for kind, shares in enumerate(found.shares):
        assert sum(pods for _, pods in shares) == kinds.counts[kind]
        assert len({node for node, _ in shares}) == len(shares)
        for node, pods in shares:
            assert pods > 0
            assert kinds.may[kind, node]
            left[node] -= pods * kinds.asked[kind]
    for node in range(len(left)):
        here = [kind for kind, shares in enumerate(found.shares) if node in dict(shares)]
        assert (left[node][kinds.asked[here].sum(axis=0) > 0] >= 0).all()


def exists(kinds: Kinds) -> bool:
    """Try every way to spread every kind."""
    nodes = range(len(kinds.free))

    def place(kind: int, left: np.ndarray) -> bool:
        if kind == len(kinds.counts):
            return True
        for spread in product(range(kinds.counts[kind] + 1), repeat=len(kinds.free)):
            if sum(spread) != kinds.counts[kind] or any(spread[n] and not kinds.may[kind, n] for n in nodes):
                continue
            rest = left - np.outer(spread, kinds.asked[kind])
            asks = kinds.asked[kind] > 0
            if all((rest[n][asks] >= 0).all() for n in nodes if spread[n]) and place(kind + 1, rest):
                return True
        return False

    return place(0, kinds.free)


@st.composite
def questions(draw: st.DrawFn) -> Kinds:
    kinds, nodes, resources = draw(st.integers(2, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    numbers = st.integers(0, 3)
    asked = draw(
        st.lists(st.lists(numbers, min_size=resources, max_size=resources), min_size=kinds, max_size=kinds)
    )
    free = draw(
        st.lists(
            st.lists(st.integers(-1, 7), min_size=resources, max_size=resources),
            min_size=nodes,
            max_size=nodes,
        )
    )
    may = draw(
        st.lists(
            st.lists(st.booleans() | st.just(True), min_size=nodes, max_size=nodes),
            min_size=kinds,
            max_size=kinds,
        )
    )
    counts = tuple(draw(st.lists(st.integers(1, 3), min_size=kinds, max_size=kinds)))
    return Kinds(counts, np.array(asked), np.array(free), np.array(may, dtype=bool))


@settings(max_examples=600)
@given(questions())
def test_answer_is_that_of_exhaustive_search(kinds: Kinds) -> None:
    found = fit(kinds)
    if isinstance(found, Fits):
        check(kinds, found)
    else:
        assert found.is_proven
        assert not exists(kinds)


@settings(max_examples=300)
@given(questions())
def test_exact_search_alone_gives_the_same_answer(kinds: Kinds) -> None:
    found = unlike_pods._exactly(kinds)
    assert isinstance(found, Fits) == isinstance(fit(kinds), Fits)
    if isinstance(found, Fits):
        check(kinds, found)


@pytest.mark.parametrize(
    ("counts", "asked", "free"),
    [
        pytest.param((8, 1), [[1], [8]], [[8], [4], [4]], id="large-pod-named-last"),
        pytest.param((1, 1), [[8, 96], [0, 150]], [[8, 200], [8, 100]], id="two-resources-that-pull-apart"),
        pytest.param((1, 8), [[8], [1]], [[8], [8]], id="largest-pod-and-many-small-ones"),
    ],
)
def test_gangs_that_peers_reject_are_placed(
    counts: tuple[int, ...], asked: list[list[int]], free: list[list[int]]
) -> None:
    kinds = question(counts, asked, free)
    found = fit(kinds)
    assert isinstance(found, Fits)
    check(kinds, found)


def test_pods_that_ask_for_nothing_fit_wherever_they_may_run() -> None:
    kinds = Kinds(
        (2, 1),
        np.zeros((2, 0), dtype=np.int64),
        np.zeros((2, 0), dtype=np.int64),
        np.array([[True, False], [False, True]]),
    )
    found = fit(kinds)
    assert isinstance(found, Fits)
    check(kinds, found)


def test_what_passes_the_screens_and_does_not_fit_is_proven_not_to() -> None:
    # Three nodes of 8: two pods of 5 and two of 6 ask for 22 of 24, and each would need a node of its own.
    assert fit(question((2, 2), [[5], [6]], [[8], [8], [8]])) == DoesNotFit(is_proven=True)


def test_question_beyond_the_bound_is_given_up_and_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlike_pods, "MOST_WORK", 0)
    assert fit(question((2, 2), [[5], [6]], [[8], [8], [8]])) == DoesNotFit(is_proven=False)
