"""
The tree with every level present under every domain, as arrays: what placement computes on.

Evidence is ragged: a rack may say nothing of its block, a node nothing of anything. Here each node has exactly one domain in each layer.
Where a level is not known, the outermost domain further in stands for it, at last the host itself: a rack without a block is a block of
its own, and a node without evidence is alone on every level.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduler.model.ids import LevelName

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layer:
    """
    One level over the whole cluster; domains are numbered in the order of their nodes. Shapes: D domains here, N nodes.

    `starts` [D+1]: domain i holds nodes starts[i]:starts[i+1]. `children` [D+1]: and domains children[i]:children[i+1] of the next layer
    further in. `positions` [D]: the domain of the tree that stands here. `of` [N]: the domain of each node. Compared by identity.
    """

    level: LevelName
    starts: Numbers
    children: Numbers
    positions: Numbers
    of: Numbers

    def __len__(self) -> int:
        return len(self.positions)

    def totals(self, inner: Numbers) -> Numbers:
        """Return the sum over each domain's children of `inner`, which holds a number per domain of the next layer further in."""
        sums = np.concatenate(([0], np.cumsum(inner)))
        result: Numbers = sums[self.children[1:]] - sums[self.children[:-1]]
        return result


def layers_of(
    levels: Sequence[LevelName], domain_levels: Sequence[LevelName], paths: Sequence[Sequence[int]]
) -> tuple[Layer, ...]:
    """
    Return a layer per level, from the cluster to the host.

    `domain_levels` holds the level of every domain of the tree, `paths` for each node the positions of its domains, outermost first.
    Cost: O(nodes x levels).
    """
    depth = {level: number for number, level in enumerate(levels)}
    table = np.full((len(levels), len(paths)), -1, dtype=np.int64)
    for node, path in enumerate(paths):
        for position in path:
            table[depth[domain_levels[position]], node] = position
    for number in range(len(levels) - 2, -1, -1):
        table[number] = np.where(table[number] < 0, table[number + 1], table[number])
    return stacked(levels, table)


def stacked(levels: Sequence[LevelName], table: Numbers) -> tuple[Layer, ...]:
    """Return the same from the position of the domain that stands for each node on each level, [levels, nodes]."""
    made: list[Layer] = []
    for number in reversed(range(len(levels))):
        made.append(_layer(levels[number], table[number], made[-1] if made else None))
    return tuple(reversed(made))


def _layer(level: LevelName, row: Numbers, inner: Layer | None) -> Layer:
    """Number the runs of equal positions in a row of nodes, which stand in the order of their paths."""
    begins = np.flatnonzero(np.diff(row, prepend=-1))
    of = np.cumsum(np.diff(row, prepend=-1) != 0) - 1
    starts = np.append(begins, len(row))
    children = starts if inner is None else np.append(inner.of[begins], len(inner))
    return Layer(level, starts, children, row[begins], of)
