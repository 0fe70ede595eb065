"""
What nodes have free and whom they can ever take, remembered between cycles.

A cluster of thousands of nodes changes by a few at a time. The memo compares node states by identity (the cache hands out the same object
until a node changes), so an undisturbed node costs a pointer comparison per cycle. How many copies of a shape fit is not remembered here:
from the columns of free amounts it is a few passes over an array, and the trial of a cycle keeps it.

Next: `columns` answers for all nodes at once, `trial` takes room away.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from scheduler.engine.columns import Codes, NodeColumns, Numbers, cut
from scheduler.engine.residents import Residents
from scheduler.model.facts import Evidence
from scheduler.model.ids import NodeName
from scheduler.model.pods import PodShape
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.topology import DomainTree, compile_tree

Copies = NDArray[np.int64]

REMEMBERED: Final = 2**22  # pairs of node and shape, nine bytes each: 38 MB at most


class NodeScore(Protocol):
    """Which of several equally near nodes is better for a pod."""

    def __call__(self, shape: PodShape, nodes: NodeColumns) -> Numbers:
        """Return a score per node; higher is better. Compared only between nodes that serve equally well; from the node objects alone."""


@dataclass(slots=True)
class ShapeTable:
    """
    For one shape, by node number: why none can ever run there (numbers of `columns.REFUSALS`), and how well the node is liked.

    `nodes`: what it was made from. `asked`: when it was last used, in counts of `CapacityMemo`.
    """

    nodes: NodeColumns
    refusals: Codes
    scores: Copies
    asked: int


@dataclass(slots=True)
class CapacityMemo:
    """Tables for one tree at a time. Not shared between threads that run at once."""

    score: NodeScore
    _tree: DomainTree | None = None
    _evidence: Evidence | None = None
    _names: frozenset[NodeName] = frozenset()
    _states: Sequence[NodeState] | None = None
    _nodes: NodeColumns = field(default_factory=lambda: NodeColumns(()))
    _turn: int = 0  # grows with each list of states: one per cycle
    _tables: "OrderedDict[PodShape, ShapeTable]" = field(default_factory=OrderedDict)
    _free: dict[str, Copies] = field(default_factory=dict)
    _residents: Residents = field(default_factory=Residents)

    def tree(self, snapshot: Snapshot) -> DomainTree:
        """Return the tree of the snapshot's evidence and nodes; compiled only when one of them is another one than last time."""
        names = snapshot.nodes.keys()
        if self._tree is None or self._evidence is not snapshot.evidence or self._names != names:
            self._tree = compile_tree(snapshot.evidence, names)
            self._evidence, self._names = snapshot.evidence, frozenset(names)
            self._states = None  # nodes have other numbers
        return self._tree

    def nodes(self, tree: DomainTree, states: Sequence[NodeState]) -> NodeColumns:
        """
        Return the nodes of these states as columns; `states` stand in the order of ``tree.nodes`` and are not changed afterwards.

        Cost: O(nodes) pointer comparisons for a list that was not the last one, and all columns anew if a node itself changed.
        """
        if tree is not self._tree:
            raise AssertionError("the memo holds tables of another tree")
        if states is not self._states:
            self._turn += 1
            self._take_in(states)
        return self._nodes

    def residents(self, tree: DomainTree, states: Sequence[NodeState]) -> Residents:
        """Return who stands on these nodes. Cost: as `nodes`."""
        self.nodes(tree, states)
        return self._residents

    def table(self, tree: DomainTree, states: Sequence[NodeState], shape: PodShape) -> ShapeTable:
        """Return the table of this shape. Cost: as `nodes`; for a shape that is not remembered, some passes over the nodes."""
        nodes = self.nodes(tree, states)
        table = self._tables.get(shape)
        if table is None or table.nodes is not nodes:
            table = ShapeTable(nodes, nodes.refusals(shape), _shared(self.score(shape, nodes)), self._turn)
            self._remember(shape, table)
        elif table.asked != self._turn:
            table.asked = self._turn
            self._tables.move_to_end(shape)
        return table

    def free(self, tree: DomainTree, states: Sequence[NodeState], resource: str) -> Copies:
        """Return what every node has free of one resource, never below zero, in an array of the caller's own. Cost: as `nodes`."""
        nodes = self.nodes(tree, states)
        if not nodes.offers(resource):
            return np.zeros(len(nodes), dtype=np.int64)
        column = self._free.get(resource)
        if column is None:
            column = self._free[resource] = np.array(
                [_free(state, resource) for state in states], dtype=np.int64
            )
        return column.copy()

    def _take_in(self, states: Sequence[NodeState]) -> None:
        before, self._states = self._states, states
        if before is None:
            self._nodes = NodeColumns([state.node for state in states])
            self._residents = Residents(states)
            self._free.clear()
            return
        changed = _changed(before, states)
        if any(before[number].node is not states[number].node for number in changed):
            self._nodes = NodeColumns([state.node for state in states])
        self._residents.replace(states, changed)
        for resource, column in self._free.items():
            for number in changed:
                column[number] = _free(states[number], resource)

    def _remember(self, shape: PodShape, table: ShapeTable) -> None:
        """Keep a table, in place of those that no question has named for longest; what this cycle uses is not pushed out by it."""
        self._tables.pop(shape, None)
        most = REMEMBERED // max(1, len(table.nodes))
        while len(self._tables) >= most and self._tables:
            oldest = next(iter(self._tables))
            if self._tables[oldest].asked == self._turn:
                return
            del self._tables[oldest]
        self._tables[shape] = table


def _free(state: NodeState, resource: str) -> int:
    return cut(state.node.allocatable[resource] - state.requested[resource])


def _shared(scores: Numbers) -> Numbers:
    """Return the scores; nodes that are all liked equally, which is usual, cost no memory."""
    return scores if scores.any() else np.broadcast_to(np.int64(0), scores.shape)


def _changed(old: Sequence[NodeState], new: Sequence[NodeState]) -> list[int]:
    """Return the numbers of nodes whose state is another object than before. Few, so nothing is allocated for the others."""
    if all(map(is_, old, new)):
        return []
    return [number for number, (was, now) in enumerate(zip(old, new, strict=True)) if was is not now]
