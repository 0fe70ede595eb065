"""
May this pod stand beside those pods? Inter-pod affinity, anti-affinity and topology spread, from the Kubernetes documentation alone.

Sources: "Assigning Pods to Nodes" (inter-pod affinity and anti-affinity), "Pod Topology Spread Constraints", and the API reference of
PodAffinityTerm and TopologySpreadConstraint. Pods are looked at one by one and nothing is remembered. A plan is sound if there is an order
in which each member of a gang may be admitted beside those that are there already; the order is searched for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scheduler.model.neighbours import PodTerm, Selector, Spread
from scheduler.model.nodes import Node
from scheduler.model.plan import Plan
from scheduler.model.pods import PodShape
from scheduler.model.snapshot import Snapshot
from tests.checker.rules import fulfils, objections

MOST_STATES = 20_000  # orders looked at before the judge says that it does not know, which is a wrong as well


@dataclass(frozen=True)
class Standing:
    """A pod on a node."""

    node: Node
    namespace: str
    labels: Mapping[str, str]
    shape: PodShape
    leaving: bool = False


def intruders(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Yield the gangs whose members cannot be admitted in any order beside the pods around them, and each other."""
    there = list(_there(snapshot))
    for admit in plan.admitted:
        pods = {pod.uid: pod for pod in snapshot.members.get(admit.group, ())}
        members = [
            Standing(
                snapshot.nodes[slot.node].node,
                pods[slot.uid].key.namespace,
                pods[slot.uid].labels,
                pods[slot.uid].shape,
            )
            for slot in admit.assignments
            if slot.uid in pods and slot.node in snapshot.nodes
        ]
        if any(member.shape.rules or member.shape.spreads for member in (*members, *there)):
            known: set[frozenset[int]] = set()
            if not _can_be_admitted(snapshot, there, members, frozenset(), known):
                yield f"{admit.group} cannot be admitted beside the pods around it: {_first_objection(snapshot, there, members)}"
        there += members


def keeps_away(snapshot: Snapshot, there: Sequence[Standing], pod: Standing) -> str:
    """Return why such a pod may not come to its node; empty when it may."""
    for term in _terms(pod, "affinity"):
        if term.topology_key not in pod.node.labels:
            return f"{pod.node.name} has no label {term.topology_key} of its affinity"
    if not _affinity_is_met(snapshot, there, pod):
        return f"nobody it must be near to is near {pod.node.name}"
    for other in there:
        if any(
            _together(term, other.node, pod.node) and _is_meant(snapshot, term, pod, other)
            for term in _terms(pod, "anti")
        ):
            return f"it avoids {dict(other.labels)} on {other.node.name}"
        if any(
            _together(term, other.node, pod.node) and _is_meant(snapshot, term, other, pod)
            for term in _terms(other, "anti")
        ):
            return f"{dict(other.labels)} on {other.node.name} avoids it"
    for spread in pod.shape.spreads:
        if spread.is_required and not _is_even(snapshot, there, pod, spread):
            return f"it would be spread unevenly over {spread.topology_key}"
    return ""


def standing(snapshot: Snapshot) -> list[Standing]:
    """Return everybody who is there before the plan."""
    return list(_there(snapshot))


def _there(snapshot: Snapshot) -> Iterator[Standing]:
    for state in snapshot.nodes.values():
        for each in state.residents:
            yield Standing(
                state.node,
                each.namespace,
                each.labels,
                PodShape(state.requested, rules=each.rules),
                each.is_leaving,
            )
    bound = {pod.uid for members in snapshot.members.values() for pod in members if pod.node is not None}
    for reservation in snapshot.reservations:
        for slot in reservation.slots:
            if slot.uid not in bound and slot.node in snapshot.nodes:
                yield Standing(snapshot.nodes[slot.node].node, slot.pod.namespace, slot.labels, slot.shape)


