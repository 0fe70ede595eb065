"""
How many members of a gang fit on the nodes, as they are or with something given back: counting, no search.

For equal members the count is exact, as it is the engine's own (`scheduler.engine.equal_pods`). For unlike ones it is what could fit at
most, each kind counted as if it were alone; so too little here proves that the gang does not fit, and enough proves nothing. That is what
makes explanations cheap: only what passes here is put to the engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from scheduler.engine.capacity import CapacityMemo, Copies
from scheduler.engine.columns import Mask, cut
from scheduler.engine.equal_pods import Wish, room
from scheduler.engine.feasibility import NO_LIMIT, ports_clash
from scheduler.engine.trial import Trial
from scheduler.explain.questions import WHOLE_CLUSTER, Kind, Question
from scheduler.explain.sums import FreeOf, most_of, sums
from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.pods import HostPort, PodShape
from scheduler.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Given:
    """
    What others have given back: all that running pods use of some resources, their host ports, what some attempts hold.
    """

    resources: frozenset[str] = frozenset()
    ports: bool = False
    attempts: frozenset[GroupKey] = frozenset()


AS_IT_IS = Given()


@dataclass(slots=True)
class _Held:
    """What the open attempt of one group holds: (node number, shape) per member, and by resource a column when first asked for."""

    slots: list[tuple[int, PodShape]]
    columns: dict[str, Copies] = field(default_factory=dict)

    def column(self, resource: str, nodes: int) -> Copies:
        """Return how much of a resource is held on each node."""
        known = self.columns.get(resource)
        if known is None:
            known = self.columns[resource] = np.zeros(nodes, dtype=np.int64)
            for number, shape in self.slots:
                known[number] += cut(shape.requests[resource])
        return known


class Ground:
    """The nodes of one snapshot. Remembers what it has counted; its answers are not to be changed."""

    def __init__(self, snapshot: Snapshot, memo: CapacityMemo) -> None:
        self.tree = memo.tree(snapshot)
        self.trial = Trial(self.tree, replace(snapshot, reservations=()), memo)
        self.columns = memo.nodes(self.tree, self.trial.states)
        self._held = _held(snapshot, self.trial)
        self._copies: dict[tuple[PodShape, frozenset[NodeName], Given], Copies] = {}

    def rooms(self, question: Question, given: Given = AS_IT_IS) -> tuple[Sequence[Copies], ...]:
        """Return, per kind and layer, how many of its members each domain takes, were it alone there; slices kept whole."""
        return self.rooms_of(question, [self.copies(kind, given) for kind in question.kinds])

    def rooms_of(self, question: Question, copies: Sequence[Copies]) -> tuple[Sequence[Copies], ...]:
        """Return the same where each node holds so many of each kind."""
        # A slice that is partly bound is filled up first, so what is missing of it need not be whole.
        slices = () if question.bound else tuple((n, size) for n, size in question.slices if n is not None)
        return tuple(
            room(
                self.tree.layers,
                self._inside(question, each),
                Wish(kind.count, question.required or WHOLE_CLUSTER, slices),
            )
            for kind, each in zip(question.kinds, copies, strict=True)
        )

    def most(self, question: Question, given: Given = AS_IT_IS) -> int:
        """Return how many members fit into the best domain of the required level: exactly for equal ones, else at most."""
        if question.required is None or any(layer is None for layer, _ in question.slices):
            return 0
        return int(self.most_in(question, given).max(initial=0))

    def most_in(self, question: Question, given: Given = AS_IT_IS) -> Copies:
        """Return the same for each domain of the required layer."""
        return self.totals(question, self.rooms(question, given), lambda name: self.free(name, given))

    def totals(self, question: Question, rooms: Sequence[Sequence[Copies]], free: FreeOf) -> Copies:
        """Return how many members each domain of the required layer takes, with such rooms for each kind and so much free on each node."""
        number = question.required or WHOLE_CLUSTER
        counts = [
            np.minimum(each[number], kind.count) for each, kind in zip(rooms, question.kinds, strict=True)
        ]
        total: Copies = np.sum(counts, axis=0)
        if not question.is_of_equals:
            may = self.may(question)
            for name in question.asked:
                left = sums(free, name, may, self.tree.layers[number])
                if left is not None:
                    np.minimum(total, most_of(question, name, left), out=total)
        return total

    def may(self, question: Question) -> Mask:
        """Return the nodes that any kind may run on at all, inside the domain that the gang is tied to."""
        found: Mask = np.any([self.eligible(kind.shape) for kind in question.kinds], axis=0)
        return self._inside(question, found.astype(np.int64)) > 0

    def enough(self, question: Question, given: Given = AS_IT_IS) -> frozenset[NodeName] | None:
        """Return nodes that hold the gang by count; None where counting is not exact, or finds none."""
        if not question.is_counted_exactly or question.required is None:
            return None
        return self.enough_of(question, self.copies(question.kinds[0], given))

    def enough_of(self, question: Question, copies: Copies) -> frozenset[NodeName] | None:
        """Return the same where each node holds so many of the equal members: the roomiest nodes, or whole domains for slices."""
        number = question.required or WHOLE_CLUSTER
        (rooms,) = self.rooms_of(question, [copies])
        holding = np.flatnonzero(rooms[number] >= question.count)
        if not len(holding):
            return None
        inner = question.slices[0][0] if question.slices else len(self.tree.layers) - 1
        layer = self.tree.layers[max(number, inner or 0)]
        first, last = self.span(question, int(holding[0]))
        parts = range(int(layer.of[first]), int(layer.of[last - 1]) + 1)
        room = rooms[max(number, inner or 0)][parts.start : parts.stop]
        falling = np.argsort(-room, kind="stable")
        chosen = parts.start + falling[: int(np.searchsorted(np.cumsum(room[falling]), question.count)) + 1]
        nodes = np.flatnonzero(np.isin(layer.of, chosen) & (copies > 0))
        return frozenset(self.tree.nodes[node] for node in nodes.tolist())

    def span(self, question: Question, domain: int) -> tuple[int, int]:
        """Return the first node of a domain of the required layer, and the one behind its last."""
        starts = self.tree.layers[question.required or WHOLE_CLUSTER].starts
        return int(starts[domain]), int(starts[domain + 1])

    def copies(self, kind: Kind, given: Given = AS_IT_IS) -> Copies:
        """Return how many members of a kind each node holds, were it alone there."""
        asked = (kind.shape, kind.refused, given)
        known = self._copies.get(asked)
        if known is None:
            known = self._copies[asked] = self._counted(kind, given)
        return known

    def eligible(self, shape: PodShape) -> Mask:
        """Return which nodes may ever run this shape."""
        return self.trial.eligible(shape)

    def free(self, resource: str, given: Given = AS_IT_IS) -> Copies:
        """Return what each node has left of a resource, in an array of the caller's own."""
        trial, given_back = self.trial, resource in given.resources
        left = (trial.allocatable(resource) if given_back else trial.free_of(resource)).copy()
        for group, held in self._held.items():
            if group not in given.attempts:
                left -= held.column(resource, len(left))
        return np.maximum(left, 0, out=left)

    @property
    def attempts(self) -> tuple[GroupKey, ...]:
        """The groups whose open attempts hold something, in order."""
        return tuple(sorted(self._held))

    def held_by(self, group: GroupKey, resource: str) -> int:
        """Return how much of a resource the open attempt of a group holds."""
        return sum(shape.requests[resource] for _, shape in self._held[group].slots)

    def _counted(self, kind: Kind, given: Given) -> Copies:
        shape = kind.shape
        copies = np.where(self.eligible(shape), 1 if shape.host_ports else NO_LIMIT, 0)
        for name, amount in shape.requests.items():
            if amount > 0:
                np.minimum(copies, self.free(name, given) // amount, out=copies)
        for name in kind.refused:
            number = self.tree.index.get(name, -1)
            if number >= 0:
                copies[number] = 0
        if shape.host_ports:
            for number in np.flatnonzero(copies).tolist():
                if ports_clash(shape.host_ports, self._ports(number, given)):
                    copies[number] = 0
        return copies

    def _ports(self, number: int, given: Given) -> list[HostPort]:
        taken = [] if given.ports else list(self.trial.states[number].host_ports)
        for group, held in self._held.items():
            if group not in given.attempts:
                taken += [port for node, shape in held.slots if node == number for port in shape.host_ports]
        return taken

    def _inside(self, question: Question, copies: Copies) -> Copies:
        if not question.inside:
            return copies
        domain = self.tree.domains[question.inside]
        inside = np.zeros_like(copies)
        inside[domain.start : domain.stop] = copies[domain.start : domain.stop]
        return inside


def _held(snapshot: Snapshot, trial: Trial) -> dict[GroupKey, _Held]:
    """Return what is reserved, as a trial counts it: a slot ends when its pod is seen bound."""
    found: dict[GroupKey, _Held] = {}
    for reservation in snapshot.reservations:
        bound = {pod.uid for pod in snapshot.members.get(reservation.group, ()) if pod.is_bound}
        for slot in reservation.slots:
            number = trial.tree.index.get(slot.node, -1)
            if number >= 0 and slot.uid not in bound:
                found.setdefault(reservation.group, _Held([])).slots.append((number, slot.shape))
    return found
