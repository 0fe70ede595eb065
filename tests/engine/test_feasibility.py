"""Predicates of one pod and one node; numbers are read as Go reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.engine.feasibility import integer, matches
from scheduler.model.ids import NodeName
from scheduler.model.nodes import Node
from scheduler.model.pods import NodeSelectorTerm, Operator, Requirement
from scheduler.model.resources import Resources

MAX, MIN = 2**63 - 1, -(2**63)


def by_grammar(text: str) -> int | None:
    """Read a number character by character, as the grammar of strconv.ParseInt in base 10 is written."""
    sign, digits = (text[0], text[1:]) if text[:1] in {"+", "-"} else ("+", text)
    if not digits:
        return None
    number = 0
    for digit in digits:
        if digit not in "0123456789":
            return None
        number = 10 * number + "0123456789".index(digit)
    number = -number if sign == "-" else number
    return number if MIN <= number <= MAX else None


@given(st.text(alphabet="+-0123456789_ .eEx\n٣", max_size=24) | st.integers(2 * MIN, 2 * MAX).map(str))
def test_numbers_are_read_by_the_grammar_of_go(text: str) -> None:
    assert integer(text) == by_grammar(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (str(MAX), MAX),
        (str(MAX + 1), None),
        (str(MIN), MIN),
        (str(MIN - 1), None),
        ("-0", 0),
        ("+7", 7),
        ("0" * 100_000 + "7", 7),
        ("9" * 100_000, None),
        ("-+5", None),
        ("1_000", None),
        ("", None),
        ("-", None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_numbers_at_the_edge(text: str, number: int | None) -> None:
    assert integer(text) == number


@pytest.mark.parametrize("operator", [Operator.GT, Operator.LT])
@pytest.mark.parametrize("wanted", ["-+5", "", "1_000", "five", str(MAX + 1)])
def test_comparison_with_what_is_no_number_matches_nothing(operator: Operator, wanted: str) -> None:
    term = NodeSelectorTerm(labels=(Requirement("size", operator, (wanted,)),))
    assert not matches(term, Node(NodeName("n"), Resources(), labels={"size": "4"}))
    assert not matches(
        NodeSelectorTerm(labels=(Requirement("size", operator, ("4",)),)),
        Node(NodeName("n"), Resources(), labels={"size": wanted}),
    )


def test_comparison_is_exact_at_both_ends_of_the_range() -> None:
    nearly = Node(NodeName("n"), Resources(), labels={"size": str(MAX - 1)})
    above = Requirement("size", Operator.GT, (str(MIN),))
    below = Requirement("size", Operator.LT, (str(MAX),))
    assert matches(NodeSelectorTerm(labels=(above, below)), nearly)
    assert not matches(NodeSelectorTerm(labels=(Requirement("size", Operator.GT, (str(MAX - 1),)),)), nearly)
