"""
Why rules on other pods leave too few places, in numbers: same cause, same text.

Each rule is told with what it leaves by itself, in the whole cluster or in the best domain of the level that the gang requires; those that
leave enough are not mentioned. Names stand for topology keys, never for pods.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from scheduler.engine.around import ALL, Around
from scheduler.engine.capacity import Copies
from scheduler.engine.columns import Mask, Numbers
from scheduler.engine.equal_pods import WHOLE_CLUSTER
from scheduler.engine.gang import NotPlaced
from scheduler.engine.gang_rules import GangRules
from scheduler.engine.ruled_pods import apart, cut, together
from scheduler.engine.spread import Evenness
from scheduler.engine.trial import Trial


def kept_away(trial: Trial, failed: NotPlaced) -> str | None:
    """Return how the rules of some kind of member keep it from its places; None where no kind alone is kept from them."""
    rules = failed.rules
    if rules is None:
        return None
    layer = trial.tree.layers[failed.where.required]
    inside = f" in one {layer.level}" if failed.where.required != WHOLE_CLUSTER else ""
    for kind, batch in enumerate(failed.batches):
        count, copies = len(batch.pods), trial.copies(batch.shape, batch.refused)
        if _best(copies, layer.of) < count:
            continue  # whoever stands around
        told = dict.fromkeys(_causes(trial, rules, kind, copies, count, layer.of))
        if told:
            members = "1 member" if count == 1 else f"{count} members"
            return f"Rules on other pods leave too few places for {members}{inside}: {'; '.join(told)}."
    return None


def _causes(
    trial: Trial, rules: GangRules, kind: int, copies: Copies, count: int, homes: Numbers
) -> Iterator[str]:
    around, able = rules.around[kind], copies > 0
    copies = np.where(rules.possible(kind), copies, 0)
    if _best(copies, homes) < count:
        yield from _masks(rules, kind, able)
        yield f"what is left has room for {_best(copies, homes)}"
        return
    keys = [closed.key for closed in around.closed]
    for key, limit in apart(rules, kind):
        fit = _best(cut(copies, limit, np.arange(len(copies))), homes)
        if fit < count:
            yield f"they avoid each other, at most one in each {keys[key]}, which leaves room for {fit}"
    required, classes = together(trial.tree.layers, rules.starting(kind), WHOLE_CLUSTER)
    if rules.starting(kind):
        groups = classes if classes is not None else trial.tree.layers[required].of + 1
        fit = _best(np.where(groups > 0, copies, 0), _pairs(groups, homes))
        if fit < count:
            yield f"they must be near each other, and the best {_listed(around.near.keys if around.near else ())} has room for {fit}"
    for position in rules.effects[kind][kind].counted:
        even = around.even[position]
        fit = _most_even(even, copies, homes, count) if even.own else count
        if fit < count:
            yield f"{_spread(even)} leaves room for {fit}, with {even.least} in the emptiest domain"


def _masks(rules: GangRules, kind: int, able: Mask) -> Iterator[str]:
    """Yield how many of the nodes that could run the members are out, by cause; one node may be out for several."""
    around, total = rules.around[kind], int(able.sum())
    near = around.near
    if near is not None:
        lacking = int((able & ~near.labelled(ALL)).sum())
        if lacking:
            yield f"{lacking} of {total} nodes lack the label {_listed(near.keys)} of their affinity"
        if lacking < total and not near.is_met_anywhere and not near.starts:
            yield f"no pod that they must be near to stands anywhere (by {_listed(near.keys)})"
        elif near.is_met_anywhere:
            far = int((able & near.labelled(ALL) & ~near.allowed(ALL)).sum())
            if far:
                yield f"{far} of {total} nodes are in no {_listed(near.keys)} of a pod that they must be near to"
    yield from _closed(around, able)
    for position, even in enumerate(around.even):
        lacking = int((able & (even.codes == 0)).sum())
        if lacking:
            yield f"{lacking} of {total} nodes lack the label {even.spread.topology_key} that they are spread over"
        full = int((able & (even.codes > 0) & ~even.allowed(ALL)).sum())
        if full and not any(position in effect.counted for effect in rules.effects[kind]):
            yield f"{_spread(even)} rules out {full} of {total} nodes"


def _closed(around: Around, able: Mask) -> Iterator[str]:
    total = int(able.sum())
    for words, of in (("that they avoid", "avoided"), ("that avoid them", "avoiding")):
        shut = np.zeros(len(able), dtype=bool)
        keys = []
        for closed in around.closed:
            here = able & (getattr(closed, of) > 0)[closed.codes]
            if here.any():
                shut |= here
                keys.append(closed.key)
        if keys:
            yield f"{int(shut.sum())} of {total} nodes are in the same {_listed(sorted(keys))} as pods {words}"


def _most_even(even: Evenness, copies: Copies, homes: Numbers, count: int) -> int:
    """Return how many members the constraint alone would let into the best domain of the required level, at most `count`."""
    best = 0
    for home in np.unique(homes[copies > 0]).tolist():
        holds = np.zeros(len(even.counts), dtype=np.int64)
        np.add.at(holds, even.codes, np.where(homes == home, copies, 0))
        holds[0] = 0
        low, high = best, count
        while low < high:
            middle = (low + high + 1) // 2
            fits = next(even.intervals(holds, middle), None) is not None
            low, high = (middle, high) if fits else (low, middle - 1)
        best = low
    return best


def _best(copies: Copies, homes: Numbers) -> int:
    """Return the room of the domain that has most."""
    totals = np.zeros(int(homes.max(initial=0)) + 1, dtype=np.int64)
    np.add.at(totals, homes, copies)
    return int(totals.max(initial=0))


def _pairs(some: Numbers, others: Numbers) -> Numbers:
    _, pairs = np.unique(np.stack((some, others)), axis=1, return_inverse=True)
    return pairs.reshape(-1)


def _spread(even: Evenness) -> str:
    return f"the spread over {even.spread.topology_key} (maxSkew {even.spread.max_skew})"


def _listed(keys: Sequence[str]) -> str:
    return " and ".join(keys)
