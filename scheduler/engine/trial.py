"""
Theory of operation: a what-if overlay on the nodes of a snapshot.

The trial starts with the snapshot's nodes less what open attempts have reserved. Placing a gang takes room away; leaving an attempt
without `keep` gives all of it back, so a gang that finds no place leaves no trace, and the next gang sees what was kept.

    with trial.attempt() as attempt:
        ...  trial.take(node, shape)
        attempt.keep()

Nodes are numbers in the order of the tree. Nothing outside sees the overlay.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from scheduler.engine.capacity import CapacityMemo, Copies
from scheduler.engine.feasibility import Refusal, room
from scheduler.model.ids import NodeName
from scheduler.model.pods import HostPort, PodShape
from scheduler.model.reservations import Reservation
from scheduler.model.resources import NOTHING, Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.topology import DomainTree

Value = TypeVar("Value")


@dataclass(slots=True)
class Attempt:
    """What one attempt took. Kept or given back when its block is left."""

    is_kept: bool = False

    def keep(self) -> None:
        """Let what was taken stay taken."""
        self.is_kept = True


class Trial:
    """Owned by one cycle. `states` and `tree.nodes` stand in the same order."""

    def __init__(self, tree: DomainTree, snapshot: Snapshot, memo: CapacityMemo) -> None:
        self.tree = tree
        self.states: Sequence[NodeState] = [snapshot.nodes[name] for name in tree.nodes]
        self._memo = memo
        self._taken: dict[int, Resources] = {}
        self._ports: dict[int, tuple[HostPort, ...]] = {}
        self._journal: list[tuple[int, Resources | None, tuple[HostPort, ...] | None]] = []
        for reservation in snapshot.reservations:
            self._reserve(reservation, snapshot)

    @contextmanager
    def attempt(self) -> Iterator[Attempt]:
        """Open an attempt; what is taken inside is given back unless it is kept. Attempts nest."""
        mark, attempt = len(self._journal), Attempt()
        try:
            yield attempt
        finally:
            if not attempt.is_kept:
                while len(self._journal) > mark:
                    number, taken, ports = self._journal.pop()
                    _restore(self._taken, number, taken)
                    _restore(self._ports, number, ports)

    def take(self, number: int, shape: PodShape, count: int = 1) -> None:
        """Take the room of `count` pods of this shape from a node. The caller has made sure that it is there."""
        self._journal.append((number, self._taken.get(number), self._ports.get(number)))
        self._taken[number] = self._taken.get(number, NOTHING) + shape.requests.scaled(count)
        if shape.host_ports:
            self._ports[number] = (*self._ports.get(number, ()), *shape.host_ports)

    def copies(self, shape: PodShape, excluded: Iterable[NodeName] = ()) -> Copies:
        """Return how many pods of this shape each node holds now, none on the excluded ones."""
        table = self._memo.table(self.tree, self.states, shape)
        copies = table.copies.copy()
        for number in self._taken:
            if table.refusals[number] is None:
                copies[number] = self.room(number, shape)
        for name in excluded:
            number = self.tree.index.get(name, -1)
            if number >= 0:
                copies[number] = 0
        return copies

    def room(self, number: int, shape: PodShape) -> int:
        """Return how many pods of this shape one node holds now; static refusals are not looked at."""
        state = self.states[number]
        taken = self._taken.get(number)
        ports = (*state.host_ports, *self._ports.get(number, ()))
        return room(shape, state.free - taken if taken is not None else state.free, ports)

    def refusals(self, shape: PodShape) -> Sequence[Refusal | None]:
        """Return, per node, why this shape can never run there."""
        return self._memo.table(self.tree, self.states, shape).refusals

    def scores(self, shape: PodShape) -> Copies:
        """Return how well each node is liked for this shape; more is better."""
        return self._memo.table(self.tree, self.states, shape).scores

    def free(self, number: int) -> Resources:
        """Return what one node has left now."""
        return self.states[number].free - self._taken.get(number, NOTHING)

    def _reserve(self, reservation: Reservation, snapshot: Snapshot) -> None:
        bound = {pod.uid for pod in snapshot.members.get(reservation.group, ()) if pod.is_bound}
        for slot in reservation.slots:
            number = self.tree.index.get(slot.node, -1)
            if number >= 0 and slot.uid not in bound:
                self.take(number, slot.shape)


def _restore(table: dict[int, Value], number: int, before: Value | None) -> None:
    if before is None:
        table.pop(number, None)
    else:
        table[number] = before
