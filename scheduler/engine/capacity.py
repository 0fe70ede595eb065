"""
How many pods of a shape each node holds, remembered between cycles.

A cluster of thousands of nodes changes by a few at a time. The memo keeps one table per shape and brings it up to date by comparing
node states by identity (the cache hands out the same object until a node changes), so an undisturbed node costs a pointer
comparison.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from scheduler.engine.feasibility import Refusal, room, static_refusal
from scheduler.model.facts import Evidence
from scheduler.model.ids import NodeName
from scheduler.model.nodes import Node
from scheduler.model.pods import PodShape
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.topology import DomainTree, compile_tree

Copies = NDArray[np.int64]

MAX_SHAPES: Final = 256  # arbitrary; a forgotten table is made anew


class NodeScore(Protocol):
    """Which of several equally near nodes is better for a pod."""

    def __call__(self, shape: PodShape, node: Node) -> int:
        """Return a score; higher is better. Compared only between nodes and domains that serve equally well; from the node object alone."""


@dataclass(slots=True)
class ShapeTable:
    """
    For one shape, by node number of one tree: the state it was computed from, how many copies fit, why none can ever, and how well
    the node is liked.
    """

    states: list[NodeState | None]
    copies: Copies
    refusals: list[Refusal | None]
    scores: Copies


@dataclass(slots=True)
class FreeTable:
    """For one resource, by node number: the state it was computed from, and what is free (never below zero)."""

    states: list[NodeState | None]
    free: Copies


@dataclass(slots=True)
class CapacityMemo:
    """Tables by shape, for one tree at a time. Not shared between threads that run at once."""

    score: NodeScore
    _tree: DomainTree | None = None
    _evidence: Evidence | None = None
    _nodes: frozenset[NodeName] = frozenset()
    _tables: "OrderedDict[PodShape, ShapeTable]" = field(default_factory=OrderedDict)
    _free: dict[str, FreeTable] = field(default_factory=dict)

    def tree(self, snapshot: Snapshot) -> DomainTree:
        """Return the tree of the snapshot's evidence and nodes; compiled only when one of them is another one than last time."""
        nodes = snapshot.nodes.keys()
        if self._tree is None or self._evidence is not snapshot.evidence or self._nodes != nodes:
            self._tree = compile_tree(snapshot.evidence, nodes)
            self._evidence, self._nodes = snapshot.evidence, frozenset(nodes)
            self._tables.clear()
            self._free.clear()
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
            n = len(states)
            table = ShapeTable([None] * n, np.zeros(n, np.int64), [None] * n, np.zeros(n, np.int64))
            self._tables[shape] = table
            if len(self._tables) > MAX_SHAPES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(shape)
        for number in _changed(table.states, states):
            self._evaluate(table, number, shape, states[number])
        return table

    def free(self, tree: DomainTree, states: Sequence[NodeState], resource: str) -> Copies:
        """Return what every node has free of one resource, never below zero. Cost: as `table`."""
        if tree is not self._tree:
            raise AssertionError("the memo holds tables of another tree")
        table = self._free.get(resource)
        if table is None:
            table = FreeTable([None] * len(states), np.zeros(len(states), np.int64))
            if len(self._free) >= MAX_SHAPES:
                self._free.clear()
            self._free[resource] = table
        for number in _changed(table.states, states):
            state = states[number]
            table.states[number] = state
            table.free[number] = max(0, state.node.allocatable[resource] - state.requested[resource])
        return table.free

    def _evaluate(self, table: ShapeTable, number: int, shape: PodShape, state: NodeState) -> None:
        before = table.states[number]
        if before is None or before.node is not state.node:
            table.refusals[number] = static_refusal(shape, state.node)
            table.scores[number] = self.score(shape, state.node)
        table.states[number] = state
        table.copies[number] = (
            0 if table.refusals[number] is not None else room(shape, state.free, state.host_ports)
        )


def _changed(old: Sequence[NodeState | None], new: Sequence[NodeState]) -> list[int]:
    """Return the numbers of nodes whose state is another object than before. Few, so nothing is allocated for the others."""
    if all(map(is_, old, new)):
        return []
    return [number for number, (was, now) in enumerate(zip(old, new, strict=True)) if was is not now]
