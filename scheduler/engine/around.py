"""
What stands around, as one kind of member of a gang sees it: which domains are closed to it, where those are that it must be near to, and
how evenly those are spread that it shall be even with. All nodes at once.

Follows kube-scheduler 1.37 (plugins InterPodAffinity and PodTopologySpread).
Next: `gang_rules` makes one of these for each kind, and tells it of members that are placed.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from scheduler.engine.columns import Mask, Numbers
from scheduler.engine.spread import Evenness

ALL: Final = slice(None)


@dataclass(slots=True, eq=False)
class Closed:
    """
    One topology key by whose domains pods are kept apart.

    `codes` [nodes]: the domain of each node, 0 for none. By domain: `avoided`, how many pods there are that members avoid, and `avoiding`,
    how many that avoid members.
    """

    key: str
    codes: Numbers
    avoided: Numbers
    avoiding: Numbers

    def copy(self) -> "Closed":
        """Return one that can be added to without changing this."""
        return Closed(self.key, self.codes, self.avoided.copy(), self.avoiding.copy())

    def closed(self, nodes: slice) -> Mask:
        """Return which of these nodes are in a domain that is closed."""
        shut: Mask = (self.avoided + self.avoiding > 0)[self.codes[nodes]]
        return shut


@dataclass(slots=True, eq=False)
class Near:
    """
    Required affinity: per term, the domain of each node, and by domain how many pods match all terms; these need not be in one domain.

    `starts`: a member matches its own terms, so that the first may stand where no such pod is, if there is none at all.
    """

    keys: tuple[str, ...]
    codes: tuple[Numbers, ...]
    counts: tuple[Numbers, ...]
    starts: bool

    def copy(self) -> "Near":
        """Return one that can be added to without changing this."""
        return Near(self.keys, self.codes, tuple(counts.copy() for counts in self.counts), self.starts)

    @property
    def is_met_anywhere(self) -> bool:
        """Whether there is any pod to be near to."""
        return any(counts.any() for counts in self.counts)

    def labelled(self, nodes: slice) -> Mask:
        """Return which of these nodes have every topology key. No other node will do, whoever stands there."""
        found: Mask = np.logical_and.reduce([codes[nodes] > 0 for codes in self.codes])
        return found

    def allowed(self, nodes: slice) -> Mask:
        """Return on which of these nodes one more pod may stand."""
        if self.starts and not self.is_met_anywhere:
            return self.labelled(nodes)
        met = [counts[codes[nodes]] > 0 for codes, counts in zip(self.codes, self.counts, strict=True)]
        found: Mask = np.logical_and.reduce(met)
        return found


@dataclass(frozen=True, slots=True)
class Effect:
    """What a member of one kind does to another kind: positions in its `closed` (avoided, avoiding), whether it attracts, and in `even`."""

    avoided: tuple[int, ...] = ()
    avoiding: tuple[int, ...] = ()
    attracts: bool = False
    counted: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.avoided or self.avoiding or self.attracts or self.counted)


@dataclass(slots=True, eq=False)
class Around:
    """What stands around, as one kind of member sees it; `size` is the number of nodes."""

    size: int
    closed: list[Closed] = field(default_factory=list)
    near: Near | None = None
    even: list[Evenness] = field(default_factory=list)

    def copy(self) -> "Around":
        """Return one that can be added to without changing this."""
        near = self.near.copy() if self.near is not None else None
        return Around(
            self.size, [each.copy() for each in self.closed], near, [each.copy() for each in self.even]
        )

    def allowed(self, nodes: slice = ALL) -> Mask:
        """Return on which of these nodes one more pod may stand now."""
        found = self.reachable(nodes)
        if self.near is not None:
            found &= self.near.allowed(nodes)
        for even in self.even:
            found &= even.allowed(nodes)
        return found

    def reachable(self, nodes: slice = ALL) -> Mask:
        """Return on which of these nodes nobody keeps the pod away, and no label is missing that its rules name."""
        found = np.ones(len(range(self.size)[nodes]), dtype=bool)
        for closed in self.closed:
            found &= ~closed.closed(nodes)
        if self.near is not None:
            found &= self.near.labelled(nodes)
        for even in self.even:
            found &= even.codes[nodes] > 0
        return found

    def may(self, node: int) -> bool:
        """Whether one more pod may stand on this node now."""
        return bool(self.allowed(slice(node, node + 1))[0])

    def add(self, effect: Effect, node: int, count: int) -> None:
        """So many members with this effect now stand on this node."""
        for position in effect.avoided:
            closed = self.closed[position]
            _count(closed.avoided, closed.codes.item(node), count)
        for position in effect.avoiding:
            closed = self.closed[position]
            _count(closed.avoiding, closed.codes.item(node), count)
        if effect.attracts and self.near is not None:
            for codes, counts in zip(self.near.codes, self.near.counts, strict=True):
                _count(counts, codes.item(node), count)
        for position in effect.counted:
            self.even[position].add(node, count)


def _count(counts: Numbers, code: int, count: int) -> None:
    if code:  # a node without the label is in no domain
        counts[code] += count
