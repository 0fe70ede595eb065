"""
Topology spread constraints: one constraint of one kind of pod, on all nodes at once.

A domain counts when one of its nodes does: a node with every topology key of the pod's required constraints, and not ruled out by the
policies of this one. The skew of a node is what its domain holds, and the newcomer itself if it is one of those counted, less the least of
all domains. Source: kube-scheduler 1.37, plugin PodTopologySpread.

What a number of equal pods may do together follows from that. Say the least is `b` in the end. Then a domain that holds e takes k pods with

    max(0, b - e)  <=  k  <=  min(capacity, max(0, b + maxSkew - e))

and pods placed level by level never exceed the skew on the way. As b grows both sums grow, so the first b whose upper bounds hold all pods
decides. Source: design notes on placement, section 7.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from scheduler.engine.columns import Mask, Numbers
from scheduler.model.neighbours import Spread

ALTERNATIVES = 3  # values of b that are offered; later ones only spread more


@dataclass(slots=True, eq=False)
class Evenness:
    """
    `codes` [nodes]: the domain of each node, 0 for none. By domain: `counts` of matching pods, and `present`, whether it counts.

    `eligible` [nodes]: whether a pod on it is counted. `own`: 1 where a member is itself one of those counted, else 0.
    """

    spread: Spread
    codes: Numbers
    counts: Numbers
    present: Mask
    eligible: Mask
    own: int
    _least: int | None = field(default=None)

    def copy(self) -> "Evenness":
        """Return one that can be added to without changing this."""
        return Evenness(
            self.spread, self.codes, self.counts.copy(), self.present, self.eligible, self.own, self._least
        )

    @property
    def least(self) -> int:
        """What the emptiest domain holds; 0 where there are fewer domains than the constraint asks for."""
        if self._least is None:
            self._least = 0 if self.is_short else int(self.counts[self.present].min())
        return self._least

    @property
    def is_short(self) -> bool:
        """Whether there are too few domains, so that each is compared with an empty one."""
        return int(self.present.sum()) < max(1, self.spread.min_domains)

    def allowed(self, nodes: slice) -> Mask:
        """Return on which of these nodes one more pod may stand."""
        codes = self.codes[nodes]
        return (codes > 0) & (self.counts[codes] <= self.most)

    def may(self, node: int) -> bool:
        """Whether one more pod may stand on this node."""
        code = self.codes.item(node)
        return code > 0 and self.counts.item(code) <= self.most

    @property
    def most(self) -> int:
        """The most matching pods that a domain may hold before one more."""
        return self.least + self.spread.max_skew - self.own

    def add(self, node: int, count: int = 1) -> None:
        """So many pods that are counted now stand on this node."""
        if self.eligible.item(node):
            code = self.codes.item(node)
            if self.counts.item(code) == self._least:
                self._least = None
            self.counts[code] += count

    def intervals(self, capacity: Numbers, pods: int) -> Iterator[tuple[Numbers, Numbers]]:
        """
        Yield (least, most) pods per domain under which `pods` members, each counted itself, may be placed; nothing when that is impossible.

        `capacity` [domains]: how many members each holds. The first yields the fewest domains.
        """
        skew = self.spread.max_skew
        holds = np.where(self.present, capacity, 0)
        none = np.zeros_like(holds)
        if self.is_short:
            most = np.minimum(holds, np.maximum(skew - self.counts, 0))
            if int(most.sum()) >= pods:
                yield none, most
            return
        lowest = self._lowest(holds, pods)
        for level in range(lowest, lowest + ALTERNATIVES):
            least = np.where(self.present, np.maximum(level - self.counts, 0), 0)
            most = np.minimum(holds, np.maximum(level + skew - self.counts, 0))
            if not (least <= most).all() or int(least.sum()) > pods or int(most.sum()) < pods:
                return
            yield least, most

    def _lowest(self, holds: Numbers, pods: int) -> int:
        """Return the first level whose upper bounds hold all pods, or one that is too high for any."""
        low, high = self.least, self.least + pods
        while low < high:
            middle = (low + high) // 2
            room = np.minimum(holds, np.maximum(middle + self.spread.max_skew - self.counts, 0)).sum()
            low, high = (low, middle) if room >= pods else (middle + 1, high)
        return low
