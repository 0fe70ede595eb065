"""
Where each kind of member may go, given the pods around it and the members placed so far: all nodes at once, and one pod more at a time.

kube-scheduler asks for one pod at a time, so a gang may be placed in a way if there is an order of its members in which each passes when
its turn comes. Anti-affinity works both ways, so the order does not matter to it; affinity and spread it may help.

Next: `ruled_pods` finds places within these rules, `pod_by_pod` where that does not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.engine.around import ALL, Around, Closed, Effect, Near
from scheduler.engine.columns import Mask, NodeColumns, Numbers
from scheduler.engine.matching import counts_in, selects, speaks_of
from scheduler.engine.neighbours import Neighbours
from scheduler.engine.residents import Places
from scheduler.engine.spread import Evenness
from scheduler.model.neighbours import PodRules, PodTerm, Spread
from scheduler.model.pods import Pod, PodShape

Order = list[tuple[int, int]]
"""(kind, node) for each member, in an order in which each may stand where it is put."""

NO_RULES = PodRules()
NO_EFFECT = Effect()


class GangRules:
    """
    The rules of one gang, for each of its kinds, and what has been placed of it. Owned by one search.

    `effects[k][j]`: what a member of kind j does to kind k.
    """

    def __init__(self, around: Sequence[Around], effects: Sequence[Sequence[Effect]]) -> None:
        self.around = tuple(around)
        self.effects = effects

    def copy(self) -> "GangRules":
        """Return rules that can be added to without changing these."""
        return GangRules([each.copy() for each in self.around], self.effects)

    def add(self, kind: int, node: int, count: int = 1) -> None:
        """So many members of this kind now stand on this node."""
        for around, effects in zip(self.around, self.effects, strict=True):
            if effects[kind]:
                around.add(effects[kind], node, count)

    def is_still(self, kind: int) -> bool:
        """Whether no member changes anything for this kind, so that what is allowed now is allowed in the end."""
        return not any(self.effects[kind])

    def may(self, kind: int, node: int) -> bool:
        """Whether one member of this kind may stand on this node beside those placed so far."""
        around = self.around[kind]
        return around.may(node) and all(even.may(node) for even in around.even)

    def possible(self, kind: int) -> Mask:
        """
        Return on which nodes members of this kind may stand at all, wherever the others do.

        Nodes left out are out for good; some of the others may be out together.
        """
        around = self.around[kind]
        found = around.reachable()
        near = around.near
        if near is not None:
            helpers = {other for other, effect in enumerate(self.effects[kind]) if effect.attracts}
            if near.is_met_anywhere and helpers <= {kind}:
                found &= near.allowed(ALL)  # its own members only come to where the affinity is met already
            elif not helpers:
                found[:] = False
        for position, even in enumerate(around.even):
            if not any(position in effect.counted for effect in self.effects[kind]):
                found &= even.allowed(ALL)
        return found

    def starting(self, kind: int) -> tuple[Numbers, ...]:
        """
        Return the domains, per topology key, of which the first member chooses one that all others must then be in.

        Nothing where members need not be near to each other, or there are pods to be near to already.
        """
        near = self.around[kind].near
        return near.codes if near is not None and near.starts and not near.is_met_anywhere else ()

    def exclusive(self) -> list[tuple[Numbers, tuple[int, ...]]]:
        """
        Return, per topology key, the domain of each node and the kinds of which only one member in all may be in each domain.

        Kinds that avoid themselves, and each other as well; others that avoid somebody are not told here.
        """
        found: list[tuple[Numbers, tuple[int, ...]]] = []
        codes = {closed.key: closed.codes for around in self.around for closed in around.closed}
        for key in sorted(codes):
            alone = [kind for kind in range(len(self.around)) if self._avoid(kind, kind, key)]
            if all(self._avoid(k, j, key) for k in alone for j in alone):
                found += [(codes[key], tuple(alone))] if alone else []
            else:
                found += [(codes[key], (kind,)) for kind in alone]
        return found

    def _avoid(self, kind: int, other: int, key: str) -> bool:
        effect, closed = self.effects[kind][other], self.around[kind].closed
        return any(closed[position].key == key for position in (*effect.avoided, *effect.avoiding))

    def order(self, shares: Sequence[Sequence[tuple[int, int]]]) -> Order | None:
        """
        Return (kind, node) for every member, in an order in which each may stand where it is meant to; None when none was found.

        `shares[k]`: (node, pods) of kind k. Consecutive members of a kind stay together for as long as they may.
        """
        walk = self.copy()
        left = [_groups(around, nodes) for around, nodes in zip(self.around, shares, strict=True)]
        placed: Order = []
        total = sum(count for nodes in shares for _, count in nodes)
        while len(placed) < total:
            before = len(placed)
            for kind, groups in enumerate(left):
                for group in groups:
                    placed += walk._place_some(kind, group)
            if len(placed) == before:
                return None
        return placed

    def _place_some(self, kind: int, group: list[list[int]]) -> Iterable[tuple[int, int]]:
        """Place members of one group, whose nodes are alike to all spread constraints, until these are in the way."""
        placed = []
        around, is_still = self.around[kind], not self.effects[kind][kind]
        for each in group:
            while each[1] and self.may(kind, each[0]):
                count = each[1] if is_still else 1
                self.add(kind, each[0], count)
                each[1] -= count
                placed += [(kind, each[0])] * count
            if each[1] and not all(even.may(each[0]) for even in around.even):
                break
        group[:] = [each for each in group if each[1]]
        return placed


def _groups(around: Around, nodes: Sequence[tuple[int, int]]) -> list[list[list[int]]]:
    """Gather nodes that are in the same domains for every spread constraint, in order of the first of each group."""
    gathered: dict[tuple[int, ...], list[list[int]]] = {}
    for node, count in nodes:
        codes = tuple(even.codes.item(node) for even in around.even)
        gathered.setdefault(codes, []).append([node, count])
    return list(gathered.values())


def gang_rules(
    neighbours: Neighbours, nodes: NodeColumns, members: Sequence[tuple[PodShape, Pod]]
) -> GangRules:
    """
    Return the rules of a gang. `members`: the shape of each kind, and one of its pods, who stands for all to every rule.

    Cost: O(distinct rules in force + places where they are) per kind.
    """
    maker = _Maker(neighbours, nodes)
    around = [maker.around(shape, pod) for shape, pod in members]
    effects = [[maker.effect(around[k], mine, other) for other in members] for k, mine in enumerate(members)]
    return GangRules(around, effects)


@dataclass(slots=True)
class _Maker:
    neighbours: Neighbours
    nodes: NodeColumns

    def around(self, shape: PodShape, pod: Pod) -> Around:
        namespace = pod.key.namespace
        rules = shape.rules or NO_RULES
        closed: dict[str, Closed] = {}
        for term in rules.anti_affinity:
            avoided = self._closed(closed, term.topology_key).avoided
            self._note(avoided, term.topology_key, self._matching((term,), namespace))
        for ruled, places in self.neighbours.ruled_about(namespace):
            for term in ruled.rules.anti_affinity:
                if self._means(term, ruled.namespace, pod):
                    self._note(self._closed(closed, term.topology_key).avoiding, term.topology_key, places)
        return Around(
            size=len(self.nodes),
            closed=list(closed.values()),
            near=self._near(rules.affinity, pod) if rules.affinity else None,
            even=self._even(shape, pod),
        )

    def effect(self, around: Around, mine: tuple[PodShape, Pod], other: tuple[PodShape, Pod]) -> Effect:
        """Return what a member like `other` does to members like `mine`."""
        if mine[0].rules is None and other[0].rules is None and not mine[0].spreads:
            return (
                NO_EFFECT  # only pods around tell these members apart: there may be as many kinds as members
            )
        my, their = mine[0].rules or NO_RULES, other[0].rules or NO_RULES
        namespace = mine[1].key.namespace
        keys = [closed.key for closed in around.closed]
        avoided = {t.topology_key for t in my.anti_affinity if self._means(t, namespace, other[1])}
        avoiding = {t.topology_key for t in their.anti_affinity if self._means(t, namespace, mine[1])}
        # A kind that is avoided by another one has that key only if somebody asked for it.
        for key in sorted((avoided | avoiding) - set(keys)):
            around.closed.append(self._empty(key))
            keys.append(key)
        return Effect(
            avoided=tuple(keys.index(key) for key in sorted(avoided)),
            avoiding=tuple(keys.index(key) for key in sorted(avoiding)),
            attracts=bool(my.affinity) and all(self._means(t, namespace, other[1]) for t in my.affinity),
            counted=tuple(n for n, even in enumerate(around.even) if counts_in(even.spread, other[1].labels)),
        )

    def _means(self, term: PodTerm, owner: str, pod: Pod) -> bool:
        return speaks_of(term, owner, pod.key.namespace, self.neighbours.namespaces) and selects(
            term.selector, pod.labels
        )

    def _matching(self, terms: Sequence[PodTerm], namespace: str) -> Places:
        """Return where pods stand that match; a topology key that no node has spares looking for them."""
        if not all(self.nodes.label(term.topology_key).values for term in terms):
            return {}
        return self.neighbours.matching(terms, namespace)

    def _near(self, terms: Sequence[PodTerm], pod: Pod) -> Near:
        namespace = pod.key.namespace
        places = self._matching(terms, namespace)
        keys = tuple(dict.fromkeys(term.topology_key for term in terms))
        counts = tuple(self._noted(key, places) for key in keys)
        starts = all(self._means(term, namespace, pod) for term in terms)
        return Near(keys, tuple(self.nodes.label(key).codes for key in keys), counts, starts)

    def _even(self, shape: PodShape, pod: Pod) -> list[Evenness]:
        required = [spread for spread in shape.spreads if spread.is_required]
        if not required:
            return []
        every = np.logical_and.reduce([self.nodes.label(s.topology_key).codes > 0 for s in required])
        return [self._evenness(spread, shape, pod, every) for spread in required]

    def _evenness(self, spread: Spread, shape: PodShape, pod: Pod, labelled: Mask) -> Evenness:
        eligible = labelled.copy()
        if spread.honours_affinity:
            eligible &= self.nodes.selected(shape)
        if spread.honours_taints:
            eligible &= ~self.nodes.tainted(shape)
        codes = self.nodes.label(spread.topology_key).codes
        places = self.neighbours.counted(spread, pod.key.namespace) if eligible.any() else {}
        counts = self._noted(spread.topology_key, places, eligible)
        present = np.zeros(len(counts), dtype=bool)
        present[codes[eligible]] = True
        return Evenness(spread, codes, counts, present, eligible, int(selects(spread.selector, pod.labels)))

    def _closed(self, found: dict[str, Closed], key: str) -> Closed:
        if key not in found:
            found[key] = self._empty(key)
        return found[key]

    def _empty(self, key: str) -> Closed:
        column = self.nodes.label(key)
        return Closed(key, column.codes, *(np.zeros(len(column.values) + 1, dtype=np.int64) for _ in "ab"))

    def _noted(self, key: str, places: Places, eligible: Mask | None = None) -> Numbers:
        counts = np.zeros(len(self.nodes.label(key).values) + 1, dtype=np.int64)
        self._note(counts, key, places, eligible)
        return counts

    def _note(self, counts: Numbers, key: str, places: Places, eligible: Mask | None = None) -> None:
        """Add pods on nodes to what their domains hold; nodes without the label are in none."""
        if not places:
            return
        numbers, amounts = np.array([*places]), np.array([*places.values()])
        if eligible is not None:
            numbers, amounts = numbers[eligible[numbers]], amounts[eligible[numbers]]
        np.add.at(counts, self.nodes.label(key).codes[numbers], amounts)
        counts[0] = 0
