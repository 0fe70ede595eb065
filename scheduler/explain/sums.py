"""
How many unlike members fit at most by sums: what is free in a domain, all of its nodes taken together, beside what the members ask for.

Kind by kind each may fit and together they ask for more than there is; this sees it without a search. Source: the screens of the design
notes on placement, section 6.1.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.columns import Mask
from scheduler.explain.questions import Question
from scheduler.topology import Layer

ROOM_FOR_SUMS: Final = 2**62

FreeOf = Callable[[str], Copies]
"""What each node has left of a resource."""


def sums(free: FreeOf, name: str, may: Mask, layer: Layer) -> Copies | None:
    """Return what each domain of a layer has free of one resource on nodes that may be used; None where it may not fit into 64 bits."""
    usable = np.where(may, np.maximum(free(name), 0), 0)
    if len(usable) and int(usable.max()) > ROOM_FOR_SUMS // len(usable):
        return None
    before = np.concatenate(([0], np.cumsum(usable)))
    found: Copies = before[layer.starts[1:]] - before[layer.starts[:-1]]
    return found


def most_of(question: Question, name: str, free: Copies) -> Copies:
    """Return how many members `free` holds at most, by this resource alone: those that ask for least of it first."""
    left = free.copy()
    found = np.zeros_like(free)
    for kind in sorted(question.kinds, key=lambda kind: kind.shape.requests[name]):
        amount = kind.shape.requests[name]
        taken = np.minimum(left // amount, kind.count) if amount > 0 else np.full_like(left, kind.count)
        found += taken
        left -= taken * max(amount, 0)
    return found
