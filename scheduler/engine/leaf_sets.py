"""
Which racks a gang of unlike pods might do with: guesses, tightest first, for the exact question to confirm.

Each rack gets a score, the part of the gang that it could take: by the kind that asks for most, or by the scarcest resource, or by the
lesser of both. The search for equal pods then finds the fewest racks, level by level, whose scores add up to a whole gang. A set that
turns out too small proves nothing; the next one asks for somewhat more.

Source: design notes on placement, section 6.3.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.equal_pods import Wish, place_equal, room
from scheduler.engine.unlike_pods import Kinds, copies
from scheduler.topology import Layer

WHOLE: Final = 1000  # the score of a rack that could take all of the gang; whole numbers, so that equal snapshots give equal guesses
GOALS: Final = (1000, 1020, 1060, 1120, 1250, 1500, 2000)


def leaf_sets(layers: Sequence[Layer], kinds: Kinds, nodes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """
    Yield sets of domains of the leaf layer, each in order, for a gang on these nodes; `kinds` is the question on just these.

    Cost: one search for equal pods per set, over leaves instead of nodes.
    """
    leaf = layers[-2]
    of = leaf.of[list(nodes)]
    coarse = _coarse(layers)
    seen: set[tuple[int, ...]] = set()
    for goal in GOALS:
        for score in _scores(kinds, of, len(leaf)):
            wish = Wish(goal)
            found = place_equal(coarse, room(coarse, score, wish), wish, np.zeros_like(score))
            chosen = tuple(number for number, _ in found) if found is not None else ()
            if chosen and chosen not in seen:
                seen.add(chosen)
                yield chosen


def _scores(kinds: Kinds, of: Copies, leaves: int) -> tuple[Copies, Copies, Copies]:
    """Return per leaf the part of the gang that it could take, rounded up: of the dominant kind, of the scarcest resource, of both."""
    counts = np.array(kinds.counts)
    largest = np.maximum(kinds.free.max(axis=0, initial=1), 1)
    dominant = int(np.argmax(counts * (kinds.asked / largest).max(axis=1, initial=0.0)))
    held = copies(kinds.asked, kinds.free, kinds.may, kinds.counts)[dominant]
    by_kind = np.minimum(-(-_sums(held, of, leaves) * WHOLE // counts[dominant]), WHOLE)
    asked = np.minimum(counts.astype(np.float64) @ kinds.asked, 2.0**52).astype(
        np.int64
    )  # a guess needs no more
    usable = np.maximum(kinds.free, 0) * kinds.may.any(axis=0).reshape(-1, 1)
    by_resource = np.full(leaves, WHOLE, dtype=np.int64)
    for resource in np.flatnonzero(asked > 0):
        part = -(
            -_sums(np.minimum(usable[:, resource], asked[resource]), of, leaves) * WHOLE // asked[resource]
        )
        np.minimum(by_resource, part, out=by_resource)
    return np.minimum(by_kind, by_resource), by_kind, by_resource


def _sums(amounts: Copies, of: Copies, leaves: int) -> Copies:
    sums = np.zeros(leaves, dtype=np.int64)
    np.add.at(sums, of, amounts)
    return sums


def _coarse(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers down to the leaves, with each leaf as a node of its own."""
    leaf = layers[-2]
    first = leaf.starts[:-1]
    every = np.arange(len(leaf) + 1)
    outer = [
        Layer(each.level, np.searchsorted(first, each.starts), each.children, each.positions, each.of[first])
        for each in layers[:-2]
    ]
    as_leaf = Layer(leaf.level, every, every, leaf.positions, every[:-1])
    as_host = Layer(layers[-1].level, every, every, leaf.positions, every[:-1])
    return (*outer, as_leaf, as_host)
