"""
What would let the gang start: every change that is named was made on a copy of the snapshot and put to the engine, which placed the gang.

Each family of changes has a file of its own and knows none of the others: `looser` (levels, slices), `smaller` (members, requests),
`opened` (cordons, taints), `emptied` (waiting, removing groups), `added` (nodes). Cheapest first, by the table in `costs`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from scheduler.explain.constraints import Constraint
from scheduler.explain.costs import ChangeKind, cost_of
from scheduler.explain.edits import Edit
from scheduler.explain.ground import Ground
from scheduler.explain.oracle import Oracle
from scheduler.explain.questions import Question
from scheduler.model.podgroups import PodGroup
from scheduler.model.snapshot import Snapshot

MOST_NAMED: Final = 8
"""Nodes or groups written out in a sentence; the options of `tutti what-if` and the edits hold all."""


@dataclass(frozen=True, slots=True)
class Change:
    """
    One change that lets the gang start.

    `text` says it with the numbers of this moment, `advice` without any that change while the cause stays. `edits` make it on a snapshot;
    `options` are those of `tutti what-if` that show it, empty where it has none.
    """

    kind: ChangeKind
    cost: float
    text: str
    advice: str
    edits: tuple[Edit, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inquiry:
    """All that is asked about one gang: who, of what, on which ground, and whom to ask."""

    snapshot: Snapshot
    group: PodGroup
    question: Question
    ground: Ground
    oracle: Oracle
    constraints: tuple[Constraint, ...] = ()


def change(
    kind: ChangeKind,
    amount: float,
    text: str,
    advice: str,
    edits: Sequence[Edit],
    options: Sequence[str] = (),
) -> Change:
    """Return a change with the cost of so many units of it."""
    return Change(kind, cost_of(kind, amount), text, advice, tuple(edits), tuple(options))


def cheapest_first(found: Sequence[Change]) -> tuple[Change, ...]:
    """Return changes in order of their cost; of equals those first that stand first in the table."""
    order = list(ChangeKind)
    return tuple(sorted(found, key=lambda each: (each.cost, order.index(each.kind), each.text)))


def listed(names: Sequence[object]) -> str:
    """Return names as a list in words, the later ones of many only counted."""
    shown = [str(name) for name in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        return f"{', '.join(shown)} and {len(names) - MOST_NAMED} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def largest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the largest number that holds, where smaller ones hold too; one less than `low` when none does."""
    found = low - 1
    while low <= high:
        middle = (low + high) // 2
        if holds(middle):
            found, low = middle, middle + 1
        else:
            high = middle - 1
    return found


Family = Callable[[Inquiry], Iterator[Change]]
"""Yields the changes of one family that let the gang of an inquiry start."""
