"""
Where equal pods go that mind who is near, exactly as far as that can be had.

Rules among the members come down to three things. Affinity: all in one domain of a topology key. Anti-affinity: at most one in each.
Spread: at least so many and at most so many in each. The first names regions that are searched one after the other; the others cut what
nodes can take, so that no domain takes more than it may, and what is left is the search for equal pods without rules. Where the
domains of all keys are nested that loses no pod, so "does not fit" is proven; where they cross each other, it may.

Of the nodes of a domain the roomiest keep their room, rack by rack, which keeps the number of racks as small as can be.

Next: `gang` confirms every placement in the order in which kube-scheduler could admit it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.columns import Mask, Numbers
from scheduler.engine.equal_pods import Wish, place_equal, room
from scheduler.engine.gang_rules import GangRules
from scheduler.engine.spread import Evenness
from scheduler.topology import Layer

Shares = list[tuple[int, int]]
"""(node, pods) for every node used."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most pods in each domain of a topology key. `codes` [nodes]: the domain of each, 0 for none; `most` by domain."""

    codes: Numbers
    most: Numbers


@dataclass(frozen=True, slots=True)
class NoPlace:
    """`is_proven`: there is none; otherwise none was found."""

    is_proven: bool


@dataclass(frozen=True, slots=True)
class _Question:
    """
    `copies` [nodes]: how many pods each holds, of those nodes where they may stand at all; `sizes` [nodes]: how many if no rule were in the
    way, as `place_equal` has it.
    """

    layers: Sequence[Layer]
    copies: Copies
    wish: Wish
    scores: Copies
    sizes: Copies
    limits: tuple[Limit, ...]
    even: Evenness | None


def place_ruled(
    layers: Sequence[Layer],
    copies: Copies,
    wish: Wish,
    scores: Copies,
    sizes: Copies,
    rules: GangRules,
    kind: int,
    most_tried: int,
) -> Shares | NoPlace:
    """
    Find nodes for equal pods of one kind. `copies` and `sizes` as in `_Question`; `most_tried`: regions searched at most.

    The placement respects everything but spread constraints beyond the first, of which only the upper bounds at present are respected.
    """
    if rules.is_still(kind):
        found = place_equal(layers, room(layers, copies, wish), wish, scores, sizes)
        return found if found is not None else NoPlace(is_proven=True)
    around, effect = rules.around[kind], rules.effects[kind][kind]
    spreads = [around.even[position] for position in effect.counted if around.even[position].own]
    limits = [*(limit for _, limit in apart(rules, kind)), *(_present_bound(even) for even in spreads[1:])]
    question = _Question(
        layers,
        copies,
        wish,
        scores,
        sizes,
        tuple(_finest_first(limits, copies)),
        spreads[0] if spreads else None,
    )
    required, classes = together(layers, rules.starting(kind), wish.required)
    if not limits and not spreads and classes is None:
        wish = replace(wish, required=required)
        found = place_equal(layers, room(layers, copies, wish), wish, scores, sizes)
        return found if found is not None else NoPlace(is_proven=True)
    return _best(question, required, classes, most_tried, is_exact=len(spreads) < 2)


def _best(
    question: _Question, required: int, classes: Numbers | None, most_tried: int, *, is_exact: bool
) -> Shares | NoPlace:
    regions = _regions(question, required, classes)
    best: Shares | None = None
    for region in regions[:most_tried]:
        found = _in_region(question, region)
        if found is not None and (best is None or _cost(question, found) < _cost(question, best)):
            best = found
            if set(_cost(question, found)) <= {1}:
                break
    if best is not None:
        return best
    is_exact = is_exact and len(regions) <= most_tried and not question.wish.slices
    return NoPlace(is_proven=is_exact and _are_nested(question))


def _in_region(question: _Question, region: Mask) -> Shares | None:
    """Return the placement in this region under the first bounds that allow one."""
    copies = np.where(region, question.copies, 0)
    order = _roomiest_first(question, copies)
    for limit in question.limits:
        copies = cut(copies, limit, order)
    if question.even is None:
        return _placed(question, copies, question.wish)
    holds = np.zeros(len(question.even.counts), dtype=np.int64)
    np.add.at(holds, question.even.codes, copies)
    holds[0] = 0
    for least, most in question.even.intervals(holds, question.wish.count):
        found = _between(question, copies, Limit(question.even.codes, least), most, order)
        if found is not None:
            return found
    return None


def _between(
    question: _Question, copies: Copies, least: Limit, most: Numbers, order: Numbers
) -> Shares | None:
    """Return a placement with so many pods in each domain at least and at most: what each must take, and the rest where it is best."""
    copies = np.where(least.codes > 0, copies, 0)
    if not least.most.any():
        return _placed(question, cut(copies, Limit(least.codes, most), order), question.wish)
    if question.wish.slices:
        return None  # what each must take need be no whole number of slices
    forced = cut(copies, least, order)
    shares = Counter({int(node): int(forced[node]) for node in np.flatnonzero(forced)})
    left = question.wish.count - sum(shares.values())
    if left:
        rest = cut(copies - forced, Limit(least.codes, most - least.most), order)
        used = tuple(sorted({*question.wish.used, *shares}))
        found = _placed(question, rest, replace(question.wish, count=left, used=used))
        if found is None:
            return None
        shares.update(dict(found))
    return sorted(shares.items())


