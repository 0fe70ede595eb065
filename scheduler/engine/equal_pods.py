"""
Theory of operation: where equal pods go, exactly.

The objective is lexicographic: the fewest domains of the outermost level, then of the next, down to the racks; hosts and slack only
break ties. The search is a table per domain, indexed by the number of domains used on each level below it, that holds the most pods they
can take. Such a table does not grow with the gang, and the most pods at a given count is all that a parent has to know:

    rack-most domain   the sums of its m roomiest children, for m = 0, 1, 2 ...
    further out        children combined by (max, +): leave a child out, or take it with one of its own counts

Levels are settled one after the other from the outside in: level p is searched with the counts of the levels before it fixed, and with
everything further in summed up. The usual gang needs one step, because some rack, or some block, holds all of it.

A slice (k members together in one domain of a level) only rounds what such a domain can take down to a multiple of k. Domains that hold
members already cost nothing, so a gang that grows, or is mended, stays where it is.

Source: a tree knapsack indexed by cost; the exchange argument for the roomiest children and the comparison with exhaustive search are in
the design notes on placement, section 5. Next: `scheduler.engine.gang` takes the answer onto a trial.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.leaf_choice import exactly, fill
from scheduler.topology import Layer

NONE = -(2**40)  # no such combination; far below any sum of pods
NEVER = 2**40
WHOLE_CLUSTER = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What `count` equal pods ask for. Layers are numbered as in ``tree.layers``: 0 the cluster, the last one the hosts.

    `required`: all in one domain of this layer. `slices`: (layer, size), each `size` pods together in one domain of that layer; sizes
    are multiples of each other from the outside in, and `count` of each. `used`: node numbers that hold members of the gang already.
    """

    count: int
    required: int = WHOLE_CLUSTER
    slices: tuple[tuple[int, int], ...] = ()
    used: tuple[int, ...] = ()


def room(layers: Sequence[Layer], copies: Copies, wish: Wish) -> list[Copies]:
    """
    Return, per layer, how many pods of the gang each domain can take, slices kept whole.

    `copies` [nodes]: how many of these pods each node holds. Cost: O(nodes x layers).
    """
    inner = _sliced(np.minimum(copies, wish.count), len(layers) - 1, wish)
    rooms = [inner]
    for number in reversed(range(len(layers) - 1)):
        inner = _sliced(layers[number].totals(inner), number, wish)
        rooms.append(inner)
    return rooms[::-1]


def place_equal(
    layers: Sequence[Layer], rooms: Sequence[Copies], wish: Wish, scores: Copies, sizes: Copies | None = None
) -> list[tuple[int, int]] | None:
    """
    Return (node, pods) for every node used, or None when there is no place: that is then proven.

    `rooms` as `room` returns them. `scores` [nodes]: among nodes that serve equally well, more is better. `sizes` [nodes]: how many of the
    pods each node holds, however many there are; where a node holds them all, the smallest is taken, in the smallest rack, and so outwards.
    Ties end in the order of names.
    """
    if not len(rooms[wish.required]) or int(rooms[wish.required].max()) < wish.count:
        return None
    search = _Search(layers, rooms, wish, scores, rooms[-1] if sizes is None else sizes)
    return sorted(search.nodes_of(search.leaves()))


def _sliced(rooms: Copies, number: int, wish: Wish) -> Copies:
    for layer, size in wish.slices:
        if layer == number:
            return rooms - rooms % size
    return rooms


