"""
Members placed one by one, each where kube-scheduler would let it go beside those before it.

The way out where rules are too entangled to be cut into limits: kinds that must be near to each other, several spread constraints at once,
topology keys that cross. Whatever comes out is valid, by construction; that nothing comes out proves nothing.

In each domain that could hold the gang a few likings are tried, in a fixed order: stay in domains that are in use, go where fewest of the
counted pods are, go where most room is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.columns import Numbers
from scheduler.engine.gang_rules import GangRules, Order
from scheduler.engine.trial import Trial
from scheduler.model.pods import PodShape

MOST_WORK: Final = 20_000_000  # pods x nodes looked at: about a fifth of a second, measured on one core


@dataclass(frozen=True, slots=True)
class Kind:
    """`pods` members of this shape. `copies` [nodes]: how many each node holds, 0 where they may not run. `scores`: more is better."""

    shape: PodShape
    pods: int
    copies: Copies
    scores: Copies


def place_pod_by_pod(
    trial: Trial, kinds: Sequence[Kind], rules: GangRules, domains: Sequence[int]
) -> Order | None:
    """
    Return a placement inside one of these domains (positions in the tree), the first that is found; its room is taken on the trial.

    `rules`: as they stand before the first member; not changed. Cost: pods x nodes for each try, `MOST_WORK` in all.
    """
    work = 0
    for position in domains:
        domain = trial.tree.domains[position]
        for liking in _LIKINGS:
            work += sum(kind.pods for kind in kinds) * (domain.stop - domain.start)
            if work > MOST_WORK:
                return None
            with trial.attempt() as attempt:
                found = _Walk(trial, kinds, rules.copy(), slice(domain.start, domain.stop), liking).placed()
                if found is not None:
                    attempt.keep()
                    return found
    return None


Liking = Callable[["_Walk", int, Numbers], list[Numbers]]
"""Keys by which the nodes for a member of a kind are ordered, the first key first; the smallest is best."""


class _Walk:
    """One try. `used` [nodes]: in how many levels the node's domain holds members already."""

    def __init__(
        self, trial: Trial, kinds: Sequence[Kind], rules: GangRules, nodes: slice, liking: Liking
    ) -> None:
        self._trial, self._rules, self._nodes, self._liking = trial, rules, nodes, liking
        self._kinds = kinds
        self.copies = [kind.copies[nodes].copy() for kind in kinds]
        self.used = np.zeros(nodes.stop - nodes.start, dtype=np.int64)
        self._homes: set[tuple[int, int]] = set()

    def placed(self) -> Order | None:
        """Place all members. A kind that cannot go on waits for the others, which may be what it needs."""
        left = [kind.pods for kind in self._kinds]
        found: Order = []
        while any(left):
            before = len(found)
            for kind in self._order():
                while left[kind]:
                    node = self._place(kind)
                    if node is None:
                        break
                    found.append((kind, node))
                    left[kind] -= 1
            if len(found) == before:
                return None
        return found

    def rooms(self, kind: int, nodes: Numbers) -> Numbers:
        """Return how many members of this kind the racks of these nodes hold."""
        leaf = self._trial.tree.layers[-2].of[self._nodes]
        leaf = leaf - leaf[0]
        totals = np.zeros(int(leaf[-1]) + 1, dtype=np.int64)
        np.add.at(totals, leaf, self.copies[kind])
        result: Numbers = totals[leaf[nodes]]
        return result

    def counted(self, kind: int, nodes: Numbers) -> Numbers:
        """Return how many pods the spread constraints of this kind count where these nodes are."""
        counts = np.zeros(len(nodes), dtype=np.int64)
        for even in self._rules.around[kind].even:
            counts += even.counts[even.codes[self._nodes][nodes]]
        return counts

    def _order(self) -> list[int]:
        """Kinds that others must be near to go first."""
        wanted = [
            sum(effects[kind].attracts for effects in self._rules.effects) for kind in range(len(self._kinds))
        ]
        needing = [around.near is not None for around in self._rules.around]
        return sorted(range(len(self._kinds)), key=lambda kind: (needing[kind], -wanted[kind], kind))

    def _place(self, kind: int) -> int | None:
        allowed = self._rules.around[kind].allowed(self._nodes) & (self.copies[kind] > 0)
        nodes = np.flatnonzero(allowed)
        if not len(nodes):
            return None
        scores = self._kinds[kind].scores[self._nodes][nodes]
        keys = [*self._liking(self, kind, nodes), -scores, self.copies[kind][nodes], nodes]
        chosen = int(nodes[np.lexsort(keys[::-1])[0]])
        self._take(kind, chosen)
        return int(self._nodes.start) + chosen

    def _take(self, kind: int, number: int) -> None:
        node = self._nodes.start + number
        self._trial.take(node, self._kinds[kind].shape)
        self._rules.add(kind, node)
        for other, copies in enumerate(self.copies):
            if copies[number] > 0:
                copies[number] = min(copies[number], self._trial.room(node, self._kinds[other].shape))
        for depth, layer in enumerate(self._trial.tree.layers[1:]):
            home = int(layer.of[node])
            if (depth, home) not in self._homes:
                self._homes.add((depth, home))
                self.used += layer.of[self._nodes] == home


def _near(walk: _Walk, kind: int, nodes: Numbers) -> list[Numbers]:
    return [-walk.used[nodes], walk.counted(kind, nodes)]


def _even(walk: _Walk, kind: int, nodes: Numbers) -> list[Numbers]:
    return [walk.counted(kind, nodes), -walk.used[nodes]]


def _roomy(walk: _Walk, kind: int, nodes: Numbers) -> list[Numbers]:
    return [-walk.rooms(kind, nodes), -walk.used[nodes]]


_LIKINGS: Final[tuple[Liking, ...]] = (_near, _even, _roomy)
