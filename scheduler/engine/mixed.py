"""
Where a gang of unlike pods goes.

Domains that could hold it are tried from the innermost level outwards, each with the joint question of `unlike_pods`, which is exact within
its bound. The first that holds the gang ends the search, so the levels further out count as few domains as can be; inside it, sets of racks
are guessed and confirmed (`leaf_sets`), and racks that turn out not to be needed are left out.

A gang is refused for good only if every domain of the required level was proven not to hold it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.columns import cut
from scheduler.engine.leaf_sets import leaf_sets
from scheduler.engine.placements import offered
from scheduler.engine.unlike_pods import DoesNotFit, Fits, Kinds, fit, fit_quickly
from scheduler.model.pods import PodShape
from scheduler.topology import DomainTree, Layer

Shares = tuple[tuple[tuple[int, int], ...], ...]
"""Per kind: (node, pods) for every node that it uses."""

LEAVES_DROPPED = 64  # racks that are tried without, in a placement over several; each costs one more question


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
    gave_up = False
    tried: dict[int, int] = {}
    for position in offered(tree, rooms, kinds.counts, required):
        domain = tree.domains[position]
        if bound and not (domain.start <= min(bound) and max(bound) < domain.stop):
            continue
        tried[domain.depth] = tried.get(domain.depth, 0) + 1
        if tried[domain.depth] > most_tried:
            gave_up = True
            continue
        nodes = range(domain.start, domain.stop)
        answer = fit(kinds.on(nodes))
        if isinstance(answer, Fits):
            return Found(_fewest(tree.layers, kinds, nodes, answer))
        gave_up = gave_up or not answer.is_proven
    return DoesNotFit(is_proven=not gave_up)


def question(
    shapes: Sequence[PodShape], counts: Sequence[int], may: Sequence[Copies], free_of: Callable[[str], Copies]
) -> tuple[Kinds, bool]:
    """
    Return the joint question of these kinds of pods, and whether it is exact.

    `may[k]`: copies of kind k per node, 0 where it may not run. A host port is a resource of which every node has one; that is exact unless
    the pods ask for one port at different addresses.
    """
    names = sorted({name for shape in shapes for name, amount in shape.requests.items() if amount > 0})
    ports = sorted({(port.protocol, port.port) for shape in shapes for port in shape.host_ports})
    addresses = {(port.protocol, port.port, port.ip) for shape in shapes for port in shape.host_ports}
    asked = [
        [cut(shape.requests[name]) for name in names]
        + [int(any((p.protocol, p.port) == port for p in shape.host_ports)) for port in ports]
        for shape in shapes
    ]
    ones = np.ones_like(may[0])
    columns = [*(free_of(name) for name in names), *(ones for _ in ports)]
    free = np.array(columns, dtype=np.int64).reshape(len(columns), len(ones)).T
    kinds = Kinds(
        tuple(counts),
        np.array(asked, dtype=np.int64).reshape(len(shapes), len(columns)),
        free,
        np.array([row > 0 for row in may]),
    )
    return kinds, len(addresses) == len(ports)


def _fewest(layers: Sequence[Layer], kinds: Kinds, nodes: Sequence[int], found: Fits) -> Shares:
    """Return the placement with the fewest domains, level by level, that the guesses lead to."""
    leaf = layers[-2]
    best = _numbered(found, nodes)
    if int(leaf.of[nodes[0]]) == int(leaf.of[nodes[-1]]):
        return best
    for leaves in leaf_sets(layers, kinds.on(nodes), nodes):
        for shares in _without_needless(leaf, kinds, leaves):
            if _cost(layers, shares) < _cost(layers, best):
                best = shares
    return best


def _without_needless(leaf: Layer, kinds: Kinds, leaves: Sequence[int]) -> Iterator[Shares]:
    """Yield placements on fewer and fewer of these leaves: on all of them, then without each that can be spared, the least used first."""
    kept = list(leaves)
    shares = _on_leaves(leaf, kinds, kept)
    if shares is None:
        return
    yield shares
    load = Counter({int(leaf.of[node]): 0 for node in _nodes(shares)})
    for each in shares:
        for node, pods in each:
            load[int(leaf.of[node])] += pods
    kept = sorted(load)
    for out in sorted(kept, key=lambda number: (load[number], number))[:LEAVES_DROPPED]:
        fewer = [number for number in kept if number != out]
        shares = _on_leaves(leaf, kinds, fewer) if fewer else None
        if shares is not None:
            kept = fewer
            yield shares


def _on_leaves(leaf: Layer, kinds: Kinds, leaves: Sequence[int]) -> Shares | None:
    """Return a placement on the nodes of these leaves that first fit finds."""
    nodes = [n for number in leaves for n in range(int(leaf.starts[number]), int(leaf.starts[number + 1]))]
    answer = fit_quickly(kinds.on(nodes))
    return _numbered(answer, nodes) if isinstance(answer, Fits) else None


def _numbered(found: Fits, nodes: Sequence[int]) -> Shares:
    return tuple(tuple((nodes[number], pods) for number, pods in shares) for shares in found.shares)


def _nodes(shares: Shares) -> list[int]:
    return sorted({node for each in shares for node, _ in each})


def _cost(layers: Sequence[Layer], shares: Shares) -> tuple[int, ...]:
    """Return how many domains a placement is in, per level from the outermost to the leaf."""
    used = _nodes(shares)
    return tuple(len(set(layer.of[used].tolist())) for layer in layers[1:-1])
