"""The judge's predicates on the examples of the Kubernetes documentation."""

import pytest

from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.pods import HostPort, NodeSelectorTerm, Operator, Requirement, Toleration
from tests.build import node, shape
from tests.checker.rules import objections, share_a_port

NO_SCHEDULE, NO_EXECUTE, PREFER = (
    TaintEffect.NO_SCHEDULE,
    TaintEffect.NO_EXECUTE,
    TaintEffect.PREFER_NO_SCHEDULE,
)


def may(pod, where) -> bool:
    return not list(objections(pod, where.node))


def test_cordoned_node_takes_who_tolerates_it() -> None:
    cordoned = node("n", unschedulable=True)
    key = "node.kubernetes.io/unschedulable"
    assert not may(shape(), cordoned)
    assert may(shape(tolerations=(Toleration(key, exists=True, effect=NO_SCHEDULE),)), cordoned)
    assert may(shape(tolerations=(Toleration(key, value=""),)), cordoned)
    assert may(shape(tolerations=(Toleration(exists=True),)), cordoned)
    assert not may(shape(tolerations=(Toleration(key, exists=True, effect=NO_EXECUTE),)), cordoned)


@pytest.mark.parametrize(
    ("toleration", "taint", "tolerated"),
    [
        (Toleration("k", value="v", effect=NO_SCHEDULE), Taint("k", NO_SCHEDULE, "v"), True),
        (Toleration("k", exists=True, effect=NO_SCHEDULE), Taint("k", NO_SCHEDULE, "v"), True),
        (Toleration("k", value="w", effect=NO_SCHEDULE), Taint("k", NO_SCHEDULE, "v"), False),
        (Toleration("k", value="v", effect=NO_SCHEDULE), Taint("k", NO_EXECUTE, "v"), False),
        (Toleration("k", value="v"), Taint("k", NO_EXECUTE, "v"), True),
        (Toleration("j", exists=True), Taint("k", NO_SCHEDULE, "v"), False),
        (Toleration(exists=True), Taint("k", NO_EXECUTE, "v"), True),
        (Toleration(exists=True, effect=NO_SCHEDULE), Taint("k", NO_EXECUTE, "v"), False),
        (Toleration("j", exists=True), Taint("k", PREFER, "v"), True),
    ],
)
def test_toleration_matches_by_key_value_and_effect(
    toleration: Toleration, taint: Taint, tolerated: bool
) -> None:
    assert may(shape(tolerations=(toleration,)), node("n", taints=(taint,))) is tolerated


def test_every_taint_must_be_tolerated() -> None:
    both = node("n", taints=(Taint("k", NO_SCHEDULE), Taint("j", NO_SCHEDULE)))
    assert not may(shape(tolerations=(Toleration("k", exists=True),)), both)


def test_node_selector_needs_every_label() -> None:
    selective = shape(node_selector=(("disktype", "ssd"), ("gpu", "yes")))
    assert may(selective, node("n", labels={"disktype": "ssd", "gpu": "yes"}))
    assert not may(selective, node("n", labels={"disktype": "ssd"}))


@pytest.mark.parametrize(
    ("requirement", "labels", "holds"),
    [
        (Requirement("k", Operator.IN, ("a", "b")), {"k": "b"}, True),
        (Requirement("k", Operator.IN, ("a", "b")), {}, False),
        (Requirement("k", Operator.NOT_IN, ("a",)), {"k": "b"}, True),
        (Requirement("k", Operator.NOT_IN, ("a",)), {}, True),
        (Requirement("k", Operator.EXISTS), {"k": ""}, True),
        (Requirement("k", Operator.DOES_NOT_EXIST), {"k": ""}, False),
        (Requirement("k", Operator.GT, ("9",)), {"k": "10"}, True),
        (Requirement("k", Operator.GT, ("10",)), {"k": "10"}, False),
        (Requirement("k", Operator.LT, ("10",)), {"k": "9"}, True),
        (Requirement("k", Operator.LT, ("10",)), {"k": "nine"}, False),
        (Requirement("k", Operator.LT, ("10",)), {}, False),
        (Requirement("k", Operator.LT, ("ten",)), {"k": "9"}, False),
        (Requirement("k", Operator.LT, (str(2**63),)), {"k": "9"}, False),
        (Requirement("k", Operator.GT, ("1", "2")), {"k": "9"}, False),
    ],
)
def test_requirement_holds_as_documented(
    requirement: Requirement, labels: dict[str, str], holds: bool
) -> None:
    assert may(shape(required_terms=(NodeSelectorTerm((requirement,)),)), node("n", labels=labels)) is holds


def test_terms_are_ored_and_requirements_anded() -> None:
    a, b = (Requirement(key, Operator.EXISTS) for key in "ab")
    only_a = node("n", labels={"a": ""})
    assert may(shape(required_terms=(NodeSelectorTerm((b,)), NodeSelectorTerm((a,)))), only_a)
    assert not may(shape(required_terms=(NodeSelectorTerm((a, b)),)), only_a)


def test_empty_term_and_no_terms_match_nothing() -> None:
    assert not may(shape(required_terms=(NodeSelectorTerm(),)), node("n"))
    assert not may(shape(required_terms=()), node("n"))


def test_field_names_the_node() -> None:
    term = NodeSelectorTerm(fields=(Requirement("metadata.name", Operator.IN, ("n",)),))
    assert may(shape(required_terms=(term,)), node("n"))
    assert not may(shape(required_terms=(term,)), node("m"))


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (HostPort("TCP", 80), HostPort("TCP", 80), True),
        (HostPort("TCP", 80), HostPort("UDP", 80), False),
        (HostPort("TCP", 80), HostPort("TCP", 81), False),
        (HostPort("TCP", 80, "10.0.0.1"), HostPort("TCP", 80, "10.0.0.2"), False),
        (HostPort("TCP", 80, "10.0.0.1"), HostPort("TCP", 80, "10.0.0.1"), True),
        (HostPort("TCP", 80, "10.0.0.1"), HostPort("TCP", 80), True),
        (HostPort("TCP", 80), HostPort("TCP", 80, "127.0.0.1"), True),
    ],
)
def test_ports_clash_on_the_same_address(one: HostPort, other: HostPort, clash: bool) -> None:
    assert share_a_port([one], [other]) is clash
