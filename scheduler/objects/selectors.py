"""
Selectors, node affinity, tolerations and host ports, from the wire to the model. What no predicate covers is named, never dropped.

What a pod may be particular about is bounded, because every node is asked about it. A pod beyond the bounds is held, not refused: one that
runs already must count for what it takes.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from scheduler.model.nodes import TaintEffect
from scheduler.model.pods import HostPort, NodeSelectorTerm, Operator, PreferredTerm, Requirement, Toleration
from scheduler.objects import structs
from scheduler.objects.errors import BadObject
from scheduler.objects.requests import SIDECAR

MAX_AFFINITY: Final = 1024  # terms and requirements together; arbitrary, far above what people write
MAX_TOLERATIONS: Final = 1024
EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104  a value of pods, nothing listens here
NAME_FIELD: Final = "metadata.name"  # the only field that Kubernetes matches

OPERATORS: Final = {str(operator): operator for operator in Operator}
_EFFECTS: Final = {str(effect): effect for effect in TaintEffect}


def node_selector(wanted: dict[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Return the labels that a node must carry, in order of their keys."""
    return tuple(sorted(wanted.items())) if wanted else ()


def required_terms(
    affinity: structs.Affinity | None, unevaluated: set[str]
) -> tuple[NodeSelectorTerm, ...] | None:
    """Return the terms of which one must match; None when nothing is required. Too many are named as unevaluated, and none is kept."""
    if affinity is None or affinity.node_affinity is None or affinity.node_affinity.required is None:
        return None
    wanted = affinity.node_affinity.required
    if _size(wanted.node_selector_terms or ()) > MAX_AFFINITY:
        unevaluated.add(f"more than {MAX_AFFINITY} terms and requirements of nodeAffinity")
        return None
    return terms_of(wanted, unevaluated)


def terms_of(selector: structs.NodeSelector, unevaluated: set[str]) -> tuple[NodeSelectorTerm, ...]:
    """Return the terms of which one must match; what no predicate covers is named. Too many are named, and none is kept."""
    terms = selector.node_selector_terms or []
    if _size(terms) > MAX_AFFINITY:
        unevaluated.add("nodeAffinity")
        return ()
    return tuple(_term(term, unevaluated) for term in terms)


def preferred_terms(affinity: structs.Affinity | None) -> tuple[PreferredTerm, ...]:
    """Return wishes with their weights. A wish that cannot be evaluated is left out, and too many are: they forbid nothing."""
    if affinity is None or affinity.node_affinity is None:
        return ()
    wishes = affinity.node_affinity.preferred or []
    if _size(wish.preference for wish in wishes) > MAX_AFFINITY:
        return ()
    kept = []
    for wish in wishes:
        unknown: set[str] = set()
        term = _term(wish.preference, unknown)
        if not unknown and (term.labels or term.fields):
            kept.append(PreferredTerm(max(1, min(100, wish.weight)), term))
    return tuple(kept)


def tolerations(wanted: Sequence[structs.Toleration] | None, unevaluated: set[str]) -> tuple[Toleration, ...]:
    """Return what the pod puts up with. Comparing operators (Lt, Gt) are named as unevaluated; so are too many, of which none is kept."""
    if len(wanted or ()) > MAX_TOLERATIONS:
        unevaluated.add(f"more than {MAX_TOLERATIONS} tolerations")
        return ()
    kept = []
    for toleration in wanted or ():
        if toleration.operator not in {"", "Equal", "Exists"} or toleration.effect not in {"", *_EFFECTS}:
            unevaluated.add("tolerations")
            continue
        kept.append(
            Toleration(
                key=toleration.key,
                exists=toleration.operator == "Exists",
                value=toleration.value,
                effect=_EFFECTS.get(toleration.effect),
            )
        )
    return tuple(kept)


def host_ports(spec: structs.PodSpec) -> tuple[HostPort, ...]:
    """Return the node's ports that the pod takes: those of containers and sidecars. On the host network every port is the node's."""
    lasting = [container for container in spec.init_containers or () if container.restart_policy == SIDECAR]
    taken = {
        HostPort(port.protocol or "TCP", _port(port, spec.host_network), port.host_ip or EVERY_ADDRESS)
        for container in (*lasting, *(spec.containers or ()))
        for port in container.ports or ()
    }
    return tuple(sorted(port for port in taken if port.port > 0))


def _port(port: structs.ContainerPort, on_host_network: bool) -> int:
    number = port.host_port or (port.container_port if on_host_network else 0)
    if not 0 <= number <= 65535:
        raise BadObject(f"spec.containers[].ports[].hostPort is {number}; a port is between 1 and 65535.")
    return number


def _term(term: structs.NodeSelectorTerm, unevaluated: set[str]) -> NodeSelectorTerm:
    fields = _requirements(term.match_fields, unevaluated)
    if any(
        field.key != NAME_FIELD or field.operator not in {Operator.IN, Operator.NOT_IN} for field in fields
    ):
        unevaluated.add("nodeAffinity")
    return NodeSelectorTerm(labels=_requirements(term.match_expressions, unevaluated), fields=fields)


def _requirements(
    wanted: Sequence[structs.LabelRequirement] | None, unevaluated: set[str]
) -> tuple[Requirement, ...]:
    kept = []
    for requirement in wanted or ():
        operator = OPERATORS.get(requirement.operator)
        if operator is None:
            unevaluated.add("nodeAffinity")
            continue
        kept.append(Requirement(requirement.key, operator, tuple(requirement.values or ())))
    return tuple(kept)


def _size(terms: Iterable[structs.NodeSelectorTerm]) -> int:
    return sum(1 + len(term.match_expressions or ()) + len(term.match_fields or ()) for term in terms)
