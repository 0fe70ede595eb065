"""The optimum by trying everything: for questions of a handful of hosts and pods."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from benchmarks.place.measure import domains_used, faults
from benchmarks.place.questions import Question, copies


def optimum(question: Question) -> tuple[int, ...] | None:
    """Return the fewest domains, level by level; None where no placement exists."""
    return min((domains_used(question, shares) for shares in every(question)), default=None)


def every(question: Question) -> Iterator[np.ndarray]:
    """Yield every placement without faults."""
    room = copies(question, question.free)
    rows = [
        [spread for spread in product(*(range(most + 1) for most in row)) if sum(spread) == count]
        for row, count in zip(room.tolist(), question.counts, strict=True)
    ]
    for spreads in product(*rows):
        shares = np.array(spreads)
        if not faults(question, shares):
            yield shares
