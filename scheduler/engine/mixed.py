"""
Where a gang of unlike pods goes.

Domains that could hold it are tried from the innermost level outwards, each with the joint question of `unlike_pods`, which is exact within
its bound. The first that holds the gang ends the search, so the levels further out count as few domains as can be; inside it, sets of racks
are guessed and confirmed (`leaf_sets`), and racks that turn out not to be needed are left out.

A gang is refused for good only if every domain of the required level was proven not to hold it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.columns import LARGEST, cut
from scheduler.engine.leaf_sets import leaf_sets
from scheduler.engine.placements import offered
from scheduler.engine.unlike_pods import DoesNotFit, Fits, Kinds, copies, fit
from scheduler.model.pods import PodShape
from scheduler.topology import DomainTree, Layer

Shares = tuple[tuple[tuple[int, int], ...], ...]
"""Per kind: (node, pods) for every node that it uses."""

DOMAINS_DROPPED = (
    64  # domains of a level that are tried without, in a placement over several; each costs one more question
)
MOST_COMPARED = 8  # domains that hold the gang of which the one with the fewest domains further in is taken
LITTLE_WORK = 2_000_000  # cell updates for one set of racks: below ten milliseconds


@dataclass(frozen=True, slots=True)
class Found:
    """A joint placement."""

    shares: Shares


def place_unlike(
    tree: DomainTree,
    kinds: Kinds,
    rooms: Sequence[Sequence[Copies]],
    *,
    required: int,
    bound: Sequence[int],
    most_tried: int,
) -> Found | DoesNotFit:
    """
    Find nodes for all pods of all kinds.

    `kinds` is the question over all nodes of the tree, `rooms` the room for each kind per layer, as `equal_pods.room` returns it; both hold
    nothing on nodes that may not be used. `required`: all in one domain of this layer. `bound`: nodes of members that are bound already;
    domains without these are not offered. `most_tried`: domains asked per level.
    """
    gave_up, compared = False, 0
    tried: dict[str, int] = {}
    best: tuple[tuple[int, ...], Shares, str] | None = None
    for position in offered(tree, rooms, kinds.counts, required):
        domain = tree.domains[position]
        if best is not None and (
            domain.level != best[2] or compared == MOST_COMPARED or max(best[0], default=1) == 1
        ):
            break  # a level further out is never fewer domains
        if bound and not (domain.start <= min(bound) and max(bound) < domain.stop):
            continue
        least = _least(tree.layers, kinds.counts, rooms, domain.start, domain.stop)
        if best is not None and least >= best[0]:
            continue
        tried[domain.level] = tried.get(domain.level, 0) + 1
        if tried[domain.level] > most_tried:
            gave_up = True
            continue
        nodes = range(domain.start, domain.stop)
        answer = fit(kinds.on(nodes))
        if isinstance(answer, DoesNotFit):
            gave_up = gave_up or not answer.is_proven
            continue
        compared += 1
        shares = _fewest(tree.layers, kinds, nodes, answer, least)
        cost = _cost(tree.layers, shares)
        if best is None or cost < best[0]:
            best = cost, shares, domain.level
    return DoesNotFit(is_proven=not gave_up) if best is None else Found(best[1])


def _least(
    layers: Sequence[Layer], counts: Sequence[int], rooms: Sequence[Sequence[Copies]], start: int, stop: int
) -> tuple[int, ...]:
    """Return a bound on how few domains of each level a placement on these nodes can do with: what each kind needs, were it alone."""
    least = []
    for number, layer in enumerate(layers[1:-1], start=1):
        inside = slice(int(layer.of[start]), int(layer.of[stop - 1]) + 1)
        needs = [1]
        for of_kind, count in zip(rooms, counts, strict=True):
            falling = np.sort(of_kind[number][inside])[::-1]
            needs.append(int(np.searchsorted(np.cumsum(falling), count)) + 1)
        least.append(max(needs))
    return tuple(least)


def question(
    shapes: Sequence[PodShape],
    counts: Sequence[int],
    may: Sequence[Copies],
    free_of: Callable[[str], Copies],
    exclusive: Sequence[tuple[Copies, Sequence[int]]] = (),
    attachable: Sequence[tuple[Copies, Sequence[int]]] = (),
) -> tuple[Kinds, bool]:
    """
    Return the joint question of these kinds of pods, and whether it is exact.

    `may[k]`: copies of kind k per node, 0 where it may not run. A host port is a resource of which every node has one; that is exact unless
    the pods ask for one port at different addresses. `exclusive`: more of this sort: how many places each node has, and which kinds need
    one. `attachable`: likewise how many volumes of a driver each node attaches, and how many a pod of each kind needs; exact unless pods
    share volumes of a driver that nodes may run out of.
    """
    attachable = [each for each in attachable if _may_run_out(*each, counts)]
    names = sorted({name for shape in shapes for name, amount in shape.requests.items() if amount > 0})
    ports = sorted({(port.protocol, port.port) for shape in shapes for port in shape.host_ports})
    addresses = {(port.protocol, port.port, port.ip) for shape in shapes for port in shape.host_ports}
    asked = [
        [cut(shape.requests[name]) for name in names]
        + [int(any((p.protocol, p.port) == port for p in shape.host_ports)) for port in ports]
        + [int(kind in needing) for _, needing in exclusive]
        + [needs[kind] for _, needs in attachable]
        for kind, shape in enumerate(shapes)
    ]
    ones = np.ones_like(may[0])
    columns = [
        *(free_of(name) for name in names),
        *(ones for _ in ports),
        *(places for places, _ in exclusive),
        *(left for left, _ in attachable),
    ]
    free = np.array(columns, dtype=np.int64).reshape(len(columns), len(ones)).T
    kinds = Kinds(
        tuple(counts),
        np.array(asked, dtype=np.int64).reshape(len(shapes), len(columns)),
        free,
        np.array([row > 0 for row in may]),
    )
    shares = any(shape.mounts is not None and shape.mounts.attached for shape in shapes)
    return kinds, len(addresses) == len(ports) and not (attachable and shares)


def _may_run_out(left: Copies, needs: Sequence[int], counts: Sequence[int]) -> bool:
    return int(left.min(initial=LARGEST)) < sum(
        need * count for need, count in zip(needs, counts, strict=True)
    )


def _fewest(
    layers: Sequence[Layer], kinds: Kinds, nodes: Sequence[int], found: Fits, least: tuple[int, ...]
) -> Shares:
    """Return the placement with the fewest domains, level by level, that the guesses lead to; `least` ends the search."""
    leaf = layers[-2]
    best = _numbered(found, nodes)
    if int(leaf.of[nodes[0]]) == int(leaf.of[nodes[-1]]):
        return best
    leaves = _Leaves(layers, kinds, least)
    best = leaves.without_needless(best)
    for guess in leaf_sets(layers, kinds.on(nodes), nodes):
        if _cost(layers, best) == least:
            break
        if leaves.cost(guess) < _cost(layers, best):
            guessed = leaves.hold(guess)
            if guessed is not None:
                best = leaves.without_needless(guessed)
    return best


class _Leaves:
    """The question asked of sets of leaves. What a leaf could take of each kind and of each resource is added up once."""

    def __init__(self, layers: Sequence[Layer], kinds: Kinds, least: tuple[int, ...]) -> None:
        self._layers, self._kinds, self._least = layers, kinds, least
        first = layers[-2].starts[:-1]
        self._of = [layer.of[first] for layer in layers[1:-1]]
        self._room = np.add.reduceat(copies(kinds.asked, kinds.free, kinds.may, kinds.counts), first, axis=1)
        usable = np.maximum(kinds.free, 0) * kinds.may.any(axis=0).reshape(-1, 1)
        self._free = np.add.reduceat(usable, first, axis=0)
        self._needed = np.array(kinds.counts) @ kinds.asked

    def cost(self, leaves: Sequence[int]) -> tuple[int, ...]:
        """Return how many domains these leaves are in, per level from the outermost to the leaf."""
        return tuple(len(set(of[list(leaves)].tolist())) for of in self._of)

    def hold(self, leaves: Sequence[int]) -> Shares | None:
        """Return a placement on the nodes of these leaves, found by first fit, or exactly with little work."""
        chosen = list(leaves)
        if (self._room[:, chosen].sum(axis=1) < self._kinds.counts).any():
            return None
        if (self._free[chosen].sum(axis=0) < self._needed).any():
            return None
        starts = self._layers[-2].starts
        nodes = [node for leaf in chosen for node in range(int(starts[leaf]), int(starts[leaf + 1]))]
        answer = fit(self._kinds.on(nodes), LITTLE_WORK)
        return _numbered(answer, nodes) if isinstance(answer, Fits) else None

    def without_needless(self, shares: Shares) -> Shares:
        """
        Return a placement on some of the leaves of this one, without each domain that can be spared.

        Whole domains go first, outermost level first, within a level the least used one first.
        """
        leaf = self._layers[-2]
        kept = sorted({int(leaf.of[node]) for node in _nodes(shares)})
        for layer, of in zip(self._layers[1:-1], self._of, strict=True):
            load: Counter[int] = Counter()
            for each in shares:
                for node, pods in each:
                    load[int(layer.of[node])] += pods
            kept = [number for number in kept if int(of[number]) in load]
            for out in sorted(load, key=lambda number: (load[number], number))[:DOMAINS_DROPPED]:
                if self.cost(kept) == self._least:
                    return shares
                fewer = [number for number in kept if int(of[number]) != out]
                found = self.hold(fewer) if fewer else None
                if found is not None:
                    kept, shares = fewer, found
        return shares


def _numbered(found: Fits, nodes: Sequence[int]) -> Shares:
    return tuple(tuple((nodes[number], pods) for number, pods in shares) for shares in found.shares)


def _nodes(shares: Shares) -> list[int]:
    return sorted({node for each in shares for node, _ in each})


def _cost(layers: Sequence[Layer], shares: Shares) -> tuple[int, ...]:
    """Return how many domains a placement is in, per level from the outermost to the leaf."""
    used = _nodes(shares)
    return tuple(len(set(layer.of[used].tolist())) for layer in layers[1:-1])
