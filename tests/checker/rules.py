"""
May this pod run on this node? Written from the Kubernetes documentation alone, and from nothing of Tutti but its values.

Sources: "Assigning Pods to Nodes", "Taints and Tolerations", "Manual Node Administration" (cordon), and the API reference of
NodeSelectorRequirement and ContainerPort. Simple and slow on purpose: each sentence of the documentation is one condition.
"""

import re
from collections.abc import Iterable, Iterator

from scheduler.model.nodes import Node
from scheduler.model.pods import HostPort, NodeSelectorTerm, PodShape, Requirement, Toleration

ALL_ADDRESSES = ("", "0.0.0.0", "::")  # noqa: S104  values of pods
INT64 = range(-(2**63), 2**63)


def objections(shape: PodShape, node: Node) -> Iterator[str]:
    """Yield every reason why the node object itself keeps such a pod away."""
    if node.unschedulable and not _puts_up_with(shape, "node.kubernetes.io/unschedulable", "NoSchedule", ""):
        yield "it is cordoned"
    for taint in node.taints:
        effect = str(taint.effect)
        if effect != "PreferNoSchedule" and not _puts_up_with(shape, taint.key, effect, taint.value):
            yield f"its taint {taint} is not tolerated"
    for key, value in shape.node_selector:
        if node.labels.get(key) != value:
            yield f"its label {key} is not {value}"
    terms = shape.required_terms
    if terms is not None and not any(_matches(term, node) for term in terms):
        yield "no term of the required node affinity matches"


def share_a_port(some: Iterable[HostPort], others: Iterable[HostPort]) -> bool:
    """Whether two pods with these host ports cannot be on one node."""
    taken = list(others)
    for mine in some:
        for other in taken:
            if mine.port != other.port or mine.protocol != other.protocol:
                continue
            if mine.ip == other.ip or mine.ip in ALL_ADDRESSES or other.ip in ALL_ADDRESSES:
                return True
    return False


def _puts_up_with(shape: PodShape, key: str, effect: str, value: str) -> bool:
    return any(_tolerates(toleration, key, effect, value) for toleration in shape.tolerations)


def _tolerates(toleration: Toleration, key: str, effect: str, value: str) -> bool:
    # "An empty effect matches all effects with key."
    if toleration.effect is not None and str(toleration.effect) != effect:
        return False
    # "An empty key with operator Exists matches all keys, values and effects which means this will tolerate everything."
    if toleration.key == "":
        return toleration.exists
    # "The keys are the same and the effects are the same, and: the operator is Exists, or Equal and the values should be equal."
    return toleration.key == key and (toleration.exists or toleration.value == value)


def _matches(term: NodeSelectorTerm, node: Node) -> bool:
    # "A null or empty node selector term matches no objects. The requirements of them are ANDed."
    wanted = [(each, node.labels.get(each.key)) for each in term.labels]
    for each in term.fields:
        assert each.key == "metadata.name", "the only field that Kubernetes matches"
        wanted.append((each, str(node.name)))
    return bool(wanted) and all(fulfils(requirement, value) for requirement, value in wanted)


def fulfils(requirement: Requirement, value: str | None) -> bool:
    """Whether a label of this value (None: no such label) meets a requirement."""
    wanted = requirement.values
    match str(requirement.operator):
        case "In":
            return value is not None and value in wanted
        case "NotIn":  # also nodes without the label
            return value is None or value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return _compared(value, wanted, lambda mine, bound: mine > bound)
        case "Lt":
            return _compared(value, wanted, lambda mine, bound: mine < bound)
    raise AssertionError(f"unknown operator {requirement.operator}")


def _compared(value: str | None, wanted: tuple[str, ...], holds) -> bool:  # type: ignore[no-untyped-def]
    # "The values array must have a single element, which will be interpreted as an integer."
    if value is None or len(wanted) != 1:
        return False
    mine, bound = _integer(value), _integer(wanted[0])
    return mine is not None and bound is not None and holds(mine, bound)


def _integer(text: str) -> int | None:
    if re.fullmatch(r"[+-]?[0-9]{1,100}", text, re.ASCII) is None:
        return None
    number = int(text)
    return number if number in INT64 else None
