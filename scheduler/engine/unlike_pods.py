"""
Theory of operation: do pods of several kinds fit together on these nodes, and how? Three answers, never two.

1. Screens. Each kind alone, and all requests together, must fit: what fails here is proven not to fit.
2. First fit, in up to six orders of the kinds. A kind goes first to the nodes that the kinds after it can use least.
3. Only between the two, exactly: a table over the counts of all kinds but the most numerous one. `G[p]` is the most pods of that kind
   that fit beside at least p of the others on the nodes so far; one node adds `T[b]`, the most of it that the node holds beside b others.

       G'[p] = max over b of  G[p - b, not below 0] + T[b]

   The gang fits if and only if G[all others] reaches the kind's own number. Of a node only the choices b matter that no other choice beats
   in everything, a handful. The work is nodes x choices x cells; above `MOST_WORK` the answer is "gave up", not "does not fit".

Source: dynamic programme over role counts, design notes on placement, section 6; first-fit decreasing after Johnson, 1973.
Next: `scheduler.engine.gang` offers the domains.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scheduler.engine.capacity import Copies

MOST_CELLS: Final = 40_000
MOST_WORK: Final = 50_000_000  # cell updates: a fifth of a second, measured on one core
ORDERS: Final = 6
MANY: Final = (
    32  # kinds, from which on first fit looks once at what the others can use, and not anew after each
)
IMPOSSIBLE: Final = -(10**6)
FAR_ABOVE: Final = 2**62
ROUNDING: Final = 1e-6  # of sums in floating point; what is nearer than this is left to the searches

Table = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Kinds:
    """
    The question. R kinds of pods, N nodes, D resources; resources in the same order everywhere, in their own units.

    `counts` [R]: pods of each kind. `asked` [R, D]: what one pod asks for. `free` [N, D]: negative where a node is overcommitted, which
    concerns only pods that ask for that resource. `may` [R, N]: whether the kind may run there at all.
    """

    counts: tuple[int, ...]
    asked: Table
    free: Table
    may: NDArray[np.bool_]

    def on(self, nodes: Sequence[int]) -> "Kinds":
        """Return the same question on these nodes only, in this order."""
        chosen = list(nodes)
        return Kinds(self.counts, self.asked, self.free[chosen], self.may[:, chosen])


@dataclass(frozen=True, slots=True)
class Fits:
    """`shares[r]`: (node, pods) for every node that kind r uses; nodes are numbered as in the question."""

    shares: tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class DoesNotFit:
    """No placement. `is_proven`: none exists; else the work was more than the bound."""

    is_proven: bool


def fit(kinds: Kinds, most_work: int | None = None) -> Fits | DoesNotFit:
    """Answer the question. Cost: O(R^2 N log N) where first fit succeeds, else up to `most_work` (`MOST_WORK`) cell updates."""
    quickly = fit_quickly(kinds)
    if quickly is not None:
        return quickly
    return _exactly(kinds, most_work)


def fit_quickly(kinds: Kinds) -> Fits | DoesNotFit | None:
    """Answer by screens and first fit alone; None when they do not tell. Cost: O(R^2 N log N)."""
    alone = copies(kinds.asked, kinds.free, kinds.may, kinds.counts)
    if any(row.sum() < count for row, count in zip(alone, kinds.counts, strict=True)):
        return DoesNotFit(is_proven=True)
    usable = np.maximum(kinds.free[kinds.may.any(axis=0)], 0).sum(axis=0, dtype=np.float64)
    if (usable * (1 + ROUNDING) < np.array(_asked_in_all(kinds), dtype=np.float64)).any():
        return DoesNotFit(is_proven=True)
    if len(kinds.counts) > MANY:
        shares = _first_fit_of_many(kinds, alone)
        return Fits(shares) if shares is not None else None
    for order in islice(_orders(kinds), ORDERS):
        shares = _first_fit(kinds, order)
        if shares is not None:
            return Fits(shares)
    return None


def _asked_in_all(kinds: Kinds) -> list[int]:
    """Return what all pods together ask for, [D], in whole numbers of any size."""
    rows = [
        [count * int(amount) for amount in row] for count, row in zip(kinds.counts, kinds.asked, strict=True)
    ]
    return [sum(column) for column in zip(*rows, strict=True)]


def copies(asked: Table, free: Table, may: NDArray[np.bool_], counts: Sequence[int]) -> Copies:
    """Return how many pods of each kind each node holds, were it alone there; never more than its count. Shape: [R, N]."""
    rows = []
    for request, allowed, count in zip(asked, may, counts, strict=True):
        needs = np.flatnonzero(request > 0)
        room = np.full(len(free), count, dtype=np.int64)
        for resource in needs:
            np.minimum(room, free[:, resource] // request[resource], out=room)
        rows.append(np.where(allowed, np.maximum(room, 0), 0))
    return np.array(rows)


# --- first fit ----------------------------------------------------------------------------------------------------------


def _orders(kinds: Kinds) -> Iterator[tuple[int, ...]]:
    """Yield orders of the kinds: the most demanding first, then other permutations."""
    largest = np.maximum(kinds.free.max(axis=0, initial=1), 1)
    hardness = (kinds.asked / largest).max(axis=1, initial=0.0)
    falling = sorted(range(len(kinds.counts)), key=lambda r: (-hardness[r], r))
    return permutations(falling)


def _first_fit(kinds: Kinds, order: Sequence[int]) -> tuple[tuple[tuple[int, int], ...], ...] | None:
    free = kinds.free.copy()
    shares: list[tuple[tuple[int, int], ...]] = [()] * len(order)
    for place, kind in enumerate(order):
        room = copies(kinds.asked, free, kinds.may, kinds.counts)
        later = (
            room[list(order[place + 1 :])].sum(axis=0)
            if place + 1 < len(order)
            else np.zeros(len(free), dtype=np.int64)
        )
        found = _filled(kinds, kind, free, room[kind], later)
        if found is None:
            return None
        shares[kind] = found
    return tuple(shares)


def _first_fit_of_many(kinds: Kinds, alone: Copies) -> tuple[tuple[tuple[int, int], ...], ...] | None:
    """First fit in one order: who may go to fewest nodes goes first, so that those who have one node only get it. Cost: O(R N)."""
    free, later = kinds.free.copy(), alone.sum(axis=0)
    shares: list[tuple[tuple[int, int], ...]] = [()] * len(alone)
    choice = (alone > 0).sum(axis=1)
    for kind in np.argsort(choice, kind="stable").tolist():
        later = later - alone[kind]
        one = [kind]
        (room,) = copies(kinds.asked[one], free, kinds.may[one], (kinds.counts[kind],))
        found = _filled(kinds, kind, free, room, later)
        if found is None:
            return None
        shares[kind] = found
    return tuple(shares)


def _filled(
    kinds: Kinds, kind: int, free: Table, room: Copies, later: Copies
) -> tuple[tuple[int, int], ...] | None:
    """Fill the nodes that later kinds can use least with all pods of one kind, and take that from what is free; None if they do not fit."""
    nodes = np.lexsort((-room, later))
    nodes = nodes[room[nodes] > 0]
    sums = np.cumsum(room[nodes])
    last = int(np.searchsorted(sums, kinds.counts[kind]))
    if last >= len(nodes):
        return None
    taken = room[nodes[: last + 1]]
    taken[-1] -= int(sums[last]) - kinds.counts[kind]
    free[nodes[: last + 1]] -= taken[:, None] * kinds.asked[kind]
    return tuple(zip(nodes[: last + 1].tolist(), taken.tolist(), strict=True))


# --- exactly ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Choices:
    """What one node may take: counts of the other kinds, and the most of the numerous kind beside each. Best first."""

    others: tuple[tuple[int, ...], ...]
    most: tuple[int, ...]


def _exactly(kinds: Kinds, most_work: int | None = None) -> Fits | DoesNotFit:
    numerous = max(range(len(kinds.counts)), key=lambda r: (kinds.counts[r], -r))
    others = [r for r in range(len(kinds.counts)) if r != numerous]
    shape = tuple(kinds.counts[r] + 1 for r in others)
    cells = int(np.prod(shape))
    if cells > MOST_CELLS:
        return DoesNotFit(is_proven=False)
    choices = _choices_of_nodes(kinds, numerous, others)
    if choices is None or sum(len(each.most) for each in choices) * cells > (
        MOST_WORK if most_work is None else most_work
    ):
        return DoesNotFit(is_proven=False)
    alone = copies(kinds.asked, kinds.free, kinds.may, kinds.counts)
    nodes = [
        int(n) for n in np.lexsort((np.arange(len(kinds.free)), -alone.sum(axis=0))) if alone[:, n].any()
    ]
    goal, wanted = tuple(n - 1 for n in shape), kinds.counts[numerous]
    table = np.full(shape, IMPOSSIBLE, dtype=np.int32)
    table[(0,) * len(shape)] = 0
    before = []
    for node in nodes:
        before.append(table)
        table = _with_node(table, choices[node], wanted)
        if table[goal] >= wanted:
            used = nodes[: len(before)]
            return _walked_back(kinds, used, choices, before, numerous, others)
    return DoesNotFit(is_proven=True)


def _choices_of_nodes(kinds: Kinds, numerous: int, others: list[int]) -> list[_Choices] | None:
    """Return each node's choices, made once per kind of node; None when one has too many."""
    alone = copies(kinds.asked, kinds.free, kinds.may, kinds.counts)
    most = np.array([min(amount, FAR_ABOVE) for amount in _asked_in_all(kinds)], dtype=np.int64)
    rest = np.minimum(kinds.free, most)  # more than the gang asks for is alike
    known: dict[bytes, _Choices] = {}
    found = []
    for node in range(len(kinds.free)):
        key = rest[node].tobytes() + kinds.may[:, node].tobytes()
        if key not in known:
            if np.prod([alone[r, node] + 1.0 for r in others]) > MOST_CELLS:
                return None
            known[key] = _choices(kinds, node, alone[:, node], numerous, others)
        found.append(known[key])
    return found


