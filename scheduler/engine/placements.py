"""
Where a gang could go: the domains that could hold it, tightest first.

Holding each shape alone is necessary for holding all together. For equal pods it is sufficient and nothing has to be searched
(`equal_pods`); for unlike pods each domain offered is tried.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.topology import DomainTree


def offered(
    tree: DomainTree, rooms: Sequence[Sequence[Copies]], counts: Sequence[int], required: int
) -> Iterator[int]:
    """
    Yield the domains (positions in the tree) that could hold `counts[k]` pods of each shape k, innermost level first.

    `rooms[k]`: how many pods of shape k each domain takes, per layer. Within a level the one with the least room for the first shape comes
    first, then the order of names.
    """
    for number in reversed(range(required, len(tree.layers))):
        layer = tree.layers[number]
        fits = np.ones(len(layer), dtype=bool)
        for of_shape, count in zip(rooms, counts, strict=True):
            fits &= of_shape[number] >= count
        found = np.flatnonzero(fits)
        for domain in found[np.argsort(rooms[0][number][found], kind="stable")]:
            position = int(layer.positions[domain])
            if (
                tree.domains[position].level == layer.level
            ):  # else it stands in for a level that is not known, and was offered there
                yield position