@dataclass(slots=True)
class _Search:
    """One search. `leaf` is the number of the innermost layer above the hosts; counts are of domains not used before."""

    layers: Sequence[Layer]
    rooms: Sequence[Copies]
    wish: Wish
    scores: Copies
    sizes: Copies
    counts: dict[int, int] = field(default_factory=dict)  # layer -> fewest domains, as far as settled
    leaf: int = field(init=False)

    def __post_init__(self) -> None:
        self.leaf = len(self.layers) - 2

    def leaves(self) -> list[tuple[int, int]]:
        """Return (domain of the leaf layer, pods) for every leaf used."""
        start = self._start()
        holding = np.flatnonzero(self.rooms[start] >= self.wish.count)
        if start > self.leaf:
            return [(int(self.layers[self.leaf].of[self._tightest_host(holding)]), self.wish.count)]
        fits = holding.tolist()
        if start == self.leaf:
            return [(self._one_leaf(fits), self.wish.count)]
        for layer in range(start + 1, self.leaf + 1):
            fewest = {domain: self._fewest(start, domain, layer) for domain in fits}
            self.counts[layer] = min(
                fewest.values()
            )  # never NEVER: somebody holds the gang at the counts settled before
            fits = [domain for domain in fits if fewest[domain] == self.counts[layer]]
        tightest = min(fits, key=lambda domain: (int(self.rooms[start][domain]), domain))
        return list(self._spread(start, tightest, self.wish.count, tuple(self.counts.values())))

    def nodes_of(self, leaves: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield (node, pods): the fewest nodes of each leaf, the last one as tight as can be."""
        starts = self.layers[self.leaf].starts
        for leaf, pods in leaves:
            first = int(starts[leaf])
            nodes = slice(first, int(starts[leaf + 1]))
            columns = (self.rooms[-1][nodes], self.scores[nodes], self.sizes[nodes])
            for node, share in fill(pods, *(column.tolist() for column in columns)):
                yield first + node, share

    def _tightest_host(self, hosts: Copies) -> int:
        """Return one of these hosts, of which each holds the gang: the best liked, then the smallest, in the smallest rack, outwards."""
        left = hosts[self.scores[hosts] == self.scores[hosts].max()]
        for layer in reversed(self.layers[1:]):
            if len(left) == 1:
                break
            held = np.add.reduceat(self.sizes, layer.starts[:-1])[layer.of[left]]
            left = left[held == held.min()]
        return int(left[0])

    def _start(self) -> int:
        """Return the innermost layer of which one domain holds the whole gang; the required one where members are placed already."""
        if self.wish.used:
            return min(self.wish.required, self.leaf)
        layer = self.wish.required
        while layer + 1 < len(self.layers) and int(self.rooms[layer + 1].max()) >= self.wish.count:
            layer += 1
        return layer

    def _one_leaf(self, fits: Sequence[int]) -> int:
        """Return the leaf where the gang takes the fewest nodes; of equal ones the better liked, then the one with the least room."""
        layer, nodes = self.layers[self.leaf], self.rooms[-1]
        order = np.lexsort((-nodes, layer.of))  # leaf by leaf, the roomiest node first
        taken = np.cumsum(nodes[order])
        before = np.concatenate(([0], taken))[layer.starts[:-1]]  # of the leaves in front
        enough = np.searchsorted(taken, before + self.wish.count) - layer.starts[:-1] + 1
        liked = np.maximum.reduceat(self.scores, layer.starts[:-1])
        leaves = np.array(fits)
        best = np.lexsort((leaves, self.rooms[self.leaf][leaves], -liked[leaves], enough[leaves]))[0]
        return int(leaves[best])

    # --- tables ----------------------------------------------------------------------------------------------------------

    def _fewest(self, layer: int, domain: int, level: int) -> int:
        """Return the fewest domains of layer `level` under this domain that hold the gang, at the counts settled before."""
        settled = tuple(self.counts[number] for number in range(layer + 1, level))
        least, most = self._bounds(layer, domain, level)
        limit = least + least // 4 + 2  # seldom more: what the settled counts cost is a few domains
        while True:
            row = self._table(layer, domain, level, limit)[settled]
            enough = np.flatnonzero(row >= self.wish.count)
            if len(enough):
                return int(enough[0])
            if limit >= most:
                return NEVER
            limit = min(2 * limit, most)

    def _bounds(self, layer: int, domain: int, level: int) -> tuple[int, int]:
        """Return how many domains of `level` are needed at least, were they anywhere under this domain, and how many there are."""
        nodes = self.layers[layer].starts
        first, last = (int(self.layers[level].of[n]) for n in (nodes[domain], nodes[domain + 1] - 1))
        sums = self._roomiest(level, first, last + 1)
        return int(np.searchsorted(sums, self.wish.count)), last + 1 - first

    def _table(self, layer: int, domain: int, level: int, limit: int) -> Copies:
        """
        Return the most pods under this domain, by how many domains of the layers `layer` + 1 to `level` they use.

        One axis per layer; settled layers end at their count, the last one at `limit`. Combinations that do not exist hold `NONE` or
        what fewer domains hold.
        """
        if layer + 1 == level:
            children = self.layers[layer].children
            row = self._roomiest(level, int(children[domain]), int(children[domain + 1]))
            return _sliced(row[: self.counts.get(level, limit) + 1], layer, self.wish)
        table = self._nothing(layer, level, limit)
        for _, child, free in self._children(layer, domain, level, limit):
            table = _combined(table, child, free=free)
        return _sliced_table(table, layer, self.wish)

    def _nothing(self, layer: int, level: int, limit: int) -> Copies:
        shape = [self.counts.get(number, limit) + 1 for number in range(layer + 1, level + 1)]
        table = np.full(shape, NONE, dtype=np.int64)
        table[(0,) * len(shape)] = 0
        return table

    def _children(
        self, layer: int, domain: int, level: int, limit: int
    ) -> Iterator[tuple[int, Copies, bool]]:
        """Yield the children that hold anything, each with its table and whether it costs nothing."""
        children = self.layers[layer].children
        used = self._used(layer + 1)
        for child in range(int(children[domain]), int(children[domain + 1])):
            if self.rooms[layer + 1][child] > 0:
                yield child, self._table(layer + 1, child, level, limit), child in used

    def _roomiest(self, layer: int, first: int, last: int) -> Copies:
        """Return the sums of the m roomiest of these domains, m = 0, 1, 2 ...; those that cost nothing count from the start."""
        rooms = self.rooms[layer][first:last]
        used = [domain - first for domain in self._used(layer) if first <= domain < last]
        free = int(rooms[used].sum()) if used else 0
        others = np.sort(np.delete(rooms, used) if used else rooms)[::-1]
        return free + np.concatenate(([0], np.cumsum(others[others > 0])))

    def _used(self, layer: int) -> frozenset[int]:
        return frozenset(int(self.layers[layer].of[node]) for node in self.wish.used)

    # --- from counts to leaves -------------------------------------------------------------------------------------------

    def _spread(
        self, layer: int, domain: int, pods: int, counts: tuple[int, ...]
    ) -> Iterator[tuple[int, int]]:
        """Yield (leaf, pods) for `pods` pods under this domain, using no more domains than `counts`, per layer further in."""
        if layer + 1 == self.leaf:
            yield from self._leaf_shares(layer, domain, pods, counts[0])
            return
        chosen = self._chosen(layer, domain, pods, counts)
        chosen.sort(key=lambda child: (-child[1], child[0]))
        for child, most, below in chosen:
            share = min(most, pods)
            if share > 0:
                yield from self._spread(layer + 1, child, share, below)
            pods -= share

    def _chosen(
        self, layer: int, domain: int, pods: int, counts: tuple[int, ...]
    ) -> list[tuple[int, int, tuple[int, ...]]]:
        """Return (child, most pods, counts below it) of the children to use: the combination is walked back from its end."""
        before = [self._nothing(layer, self.leaf, 0)]
        children = list(self._children(layer, domain, self.leaf, 0))
        for _, child, free in children:
            before.append(_combined(before[-1], child, free=free))
        at, need, chosen = _reached(before[-1], counts, pods), pods, []
        for (number, table, free), rest in zip(reversed(children), reversed(before[:-1]), strict=True):
            if rest[at] >= need:
                continue  # not needed
            below, at = _taken(table, rest, at, need, free=free)
            most = int(table[below])
            need -= most
            chosen.append((number, most, below))
        return chosen

    def _leaf_shares(self, layer: int, domain: int, pods: int, count: int) -> Iterator[tuple[int, int]]:
        """Yield (leaf, pods): leaves that hold members already first, then the tightest set of as few others as can be."""
        children = self.layers[layer].children
        first, last = int(children[domain]), int(children[domain + 1])
        rooms = self.rooms[self.leaf][first:last]
        used = self._used(self.leaf)
        for leaf in range(first, last):
            if leaf in used and pods > 0:
                share = min(pods, int(rooms[leaf - first]))
                pods -= share
                if share:
                    yield leaf, share
        if pods > 0:
            others = [i for i in range(last - first) if first + i not in used and rooms[i] > 0]
            for index, share in exactly([int(rooms[i]) for i in others], pods, count):
                yield first + others[index], share


def _combined(table: Copies, child: Copies, *, free: bool) -> Copies:
    """
    Return the table with one more child: left out, or taken with any of its counts.

    Shapes: `table` one axis more than `child`, in front, which counts the child itself unless it is free.
    """
    result = table.copy()
    step = 0 if free else 1
    for below in product(*(range(min(n, m)) for n, m in zip(child.shape, table.shape[1:], strict=True))):
        most = int(child[below])
        if most <= 0:
            continue
        into = result[(slice(step, None), *(slice(b, None) for b in below))]
        source = table[tuple(slice(0, n) for n in into.shape)]
        np.maximum(into, source + most, out=into)
    return result


def _taken(
    child: Copies, rest: Copies, at: tuple[int, ...], need: int, *, free: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the child's counts and where that leaves the rest: the tightest that still suffices."""
    step = 0 if free else 1
    options = []
    for below in product(*(range(min(n, a + 1)) for n, a in zip(child.shape, at[1:], strict=True))):
        left = (at[0] - step, *(a - b for a, b in zip(at[1:], below, strict=True)))
        most = int(child[below])
        if left[0] >= 0 and most > 0 and int(rest[left]) + most >= need:
            options.append((most, below, left))
    _, below, left = min(options)
    return below, left


def _reached(table: Copies, counts: tuple[int, ...], pods: int) -> tuple[int, ...]:
    """Return the first place of the table, in order of counts, that holds so many pods and no more domains than `counts`."""
    inside = table[tuple(slice(0, count + 1) for count in counts)]
    return tuple(int(i) for i in np.argwhere(inside >= pods)[0])


def _sliced_table(table: Copies, layer: int, wish: Wish) -> Copies:
    for number, size in wish.slices:
        if number == layer:
            return np.where(table > 0, table - table % size, table)
    return table