def _choices(kinds: Kinds, node: int, alone: Copies, numerous: int, others: list[int]) -> _Choices:
    """Return what this node may take beside each other, without what another choice beats in every count."""
    free, asked = kinds.free[node], kinds.asked
    found: list[tuple[tuple[int, ...], int]] = []
    needs = np.flatnonzero(asked[numerous] > 0)
    for taken in product(*(range(int(alone[r]), -1, -1) for r in others)):
        used = np.array(taken, dtype=np.int64) @ asked[others]
        left = free - used
        if ((left < 0) & (used > 0)).any():
            continue
        most = kinds.counts[numerous] if kinds.may[numerous, node] else 0
        for resource in needs:
            most = max(0, min(most, int(left[resource] // asked[numerous][resource])))
        if not any(
            rival >= most and all(a >= b for a, b in zip(counts, taken, strict=True))
            for counts, rival in found
        ):
            found.append((taken, most))
    return _Choices(tuple(counts for counts, _ in found), tuple(most for _, most in found))


def _with_node(table: NDArray[np.int32], node: _Choices, wanted: int) -> NDArray[np.int32]:
    result = table.copy()
    for taken, most in zip(node.others, node.most, strict=True):
        np.maximum(result, _behind(table, taken) + most, out=result)
    return np.minimum(result, wanted)


def _behind(table: NDArray[np.int32], taken: Sequence[int]) -> NDArray[np.int32]:
    """Return the table moved by what a node takes: cell p holds what was in cell p - taken, not below 0."""
    for axis, count in enumerate(taken):
        if count:
            table = np.take(table, np.maximum(np.arange(table.shape[axis]) - count, 0), axis=axis)
    return table


def _walked_back(
    kinds: Kinds,
    nodes: Sequence[int],
    choices: Sequence[_Choices],
    before: Sequence[NDArray[np.int32]],
    numerous: int,
    others: Sequence[int],
) -> Fits:
    """Return the placement that the tables prove, from the last node to the first."""
    shares: list[list[tuple[int, int]]] = [[] for _ in kinds.counts]
    at, wanted = tuple(kinds.counts[r] for r in others), kinds.counts[numerous]
    for node, table in zip(reversed(nodes), reversed(before), strict=True):
        if table[at] >= wanted:
            continue  # not needed
        for taken, most in zip(choices[node].others, choices[node].most, strict=True):
            rest = tuple(max(0, a - b) for a, b in zip(at, taken, strict=True))
            if table[rest] + most >= wanted:
                break
        else:
            raise AssertionError("the tables prove a placement that cannot be walked back")
        for kind, a, b in zip(others, at, rest, strict=True):
            if a > b:
                shares[kind].append((node, a - b))
        share = min(most, wanted)
        if share:
            shares[numerous].append((node, share))
        at, wanted = rest, wanted - share
    return Fits(tuple(tuple(sorted(each)) for each in shares))
