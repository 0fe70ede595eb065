"""
Where a gang could go: domains that hold it, tightest first, and how to fill one.

For equal pods the sum of copies over a domain is exact, so the first domain offered is the answer and nothing has to be searched. A
domain is filled from its largest part down and finished in the smallest part that holds the rest: the fewest parts at every level,
and large holes are left whole for gangs to come.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.model.ids import LevelName
from scheduler.topology import Domain, DomainTree


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which domains may be offered: those of `levels` (innermost first) that lie inside domain number `inside`."""

    levels: tuple[LevelName, ...]
    inside: int


def bounds(tree: DomainTree, required: LevelName | None, inside: int) -> Bounds:
    """Return the bounds for a gang that must stay in one domain of `required` (None: anywhere) and inside one given domain."""
    levels = tree.levels
    if required is not None:
        levels = levels[levels.index(required) :]
    return Bounds(tuple(reversed(levels)), inside)


def tightest(
    tree: DomainTree, sums: Sequence[Copies], counts: Sequence[int], within: Bounds
) -> Iterator[int]:
    """
    Yield the domains that could hold `counts[k]` pods of each shape k, given the copies per domain of each, tightest first.

    Tightest: innermost level, then least room for the first shape, then the order of names. Holding each shape alone is necessary for
    holding all; for one shape it is sufficient.
    """
    outer = tree.domains[within.inside]
    for level in within.levels:
        positions = np.array(tree.at_level.get(level, ()), dtype=np.int64)
        if not len(positions):
            continue
        fits = (tree.starts[positions] >= outer.start) & (tree.stops[positions] <= outer.stop)
        for total, count in zip(sums, counts, strict=True):
            fits &= total[positions] >= count
        found = positions[fits]
        for position in found[np.argsort(sums[0][found], kind="stable")]:
            yield int(position)


def fill(
    tree: DomainTree, sums: Copies, domain: int, count: int, score: Callable[[int], int]
) -> list[tuple[int, int]]:
    """
    Return (node, pods) for `count` pods of one shape in a domain that holds them; `score` prefers nodes that serve equally well.

    Cost: O(parts log parts) per domain entered.
    """
    here = tree.domains[domain]
    if not here.children:
        return [(here.start, count)]
    parts = [part for part in here.children if sums[part] > 0]
    preference = {part: _preference(tree.domains[part], score) for part in parts}
    parts.sort(key=lambda part: (-sums[part], -preference[part], part))
    placed: list[tuple[int, int]] = []
    rest = count
    for number, part in enumerate(parts):
        if rest <= sums[part]:
            enough = [p for p in parts[number:] if sums[p] >= rest]
            last = min(enough, key=lambda p: (-preference[p], sums[p], p))
            return placed + fill(tree, sums, last, rest, score)
        placed += fill(tree, sums, part, int(sums[part]), score)
        rest -= int(sums[part])
    raise AssertionError(f"domain {here.name} does not hold {count}")


def _preference(part: Domain, score: Callable[[int], int]) -> int:
    return 0 if part.children else score(part.start)