def _placed(question: _Question, copies: Copies, wish: Wish) -> Shares | None:
    rooms = room(question.layers, copies, wish)
    return place_equal(question.layers, rooms, wish, question.scores, question.sizes)


# --- what the rules come down to ----------------------------------------------------------------------------------------


def apart(rules: GangRules, kind: int) -> list[tuple[int, Limit]]:
    """Return one limit per topology key by which members avoid each other, with its place in `Around.closed`."""
    effect = rules.effects[kind][kind]
    return [
        (position, Limit(closed.codes, np.ones(len(closed.avoided), dtype=np.int64)))
        for position, closed in enumerate(rules.around[kind].closed)
        if position in effect.avoided or position in effect.avoiding
    ]


def _present_bound(even: Evenness) -> Limit:
    most = np.where(even.present, np.maximum(even.least + even.spread.max_skew - even.counts, 0), 0)
    return Limit(even.codes, most)


def together(layers: Sequence[Layer], keys: Sequence[Numbers], required: int) -> tuple[int, Numbers | None]:
    """Return the layer of which all members must be in one domain, and the classes of nodes of which they must be in one (0: in none)."""
    if not keys:
        return required, None
    if len(keys) == 1:
        for number, layer in enumerate(layers):
            if number and _is_same_partition(keys[0], layer.of):
                return max(required, number), None
    labelled = np.logical_and.reduce([codes > 0 for codes in keys])
    _, classes = np.unique(np.array(keys), axis=1, return_inverse=True)
    return required, np.where(labelled, classes.reshape(-1) + 1, 0)


def _is_same_partition(codes: Numbers, of: Numbers) -> bool:
    """Whether nodes with a code are in one domain of a layer exactly if their codes are equal."""
    nodes = np.flatnonzero(codes)
    pairs = np.unique(np.stack((codes[nodes], of[nodes])), axis=1).shape[1]
    return bool(pairs == len(np.unique(codes[nodes])) == len(np.unique(of[nodes])))


def _regions(question: _Question, required: int, classes: Numbers | None) -> list[Mask]:
    """Return the sets of nodes in one of which all members must be and that have room for them, those with least room first."""
    parts = np.zeros(len(question.copies), dtype=np.int64)
    if required:
        parts = question.layers[required].of.copy()
    if classes is not None:
        _, parts = np.unique(np.stack((parts, classes)), axis=1, return_inverse=True)
        parts = np.where(classes > 0, parts.reshape(-1), -1)
    usable = parts >= 0
    totals = np.bincount(parts[usable], weights=question.copies[usable]).astype(np.int64)
    enough = np.flatnonzero(totals >= question.wish.count)
    return [parts == part for part in enough[np.argsort(totals[enough], kind="stable")].tolist()]


def _finest_first(limits: Sequence[Limit], copies: Copies) -> list[Limit]:
    """Return the limits, those with most domains first: a coarse one then cuts what the finer ones have left."""
    return sorted(limits, key=lambda limit: -len(np.unique(limit.codes[copies > 0])))


def _are_nested(question: _Question) -> bool:
    """Whether each domain of a finer limit is inside one of each coarser limit, so that cutting one after the other loses no pod."""
    codes = [limit.codes for limit in question.limits]
    if question.even is not None:
        codes.append(question.even.codes)
    nodes = np.flatnonzero(question.copies)
    kinds = sorted((each[nodes] for each in codes), key=lambda each: -len(np.unique(each)))
    return all(
        _is_inside(fine, coarse) for number, fine in enumerate(kinds) for coarse in kinds[number + 1 :]
    )


def _is_inside(fine: Numbers, coarse: Numbers) -> bool:
    named = fine > 0
    pairs = np.unique(np.stack((fine[named], coarse[named])), axis=1).shape[1]
    return bool(pairs == len(np.unique(fine[named])))


# --- cutting ------------------------------------------------------------------------------------------------------------


def _roomiest_first(question: _Question, copies: Copies) -> Numbers:
    """Return the nodes, those of the roomiest domains first, level by level; of equal nodes the better liked first."""
    keys: list[Numbers] = []
    for layer in question.layers[1:-1]:
        totals = np.zeros(len(layer), dtype=np.int64)
        np.add.at(totals, layer.of, copies)
        keys += [-totals[layer.of], layer.of]
    nodes = np.arange(len(copies))
    result: Numbers = np.lexsort((nodes, -question.scores, -copies, *reversed(keys)))
    return result


def cut(copies: Copies, limit: Limit, order: Numbers) -> Copies:
    """Return the copies with no more in any domain than the limit; the first nodes of the order keep theirs."""
    codes = limit.codes[order]
    by_domain = order[np.argsort(codes, kind="stable")]
    codes, sizes = limit.codes[by_domain], copies[by_domain]
    taken = np.cumsum(sizes)
    firsts = np.flatnonzero(np.diff(codes, prepend=-1))
    outside = np.concatenate(([0], taken))[firsts]
    before = taken - sizes - np.repeat(outside, np.diff(np.append(firsts, len(codes))))
    kept = np.clip(limit.most[codes] - before, 0, sizes)
    result = copies.copy()
    result[by_domain] = np.where(codes > 0, kept, sizes)
    return result


def _cost(question: _Question, shares: Shares) -> tuple[int, ...]:
    """Return how many domains a placement is in, per level from the outermost to the leaf."""
    nodes = [node for node, _ in shares]
    return tuple(len(set(layer.of[nodes].tolist())) for layer in question.layers[1:-1])
