"""Of whom a rule speaks, in kube-scheduler's reading."""

import pytest

from scheduler.engine.matching import counts_in, selects, speaks_of
from scheduler.model.neighbours import PodTerm, Selector
from scheduler.model.pods import Operator, Requirement
from tests.company import EVERYBODY, RACK, even, labelled

NAMESPACES = {"ours": {"team": "red"}, "theirs": {"team": "blue"}}


def one(operator: Operator, *values: str) -> Selector:
    return (Requirement("app", operator, values),)


@pytest.mark.parametrize(
    ("selector", "app", "without"),
    [
        (None, False, False),
        ((), True, True),
        (one(Operator.IN, "a", "b"), True, False),
        (one(Operator.IN, "b"), False, False),
        (one(Operator.NOT_IN, "a"), False, True),
        (one(Operator.NOT_IN, "b"), True, True),
        (one(Operator.EXISTS), True, False),
        (one(Operator.DOES_NOT_EXIST), False, True),
    ],
    ids=["none", "empty", "in", "in-another", "not-in", "not-in-another", "exists", "does-not-exist"],
)
def test_selector_is_read_as_kubernetes_reads_it(selector: Selector, app: bool, without: bool) -> None:
    assert selects(selector, {"app": "a"}) is app
    assert selects(selector, {"tier": "x"}) is without


def test_every_requirement_must_hold() -> None:
    assert not selects(labelled(app="a", tier="y"), {"app": "a", "tier": "x"})


@pytest.mark.parametrize(
    ("term", "spoken_of"),
    [
        (PodTerm(RACK, ()), {"ours"}),
        (PodTerm(RACK, (), ("theirs",)), {"theirs"}),
        (PodTerm(RACK, (), (), ()), {"ours", "theirs", "unknown"}),
        (PodTerm(RACK, (), (), labelled(team="blue")), {"theirs"}),
        (PodTerm(RACK, (), ("ours",), labelled(team="blue")), {"ours", "theirs"}),
        (PodTerm(RACK, (), (), labelled(team="green")), set()),
    ],
    ids=["own", "named", "every", "by-label", "named-or-by-label", "nobody"],
)
def test_term_speaks_of_the_namespaces_that_it_means(term: PodTerm, spoken_of: set[str]) -> None:
    found = {name for name in ("ours", "theirs", "unknown") if speaks_of(term, "ours", name, NAMESPACES)}
    assert found == spoken_of


def test_spread_over_everybody_counts_nobody_who_stands() -> None:
    assert not counts_in(even(RACK, selector=EVERYBODY), {"app": "a"})
    assert not counts_in(even(RACK, selector=None), {"app": "a"})
    assert counts_in(even(RACK, selector=labelled(app="a")), {"app": "a"})
