"""
May this pod run on this node? The filters of kube-scheduler that concern one pod and one node.

`static_refusal` depends on the node object alone and can be remembered per node; `room` depends on what is free. Order and meaning
follow kube-scheduler 1.37 (plugins NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodePorts, NodeResourcesFit; of
VolumeBinding and VolumeZone what `mounts` has made of a pod's claims).
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum

from scheduler.model.nodes import Node, Taint, TaintEffect
from scheduler.model.pods import HostPort, NodeSelectorTerm, Operator, PodShape, Requirement, Toleration
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState

CORDON = Taint(
    "node.kubernetes.io/unschedulable", TaintEffect.NO_SCHEDULE
)  # what a pod must tolerate on a cordoned node
WILDCARD_IPS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  values read from pods
NO_LIMIT = 10_000  # copies of a pod that asks for nothing; also the largest gang
INT64_DIGITS = 19  # no Go int64 has more, leading zeros aside
INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile("([+-]?)([0-9]+)", re.ASCII)


class Refusal(StrEnum):
    """Why a pod may not run on a node."""

    CORDONED = "cordoned"
    TAINTED = "tainted"
    SELECTOR = "selector or affinity not matched"
    VOLUME = "volume out of reach"
    PORTS = "host port taken"
    RESOURCES = "too little free"


def may_run(shape: PodShape, state: NodeState) -> Refusal | None:
    """Return why one more pod of this shape may not run there; None when it may."""
    refusal = static_refusal(shape, state.node)
    if refusal is not None:
        return refusal
    if ports_clash(shape.host_ports, state.host_ports):
        return Refusal.PORTS
    return None if shape.requests.fits_in(state.free) else Refusal.RESOURCES


def room(shape: PodShape, free: Resources, ports: Iterable[HostPort]) -> int:
    """Return how many pods of this shape fit beside each other into what is free; static refusals are not looked at."""
    if shape.host_ports:
        return int(not ports_clash(shape.host_ports, ports) and shape.requests.fits_in(free))
    copies = shape.requests.copies_in(free)
    return NO_LIMIT if copies is None else min(copies, NO_LIMIT)


def static_refusal(shape: PodShape, node: Node) -> Refusal | None:
    """Return why pods of this shape can never run on this node as it is labelled and tainted; None when they can."""
    if node.unschedulable and not tolerated(shape, CORDON):
        return Refusal.CORDONED
    for taint in node.taints:
        if taint.effect is not TaintEffect.PREFER_NO_SCHEDULE and not tolerated(shape, taint):
            return Refusal.TAINTED
    if any(node.labels.get(key) != value for key, value in shape.node_selector):
        return Refusal.SELECTOR
    if shape.required_terms is not None and not any(matches(term, node) for term in shape.required_terms):
        return Refusal.SELECTOR
    if shape.mounts is not None and not all(any(matches(t, node) for t in ts) for ts in shape.mounts.reach):
        return Refusal.VOLUME
    return None


def matches(term: NodeSelectorTerm, node: Node) -> bool:
    """Whether a node selector term matches; a term without requirements matches nothing, as in Kubernetes."""
    if not term.labels and not term.fields:
        return False
    by_label = all(holds(requirement, node.labels.get(requirement.key)) for requirement in term.labels)
    return by_label and all(_field_holds(requirement, node) for requirement in term.fields)


def ports_clash(wanted: Iterable[HostPort], taken: Iterable[HostPort]) -> bool:
    """Whether two lists of host ports cannot be on one node: same protocol and port, and addresses that overlap."""
    occupied = tuple(taken)
    return any(_same_port(mine, other) for mine in wanted for other in occupied)


def tolerated(shape: PodShape, taint: Taint) -> bool:
    """Whether pods of this shape put up with the taint."""
    return any(_tolerates(toleration, taint) for toleration in shape.tolerations)


def integer(text: str) -> int | None:
    """
    Return the number that Gt and Lt compare; None where a text is none, which matches nothing.

    Source: Go's strconv.ParseInt(text, 10, 64), which reads an optional sign, digits, and nothing outside of 64 bits.
    """
    form = _INTEGER.fullmatch(text)
    digits = form[2].lstrip("0") if form is not None else ""
    if form is None or len(digits) > INT64_DIGITS:
        return None
    number = int(f"{form[1]}{digits or 0}")
    return number if number in INT64 else None


def _same_port(mine: HostPort, other: HostPort) -> bool:
    if (mine.protocol, mine.port) != (other.protocol, other.port):
        return False
    return mine.ip == other.ip or mine.ip in WILDCARD_IPS or other.ip in WILDCARD_IPS


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect is not None and toleration.effect is not taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.exists:
        return True
    return bool(toleration.key) and toleration.value == taint.value


def _field_holds(requirement: Requirement, node: Node) -> bool:
    return requirement.key == "metadata.name" and holds(requirement, node.name)


def holds(requirement: Requirement, value: str | None) -> bool:
    """Whether a requirement holds for the value of its label; None where there is no such label."""
    return _TESTS[requirement.operator](value, requirement.values)


def _greater(value: str | None, wanted: tuple[str, ...], sign: int) -> bool:
    if value is None or len(wanted) != 1:
        return False
    mine, bound = integer(value), integer(wanted[0])
    return mine is not None and bound is not None and (mine - bound) * sign > 0


_TESTS: dict[Operator, Callable[[str | None, tuple[str, ...]], bool]] = {
    Operator.IN: lambda value, wanted: value is not None and value in wanted,
    Operator.NOT_IN: lambda value, wanted: value is None or value not in wanted,
    Operator.EXISTS: lambda value, _: value is not None,
    Operator.DOES_NOT_EXIST: lambda value, _: value is None,
    Operator.GT: lambda value, wanted: _greater(value, wanted, 1),
    Operator.LT: lambda value, wanted: _greater(value, wanted, -1),
}
