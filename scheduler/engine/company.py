"""
Whether the members of planned gangs may stand beside the pods around them: an invariant of plans, checked apart from the search.

Everything is counted in plain dictionaries, domain by domain, and each member is asked once its turn has come, in the way of kube-scheduler
1.37 (InterPodAffinity, PodTopologySpread). A gang is sound if its members can be admitted in some order; tried is that of their ranks, and
whoever has to wait is asked again after the others.
Next: `validate` adds what is found to the other invariants.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scheduler.engine.feasibility import matches, tolerated
from scheduler.engine.matching import counts_in, selects, speaks_of
from scheduler.model.neighbours import PodTerm, Resident, Spread
from scheduler.model.nodes import Node, TaintEffect
from scheduler.model.plan import Admit, Plan
from scheduler.model.pods import Pod, PodShape
from scheduler.model.snapshot import Snapshot

Standing = tuple[Node, Resident]
Domain = tuple[str, str]
"""A topology key and its value."""


def intrusions(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Yield what is wrong, in words. Cost: nothing where nobody has rules; else members x (kinds of members + pods that stand)."""
    there = list(_standing(snapshot))
    for admit in plan.admitted:
        members = list(_members(snapshot, admit))
        if any(pod.shape.rules or pod.shape.spreads for _, pod in members) or any(r.rules for _, r in there):
            yield from _gang(snapshot, there, members, admit)
        there += [(node, pod.as_resident()) for node, pod in members]


def _gang(
    snapshot: Snapshot, there: Sequence[Standing], members: Sequence[tuple[Node, Pod]], admit: Admit
) -> Iterator[str]:
    views: dict[tuple[PodShape, frozenset[tuple[str, str]]], _View] = {}
    of: dict[str, _View] = {}
    for _, pod in members:
        kind = (pod.shape, frozenset(pod.labels.items()))
        if kind not in views:
            views[kind] = _View.of(snapshot, there, pod)
        of[pod.uid] = views[kind]
    left = list(members)
    while left:
        waiting = []
        for node, pod in left:
            if of[pod.uid].objection(node):
                waiting.append((node, pod))
                continue
            for view in views.values():
                view.add(node, pod.as_resident())
        if len(waiting) == len(left):
            node, pod = waiting[0]
            yield (
                f"{len(waiting)} of {len(members)} members of {admit.group} may not stand beside others, among them {pod.key} "
                f"on {node.name}: {of[pod.uid].objection(node)}"
            )
            return
        left = waiting


@dataclass(slots=True)
class _View:
    """What one kind of member sees. By domain: pods it must be near to, pods that keep it away; by constraint and domain: pods counted."""

    snapshot: Snapshot
    pod: Pod
    friends: Counter[Domain] = field(default_factory=Counter)
    foes: Counter[Domain] = field(default_factory=Counter)
    counted: dict[Spread, dict[str, int]] = field(default_factory=dict)

    @staticmethod
    def of(snapshot: Snapshot, there: Sequence[Standing], pod: Pod) -> "_View":
        view = _View(snapshot, pod)
        for spread in view.required:
            view.counted[spread] = {
                state.node.labels[spread.topology_key]: 0
                for state in snapshot.nodes.values()
                if view.is_eligible(spread, state.node)
            }
        for node, resident in there:
            view.add(node, resident)
        return view

    @property
    def required(self) -> tuple[Spread, ...]:
        return tuple(spread for spread in self.pod.shape.spreads if spread.is_required)

    def add(self, node: Node, other: Resident) -> None:
        """One more pod stands on this node."""
        rules, itself = self.pod.shape.rules, self.pod.as_resident()
        if (
            rules is not None
            and rules.affinity
            and all(self._means(t, itself, other) for t in rules.affinity)
        ):
            self.friends.update(_domains(node, {term.topology_key for term in rules.affinity}))
        mine = (
            {t.topology_key for t in rules.anti_affinity if self._means(t, itself, other)} if rules else set()
        )
        theirs = other.rules.anti_affinity if other.rules is not None else ()
        mine |= {term.topology_key for term in theirs if self._means(term, other, itself)}
        self.foes.update(_domains(node, mine))
        for spread, domains in self.counted.items():
            is_counted = not other.is_leaving and counts_in(spread, other.labels)
            if is_counted and other.namespace == itself.namespace and self.is_eligible(spread, node):
                domains[node.labels[spread.topology_key]] += 1

    def objection(self, node: Node) -> str:
        """Return why a pod of this kind may not come to a node now; empty when it may."""
        affinity = self.pod.shape.rules.affinity if self.pod.shape.rules is not None else ()
        near = _domains(node, {term.topology_key for term in affinity})
        if len(near) < len({term.topology_key for term in affinity}):
            return "it lacks a label of the required affinity"
        itself = self.pod.as_resident()
        is_first = not self.friends and all(self._means(term, itself, itself) for term in affinity)
        if not is_first and not all(self.friends[domain] for domain in near):
            return "no pod that it must be near to is near"
        if any(self.foes[domain] for domain in node.labels.items()):
            return "it avoids a pod there, or is avoided"
        for spread, domains in self.counted.items():
            value = node.labels.get(spread.topology_key)
            least = min(domains.values()) if len(domains) >= max(1, spread.min_domains) else 0
            skew = domains.get(value or "", 0) + selects(spread.selector, self.pod.labels) - least
            if value is None or skew > spread.max_skew:
                return f"the pods would be spread unevenly over {spread.topology_key}"
        return ""

    def is_eligible(self, spread: Spread, node: Node) -> bool:
        """Whether pods on this node are counted."""
        shape = self.pod.shape
        if any(each.topology_key not in node.labels for each in self.required):
            return False
        if spread.honours_affinity and not _is_selected(shape, node):
            return False
        hard = [taint for taint in node.taints if taint.effect is not TaintEffect.PREFER_NO_SCHEDULE]
        return not spread.honours_taints or all(tolerated(shape, taint) for taint in hard)

    def _means(self, term: PodTerm, owner: Resident, other: Resident) -> bool:
        namespaces = self.snapshot.namespaces
        return speaks_of(term, owner.namespace, other.namespace, namespaces) and selects(
            term.selector, other.labels
        )


def _is_selected(shape: PodShape, node: Node) -> bool:
    if any(node.labels.get(key) != value for key, value in shape.node_selector):
        return False
    return shape.required_terms is None or any(matches(term, node) for term in shape.required_terms)


def _domains(node: Node, keys: set[str]) -> list[Domain]:
    return [(key, node.labels[key]) for key in sorted(keys) if key in node.labels]


def _standing(snapshot: Snapshot) -> Iterator[Standing]:
    for state in snapshot.nodes.values():
        for resident in state.residents:
            yield state.node, resident
    for reservation in snapshot.reservations:
        bound = {pod.uid for pod in snapshot.members.get(reservation.group, ()) if pod.is_bound}
        for slot in reservation.slots:
            if slot.uid not in bound and slot.node in snapshot.nodes:
                yield snapshot.nodes[slot.node].node, slot.as_resident()


def _members(snapshot: Snapshot, admit: Admit) -> Iterator[tuple[Node, Pod]]:
    pods: Mapping[str, Pod] = {pod.uid: pod for pod in snapshot.members.get(admit.group, ())}
    for slot in admit.assignments:
        if slot.uid in pods and slot.node in snapshot.nodes:
            yield snapshot.nodes[slot.node].node, pods[slot.uid]
