"""
How many pods of a shape each node holds, remembered between cycles.

A cluster of thousands of nodes changes by a few at a time. The memo keeps one table per shape and brings it up to date by comparing
node states by identity (the cache hands out the same object until a node changes), so an undisturbed node costs a pointer
comparison.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scheduler.engine.feasibility import Refusal, room, static_refusal
from scheduler.model.facts import Evidence
from scheduler.model.ids import NodeName
from scheduler.model.pods import PodShape
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.topology import DomainTree, compile_tree

Copies = NDArray[np.int64]

MAX_SHAPES: Final = 256  # arbitrary; a forgotten table is made anew


@dataclass(slots=True)
class ShapeTable:
    """
    For one shape, by node number of one tree: the state it was computed from, how many copies fit, and why none can ever.

    `eligible` counts nodes without a static refusal.
    """

    states: list[NodeState | None]
    copies: Copies
    refusals: list[Refusal | None]

    @property
    def eligible(self) -> int:
        """How many nodes could run the shape if they were empty enough."""
        return sum(1 for refusal in self.refusals if refusal is None)


@dataclass(slots=True)
class CapacityMemo:
    """Tables by shape, for one tree at a time. Not shared between threads that run at once."""

    _tree: DomainTree | None = None
    _evidence: Evidence | None = None
    _nodes: frozenset[NodeName] = frozenset()
    _tables: "OrderedDict[PodShape, ShapeTable]" = field(default_factory=OrderedDict)

    def tree(self, snapshot: Snapshot) -> DomainTree:
        """Return the tree of the snapshot's evidence and nodes; compiled only when one of them is another one than last time."""
        nodes = snapshot.nodes.keys()
        if self._tree is None or self._evidence is not snapshot.evidence or self._nodes != nodes:
            self._tree = compile_tree(snapshot.evidence, nodes)
            self._evidence, self._nodes = snapshot.evidence, frozenset(nodes)
            self._tables.clear()
        return self._tree

    def table(self, tree: DomainTree, states: Sequence[NodeState], shape: PodShape) -> ShapeTable:
        """
        Return the table of this shape for these node states, which stand in the order of ``tree.nodes``.

        Cost: O(nodes) pointer comparisons, plus one evaluation per node that changed since the last call.
        """
        if tree is not self._tree:
            raise AssertionError("the memo holds tables of another tree")
        table = self._tables.get(shape)
        if table is None:
            count = len(states)
            table = ShapeTable([None] * count, np.zeros(count, dtype=np.int64), [None] * count)
            self._tables[shape] = table
            if len(self._tables) > MAX_SHAPES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(shape)
        changed = [i for i, (old, new) in enumerate(zip(table.states, states, strict=True)) if old is not new]
        for i in changed:
            _evaluate(table, i, shape, states[i])
        return table


def _evaluate(table: ShapeTable, number: int, shape: PodShape, state: NodeState) -> None:
    before = table.states[number]
    if before is None or before.node is not state.node:
        table.refusals[number] = static_refusal(shape, state.node)
    table.states[number] = state
    table.copies[number] = (
        0 if table.refusals[number] is not None else room(shape, state.free, state.host_ports)
    )