def _can_be_admitted(
    snapshot: Snapshot,
    there: Sequence[Standing],
    members: Sequence[Standing],
    placed: frozenset[int],
    known: set[frozenset[int]],
) -> bool:
    if len(placed) == len(members):
        return True
    if placed in known or len(known) > MOST_STATES:
        return False
    known.add(placed)
    beside = [*there, *(members[number] for number in sorted(placed))]
    return any(
        not keeps_away(snapshot, beside, member)
        and _can_be_admitted(snapshot, there, members, placed | {number}, known)
        for number, member in enumerate(members)
        if number not in placed
    )


def _first_objection(snapshot: Snapshot, there: Sequence[Standing], members: Sequence[Standing]) -> str:
    beside = list(there)
    for member in members:
        objection = keeps_away(snapshot, beside, member)
        if objection:
            return objection
        beside.append(member)
    return "in another order"


def _terms(pod: Standing, kind: str) -> tuple[PodTerm, ...]:
    if pod.shape.rules is None:
        return ()
    return pod.shape.rules.affinity if kind == "affinity" else pod.shape.rules.anti_affinity


def _together(term: PodTerm, one: Node, other: Node) -> bool:
    # "nodes that have a label with this key and identical values are considered to be in the same topology"
    return term.topology_key in one.labels and one.labels[term.topology_key] == other.labels.get(
        term.topology_key
    )


def _is_meant(snapshot: Snapshot, term: PodTerm, owner: Standing, other: Standing) -> bool:
    # "The term is applied to the union of the namespaces selected by this field and the ones listed in the namespaces field. null selector
    # and null or empty namespaces list means 'this pod's namespace'. An empty selector ({}) matches all namespaces."
    if not term.namespaces and term.namespace_selector is None:
        in_scope = other.namespace == owner.namespace
    else:
        in_scope = other.namespace in term.namespaces or _selects(
            term.namespace_selector, snapshot.namespaces.get(other.namespace, {})
        )
    return in_scope and _selects(term.selector, other.labels)


def _selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    # "A null label selector matches no objects, an empty one matches all objects."
    return selector is not None and all(fulfils(each, labels.get(each.key)) for each in selector)


def _affinity_is_met(snapshot: Snapshot, there: Sequence[Standing], pod: Standing) -> bool:
    terms = _terms(pod, "affinity")
    if not terms:
        return True
    friends = [other for other in there if all(_is_meant(snapshot, term, pod, other) for term in terms)]
    if all(any(_together(term, friend.node, pod.node) for friend in friends) for term in terms):
        return True
    # "a pod that matches its own terms may be the first of a group": nobody matches in any domain of these topologies
    seen = [f for f in friends if any(term.topology_key in f.node.labels for term in terms)]
    return not seen and all(_is_meant(snapshot, term, pod, pod) for term in terms)


def _is_even(snapshot: Snapshot, there: Sequence[Standing], pod: Standing, spread: Spread) -> bool:
    # "skew = number of matching pods in the target topology - global minimum (the minimum number of matching pods in an eligible domain or
    # zero if the number of eligible domains is less than MinDomains)"
    key = spread.topology_key
    if key not in pod.node.labels:
        return False
    required = [each.topology_key for each in pod.shape.spreads if each.is_required]
    domains: dict[str, int] = {}
    for state in snapshot.nodes.values():
        if _is_eligible(spread, required, pod, state.node):
            domains.setdefault(state.node.labels[key], 0)
    for other in there:
        counts = spread.selector and _selects(spread.selector, other.labels) and not other.leaving
        if counts and other.namespace == pod.namespace and _is_eligible(spread, required, pod, other.node):
            domains[other.node.labels[key]] += 1
    least = min(domains.values()) if len(domains) >= spread.min_domains and domains else 0
    itself = 1 if _selects(spread.selector, pod.labels) else 0
    return domains.get(pod.node.labels[key], 0) + itself - least <= spread.max_skew


def _is_eligible(spread: Spread, required: Sequence[str], pod: Standing, node: Node) -> bool:
    if any(key not in node.labels for key in required):
        return False
    found = list(objections(pod.shape, node))
    if spread.honours_affinity and any("label" in each or "affinity" in each for each in found):
        return False
    return not (spread.honours_taints and any("taint" in each for each in found))
