"""
Theory of operation: a what-if overlay on the nodes of a snapshot.

The trial starts with the snapshot's nodes less what open attempts have reserved. Placing a gang takes room away; leaving an attempt
without `keep` gives all of it back, so a gang that finds no place leaves no trace, and the next gang sees what was kept.

    with trial.attempt() as attempt:
        ...  trial.take(node, shape)
        attempt.keep()

What is free stands in columns. How many copies of a shape each node holds is counted over the columns when the shape is first asked for.
Whoever asks again has columns and counts brought up to date at the nodes that were touched since, by a take or by giving back, which
`_touched` lists in order. `version` names what is
taken: giving back returns to the number of before, so what is known at a version holds whenever it comes again. Whoever takes room for pods
also seats them, for the rules of those that come after: `neighbours` holds who stands where.

Nodes are numbers in the order of the tree. Nothing outside sees the overlay.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

import numpy as np

from scheduler.engine.attachments import Attachments, Taken
from scheduler.engine.capacity import CapacityMemo, Copies, ShapeTable
from scheduler.engine.columns import LARGEST, REFUSALS, Mask, NodeColumns, cut
from scheduler.engine.feasibility import NO_LIMIT, Refusal, ports_clash, room
from scheduler.engine.neighbours import Neighbours
from scheduler.engine.residents import Residents
from scheduler.model.ids import NodeName
from scheduler.model.pods import HostPort, PodShape
from scheduler.model.reservations import Reservation
from scheduler.model.resources import NOTHING, Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.model.volumes import Mounts
from scheduler.topology import DomainTree

Value = TypeVar("Value")

COUNTED: Final = 2**22  # pairs of node and shape, nine bytes each; beyond, all counts are forgotten
ALONE: Final = 64  # nodes that a pass over all counts in the time of one counted alone, roughly
ANSWERS: Final = 1024  # arbitrary; a forgotten answer is found again by asking


@dataclass(slots=True)
class Attempt:
    """What one attempt took. Kept or given back when its block is left."""

    is_kept: bool = False

    def keep(self) -> None:
        """Let what was taken stay taken."""
        self.is_kept = True


@dataclass(slots=True)
class Column:
    """What every node has free of one resource, as of a length of `Trial._touched`."""

    free: Copies
    as_of: int


@dataclass(slots=True)
class Count:
    """
    How many pods of a shape each node holds, as of a length of `Trial._touched`.

    `eligible`: where any may ever run. `demands`: how much one pod asks for of each resource.
    """

    copies: Copies
    eligible: Mask
    demands: tuple[tuple[str, int], ...]
    as_of: int


class _Entry(NamedTuple):
    """One step, and what was there before it."""

    number: int
    taken: Resources | None
    ports: tuple[HostPort, ...] | None
    attached: Taken | None
    version: int


class Trial:
    """Owned by one cycle. `states` and `tree.nodes` stand in the same order."""

    def __init__(self, tree: DomainTree, snapshot: Snapshot, memo: CapacityMemo) -> None:
        self.tree = tree
        self.states: Sequence[NodeState] = [snapshot.nodes[name] for name in tree.nodes]
        self.version = 0
        self._every = np.arange(len(self.states))
        self._memo = memo
        self._taken: dict[int, Resources] = {}
        self._ports: dict[int, tuple[HostPort, ...]] = {}
        self._journal: list[_Entry] = []
        self._takes = 0
        self._touched: list[int] = []
        self._free: dict[str, Column] = {}
        self._counts: dict[PodShape, Count] = {}
        self._answers: dict[Hashable, object] = {}
        self._answers_at = self.version
        self.attachments = Attachments(snapshot.storage, self.states)
        self.neighbours = Neighbours(lambda: memo.residents(tree, self.states), snapshot.namespaces)
        for reservation in snapshot.reservations:
            self._reserve(reservation, snapshot)

    @contextmanager
    def attempt(self) -> Iterator[Attempt]:
        """Open an attempt; what is taken inside is given back unless it is kept. Attempts nest."""
        mark, seated, attempt = len(self._journal), len(self.neighbours), Attempt()
        try:
            yield attempt
        finally:
            if not attempt.is_kept:
                self.neighbours.unseat(seated)
                while len(self._journal) > mark:
                    number, taken, ports, attached, self.version = self._journal.pop()
                    if attached is not None:
                        self.attachments.detach(attached)
                    _restore(self._taken, number, taken)
                    _restore(self._ports, number, ports)
                    self._touched.append(number)

    def take(self, number: int, shape: PodShape, count: int = 1) -> None:
        """Take the room of `count` pods of this shape from a node. The caller has made sure that it is there."""
        before = self._taken.get(number)
        asked = shape.requests if count == 1 else shape.requests.scaled(count)
        mounts = shape.mounts
        attached = self.attachments.attach(number, mounts, count) if mounts is not None else None
        self._journal.append(_Entry(number, before, self._ports.get(number), attached, self.version))
        self._taken[number] = asked if before is None else before + asked
        if shape.host_ports:
            self._ports[number] = (*self._ports.get(number, ()), *shape.host_ports)
        self._takes += 1
        self.version = self._takes
        self._touched.append(number)

    def nobody(self) -> Neighbours:
        """Return the pods around on the empty cluster: none."""
        return Neighbours(Residents, self.neighbours.namespaces)

    @property
    def columns(self) -> NodeColumns:
        """The nodes as columns."""
        return self._memo.nodes(self.tree, self.states)

    def copies(self, shape: PodShape, excluded: Iterable[NodeName] = ()) -> Copies:
        """Return how many pods of this shape each node holds now, none on the excluded ones, in an array of the caller's own."""
        copies = self._count(shape).copies.copy()
        for name in excluded:
            number = self.tree.index.get(name, -1)
            if number >= 0:
                copies[number] = 0
        return copies

    def room(self, number: int, shape: PodShape) -> int:
        """Return how many pods of this shape one node holds now; static refusals are not looked at."""
        found = room(shape, self.free(number), self._ports_of(number))
        return found if shape.mounts is None else min(found, self._attaches(number, shape.mounts))

    def eligible(self, shape: PodShape) -> Mask:
        """Return which nodes may ever run this shape."""
        count = self._counts.get(shape)  # what was taken since does not matter
        return (count if count is not None else self._count(shape)).eligible

    def refusals(self, shape: PodShape) -> Counter[Refusal]:
        """Return why nodes can never run this shape, with how many of them; only those that cannot."""
        found, counts = np.unique(self._table(shape).refusals, return_counts=True)
        causes = ((REFUSALS[code], int(count)) for code, count in zip(found, counts, strict=True))
        return Counter({cause: count for cause, count in causes if cause is not None})

    def scores(self, shape: PodShape) -> Copies:
        """Return how well each node is liked for this shape; more is better."""
        return self._table(shape).scores

    def free(self, number: int) -> Resources:
        """Return what one node has left now."""
        taken = self._taken.get(number)
        return self.states[number].free - taken if taken is not None else self.states[number].free

    def free_of(self, resource: str) -> Copies:
        """Return what every node has left of one resource, never below zero. Not to be changed by the caller."""
        column = self._free.get(resource)
        if column is None:
            column = Column(self._memo.free(self.tree, self.states, resource), 0)
            if self.columns.offers(resource):
                self._free[resource] = column
        if column.as_of < len(self._touched):
            for number in dict.fromkeys(self._touched[column.as_of :]):
                column.free[number] = self._left(number, resource)
            column.as_of = len(self._touched)
        return column.free

    def allocatable(self, resource: str) -> Copies:
        """Return what every node has of one resource in all."""
        return self._memo.nodes(self.tree, self.states).allocatable(resource)

    def recall(self, question: Hashable) -> object | None:
        """Return the answer to a question that was remembered while exactly the same was taken as now; None when none was."""
        return self._answers.get(question) if self._answers_at == self.version else None

    def remember(self, question: Hashable, answer: object) -> None:
        """Keep an answer that follows from the question, the snapshot and what is taken now, and from nothing else."""
        if self._answers_at != self.version or len(self._answers) >= ANSWERS:
            self._answers.clear()
            self._answers_at = self.version
        self._answers[question] = answer

    # --- what is counted -------------------------------------------------------------------------------------------------

    def _table(self, shape: PodShape) -> ShapeTable:
        return self._memo.table(self.tree, self.states, shape)

    def _count(self, shape: PodShape) -> Count:
        count = self._counts.get(shape)
        if count is None:
            if (len(self._counts) + 1) * len(self.states) > COUNTED:
                self._counts.clear()
            count = self._counts[shape] = self._counted(shape)
        elif count.as_of < len(self._touched):
            touched = self._touched[count.as_of :]
            if len(touched) * ALONE > len(self.states):
                count.copies = self._copies(shape, count.eligible, count.demands)
            else:
                demands = tuple((self.free_of(name), amount) for name, amount in count.demands)
                for number in touched:
                    count.copies[number] = (
                        self._copies_on(number, shape, demands) if count.eligible[number] else 0
                    )
            count.as_of = len(self._touched)
        return count

    def _counted(self, shape: PodShape) -> Count:
        eligible = self._table(shape).refusals == REFUSALS.index(None)
        demands = tuple((name, amount) for name, amount in shape.requests.items() if amount > 0)
        return Count(self._copies(shape, eligible, demands), eligible, demands, len(self._touched))

    def _copies(self, shape: PodShape, eligible: Mask, demands: Iterable[tuple[str, int]]) -> Copies:
        copies = np.where(eligible, _most(shape), 0)
        for name, amount in demands:
            if amount > LARGEST:
                return np.zeros_like(copies)
            np.minimum(copies, self.free_of(name) // amount, out=copies)
        if shape.host_ports:
            for number in np.flatnonzero(copies).tolist():
                if ports_clash(shape.host_ports, self._ports_of(number)):
                    copies[number] = 0
        if shape.mounts is not None:
            np.minimum(copies, self.attachments.room(shape.mounts, self._every), out=copies)
        return copies

    def _copies_on(self, number: int, shape: PodShape, demands: Iterable[tuple[Copies, int]]) -> int:
        if shape.host_ports and ports_clash(shape.host_ports, self._ports_of(number)):
            return 0
        most = _most(shape)
        for free, amount in demands:
            most = min(most, free.item(number) // amount)
        return most if shape.mounts is None else min(most, self._attaches(number, shape.mounts))

    def _attaches(self, number: int, mounts: Mounts) -> int:
        return int(self.attachments.room(mounts, self._every[number : number + 1])[0])

    def _left(self, number: int, resource: str) -> int:
        state, taken = self.states[number], self._taken.get(number, NOTHING)
        return cut(state.node.allocatable[resource] - state.requested[resource] - taken[resource])

    def _ports_of(self, number: int) -> tuple[HostPort, ...]:
        taken = self._ports.get(number)
        return (*self.states[number].host_ports, *taken) if taken else self.states[number].host_ports

    def _reserve(self, reservation: Reservation, snapshot: Snapshot) -> None:
        bound = {pod.uid for pod in snapshot.members.get(reservation.group, ()) if pod.is_bound}
        for slot in reservation.slots:
            number = self.tree.index.get(slot.node, -1)
            if number >= 0 and slot.uid not in bound:
                mounts = self.attachments.held_for(slot.claim_keys) if slot.claims else None
                self.take(number, replace(slot.shape, mounts=mounts) if mounts is not None else slot.shape)
                self.neighbours.seat([(number, slot)])


def _most(shape: PodShape) -> int:
    """Return the most pods of a shape that one node can hold whatever it has free."""
    return 1 if shape.host_ports else NO_LIMIT


def _restore(table: dict[int, Value], number: int, before: Value | None) -> None:
    if before is None:
        table.pop(number, None)
    else:
        table[number] = before
