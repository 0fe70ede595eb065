"""
What other groups hold of what a gang asks for, as columns; and how much room there would be for it if some of them had ended.

Counting only, and host ports that others hold are left out: every set of groups that is named was put to the engine by
`scheduler.explain.emptied`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scheduler.engine.capacity import Copies
from scheduler.engine.columns import cut
from scheduler.engine.feasibility import NO_LIMIT
from scheduler.explain.ground import Ground
from scheduler.explain.questions import Kind, Question
from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.pods import PodShape
from scheduler.model.snapshot import Snapshot

Chosen = NDArray[np.bool_]
"""[groups]: whether each is taken to have ended."""


@dataclass(frozen=True, eq=False)
class Running:
    """
    The groups that hold something, in order, and what: one row per group and node. M rows, R resources that the gang asks for.

    `group` [M] and `node` [M]: numbers. `amount` [M, R]: what is held there, resources in the order of `asked`. `held` [groups]: of the
    resource that people count the gang in, on all nodes.
    """

    ground: Ground
    question: Question
    asked: tuple[str, ...]
    keys: tuple[GroupKey, ...]
    group: Copies
    node: Copies
    amount: Copies
    held: Copies

    def ended(self, numbers: Sequence[int]) -> Chosen:
        """Return the groups of these numbers as ended, and no others."""
        flags = np.full(len(self.keys), False)
        flags[list(numbers)] = True
        return flags

    def totals(self, ended: Chosen) -> Copies:
        """Return how many members each domain of the required layer takes when these have ended."""
        freed = self._freed(ended)
        copies = [self._most(kind, freed, may) for kind, may in self._may.items()]
        rooms = self.ground.rooms_of(self.question, copies)
        return self.ground.totals(self.question, rooms, lambda name: freed[:, self.asked.index(name)])

    def enough(self, numbers: Sequence[int]) -> frozenset[NodeName] | None:
        """Return nodes that hold the gang by count when these groups have ended; None where counting is not exact."""
        if not self.question.is_counted_exactly:
            return None
        (kind,) = self.question.kinds
        return self.ground.enough_of(
            self.question, self._most(kind, self._freed(self.ended(numbers)), self._may[kind])
        )

    def _freed(self, ended: Chosen) -> Copies:
        rows = ended[self.group]
        freed = self._free.copy()
        np.add.at(freed, self.node[rows], self.amount[rows])
        return freed

    def fits(self, ended: Chosen, domain: int) -> bool:
        """Whether one domain of the required layer takes the whole gang, by count, when these have ended."""
        if self.question.slices:
            return int(self.totals(ended)[domain]) >= self.question.count
        first, last = self.ground.span(self.question, domain)
        rows = self._rows_in(domain)
        rows = rows[ended[self.group[rows]]]
        freed = self._free[first:last].copy()
        np.add.at(freed, self.node[rows] - first, self.amount[rows])
        alone = all(
            int(np.minimum(self._most(kind, freed, may[first:last]), kind.count).sum()) >= kind.count
            for kind, may in self._may.items()
        )
        return alone and (self.question.is_of_equals or self._fit_by_sums(freed[self._any_may[first:last]]))

    def _fit_by_sums(self, free: Copies) -> bool:
        """Whether these nodes have as much free in all as the gang asks for. Shape: free [nodes, R]."""
        return all(
            sum(free[:, column].tolist())
            >= sum(kind.shape.requests[name] * kind.count for kind in self.question.kinds)
            for column, name in enumerate(self.asked)
        )

    def gains(self, domain: int) -> Copies:
        """Return by group how many members more one domain takes when it alone has ended, kinds added up."""
        rows = self._rows_in(domain)
        nodes = self.node[rows]
        before = self._free[nodes]
        freed = before + self.amount[rows]
        gained = np.zeros(len(self.keys), dtype=np.int64)
        for kind, may in self._may.items():
            then, now = (
                np.minimum(self._most(kind, free, may[nodes]), kind.count) for free in (freed, before)
            )
            np.add.at(gained, self.group[rows], then - now)
        return gained

    @cached_property
    def _free(self) -> Copies:
        columns = [self.ground.free(name) for name in self.asked]
        return np.array(columns, dtype=np.int64).reshape(len(columns), len(self.ground.tree.nodes)).T

    @cached_property
    def _any_may(self) -> Chosen:
        return self.ground.may(self.question)

    @cached_property
    def _may(self) -> dict[Kind, Chosen]:
        """Where each kind may run at all."""
        found = {}
        for kind in self.question.kinds:
            found[kind] = may = self.ground.eligible(kind.shape).copy()
            for name in kind.refused:
                number = self.ground.tree.index.get(name, -1)
                if number >= 0:
                    may[number] = False
        return found

    def _rows_in(self, domain: int) -> Copies:
        first, last = self.ground.span(self.question, domain)
        return np.flatnonzero((self.node >= first) & (self.node < last))

    def _most(self, kind: Kind, free: Copies, may: Chosen) -> Copies:
        """Return how many members of a kind are held by nodes with so much free. Shapes: free [nodes, R], may [nodes]."""
        copies = np.where(may, 1 if kind.shape.host_ports else NO_LIMIT, 0)
        for column, name in enumerate(self.asked):
            amount = kind.shape.requests[name]
            if amount > 0:
                np.minimum(copies, free[:, column] // amount, out=copies)
        return copies


def running(snapshot: Snapshot, ground: Ground, question: Question, own: GroupKey) -> Running:
    """Return what the other groups hold. Cost: O(pods that run)."""
    asked = question.asked
    index = ground.tree.index
    keys: list[GroupKey] = []
    shapes: dict[PodShape, int] = {}
    found: list[tuple[int, int, int]] = []  # group, node, shape of each pod
    for key in sorted(snapshot.members.keys() - {own}):
        holding = [pod for pod in snapshot.members[key] if pod.node in index and not pod.phase.is_terminal]
        if holding:
            found += [
                (len(keys), index[pod.node], shapes.setdefault(pod.shape, len(shapes)))
                for pod in holding
                if pod.node is not None
            ]
            keys.append(key)
    columns = np.array(found, dtype=np.int64).reshape(len(found), 3)
    vectors = np.array(
        [[cut(shape.requests[name]) for name in (*asked, question.resource)] for shape in shapes]
    )
    amounts = vectors.reshape(len(shapes), len(asked) + 1)[columns[:, 2]].astype(np.int64)
    held = np.zeros(len(keys), dtype=np.int64)
    np.add.at(held, columns[:, 0], amounts[:, -1])
    places, row_of = np.unique(columns[:, :2], axis=0, return_inverse=True)
    total = np.zeros((len(places), len(asked)), dtype=np.int64)
    np.add.at(total, row_of.reshape(-1), amounts[:, :-1])
    return Running(ground, question, asked, tuple(keys), places[:, 0], places[:, 1], total, held)
