"""
A gang where rules on other pods concern a member: affinity, anti-affinity, topology spread.

Theory of operation: generate and test. A placement is sought where the rules can be told as masks, limits and regions, which is exact for
one kind of pod and most rules. Then its members are put in an order in which kube-scheduler would admit each beside those before it; a
placement without such an order counts for nothing. Where that finds nothing, and does not prove that there is nothing, members are placed
one by one. So a plan is never invalid, and "does not fit" is only said when it is proven.

Next: `neighbour_sentences` says why, in numbers.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scheduler.engine.around import ALL
from scheduler.engine.capacity import Copies
from scheduler.engine.equal_pods import place_equal, room
from scheduler.engine.gang import Batch, NotPlaced, Placed, Where, broken_slices, rooms_of, seat, wish_of
from scheduler.engine.gang_rules import GangRules, Order, gang_rules
from scheduler.engine.mixed import place_unlike, question
from scheduler.engine.placements import offered
from scheduler.engine.pod_by_pod import Kind, place_pod_by_pod
from scheduler.engine.ruled_pods import NoPlace, place_ruled
from scheduler.engine.standing import in_rank_order
from scheduler.engine.trial import Trial
from scheduler.engine.unlike_pods import DoesNotFit
from scheduler.engine.wishes import liked

MOST_REGIONS = 16  # domains of a topology key tried for unlike members that must be near to each other; each costs a joint question
MANY_KINDS = 16  # from so many on a joint question is asked only where a simpler one finds nothing; arbitrary
DOMAINS_WALKED = 8  # per level, where members are placed one by one


def place(trial: Trial, wanted: Sequence[Batch], where: Where, max_domains: int) -> Placed | NotPlaced:
    """Answer as `gang.place` does, for members that rules on other pods concern."""
    rules = gang_rules(trial.neighbours, trial.columns, [(each.shape, each.pods[0]) for each in wanted])
    asked = _Asked(trial, tuple(wanted), where, max_domains)
    found = _equal(asked, rules) if len(wanted) == 1 else _as_one(asked, rules) or _unlike(asked, rules)
    if isinstance(found, NoPlace) and not found.is_proven and not where.slices:
        found = _one_by_one(asked, rules)
    if isinstance(found, NoPlace):
        return NotPlaced(found.is_proven, asked.batches, asked.rooms(rules), where, rules)
    # Members of a kind are alike. They go in their own order, which is also the one in which kube-scheduler comes to ask for them.
    pods = [iter(batch.pods) for batch in wanted]
    nodes = {next(pods[kind]).uid: node for kind, node in found}
    seat(trial, wanted, nodes)
    return Placed(nodes)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question, apart from the rules."""

    trial: Trial
    batches: tuple[Batch, ...]
    where: Where
    max_domains: int

    @property
    def counts(self) -> list[int]:
        """How many members there are of each kind."""
        return [len(batch.pods) for batch in self.batches]

    def rooms(self, rules: GangRules) -> tuple[Sequence[Copies], ...]:
        """Return the room for each kind per layer, as far as the rules let it stand at all."""
        return tuple(
            rooms_of(self.trial, batch, self.where, rules.possible(kind))[0]
            for kind, batch in enumerate(self.batches)
        )


# --- one kind -----------------------------------------------------------------------------------------------------------


def _equal(asked: _Asked, rules: GangRules) -> Order | NoPlace:
    """Place equal members; those that are missing from a slice go to where the rest of it is bound."""
    rules, order = rules.copy(), Order()
    missing = broken_slices(asked.trial, asked.where)
    parts = [(Where(inside=position), count) for position, count in missing]
    parts.append((asked.where, asked.counts[0] - sum(count for _, count in missing)))
    with asked.trial.attempt() as attempt:
        for where, count in parts:
            found = _part(asked, rules, where, count)
            if isinstance(found, NoPlace):
                return found
            order += found
        attempt.keep()
    return order


def _part(asked: _Asked, rules: GangRules, where: Where, count: int) -> Order | NoPlace:
    """Place so many of the members, and note them in the rules."""
    if count <= 0:
        return NoPlace(is_proven=True) if count else Order()
    trial, batch = asked.trial, asked.batches[0]
    rooms, wish = rooms_of(trial, replace(batch, pods=batch.pods[:count]), where, rules.possible(0))
    if not len(rooms[where.required]) or int(rooms[where.required].max()) < count:
        return NoPlace(is_proven=True)
    scores = liked(trial, batch, rooms[-1] > 0)
    sizes = trial.copies(batch.shape, batch.refused)
    found = place_ruled(trial.tree.layers, rooms[-1], wish, scores, sizes, rules, 0, asked.max_domains)
    if isinstance(found, NoPlace):
        return found
    order = rules.order([found])
    if order is None:
        return NoPlace(is_proven=False)
    for node, pods in found:
        trial.take(node, batch.shape, pods)
        rules.add(0, node, pods)
    return order


# --- several kinds ------------------------------------------------------------------------------------------------------


def _as_one(asked: _Asked, rules: GangRules) -> Order | None:
    """
    Place many kinds that only rules of other pods tell apart, as if they were one, where none of them is kept from; None says nothing.

    A stranger's rules can make every member a kind of its own, and a joint question about a thousand kinds is dear.
    """
    trial, first = asked.trial, asked.batches[0]
    if len(asked.batches) < MANY_KINDS or not all(rules.is_still(kind) for kind in range(len(asked.batches))):
        return None
    if any(each.shape is not first.shape or each.refused != first.refused for each in asked.batches):
        return None
    kinds = {pod.uid: kind for kind, batch in enumerate(asked.batches) for pod in batch.pods}
    everyone = replace(first, pods=in_rank_order([pod for batch in asked.batches for pod in batch.pods]))
    may = np.logical_and.reduce([rules.possible(kind) for kind in range(len(asked.batches))])
    rooms, wish = rooms_of(trial, everyone, asked.where, may)
    sizes = trial.copies(first.shape, first.refused)
    found = place_equal(trial.tree.layers, rooms, wish, trial.scores(first.shape), sizes)
    if found is None:
        return None
    nodes = [node for node, count in found for _ in range(count)]
    order = [(kinds[pod.uid], node) for pod, node in zip(everyone.pods, nodes, strict=True)]
    if not all(rules.may(kind, node) for kind, node in order):
        return None
    for node, count in found:
        trial.take(node, first.shape, count)
    return order


def _unlike(asked: _Asked, rules: GangRules) -> Order | NoPlace:
    """Place members of several kinds jointly. What of the rules a joint question cannot tell is tested afterwards."""
    copies = [each[-1] for each in asked.rooms(rules)]
    found = _jointly(asked, rules, copies)
    if isinstance(found, NoPlace) and not found.is_proven:
        answers = (_jointly(asked, rules, fewer) for fewer in _narrower(rules, copies, asked.counts))
        found = next((answer for answer in answers if not isinstance(answer, NoPlace)), found)
    if not isinstance(found, NoPlace):
        for kind, node in found:
            asked.trial.take(node, asked.batches[kind].shape)
    return found


def _jointly(asked: _Asked, rules: GangRules, copies: Sequence[Copies]) -> Order | NoPlace:
    """Ask the joint question with these copies of each kind per node, and put the answer in order. Takes nothing."""
    trial, where, counts = asked.trial, asked.where, asked.counts
    shapes = [batch.shape for batch in asked.batches]
    attachable = trial.attachments.columns([shape.mounts for shape in shapes])
    exclusive = _one_per_node(rules, sum(counts))
    kinds, is_exact = question(shapes, counts, copies, trial.free_of, exclusive, attachable)
    rooms = [
        room(trial.tree.layers, each, wish_of(where, count))
        for each, count in zip(copies, counts, strict=True)
    ]
    found = place_unlike(
        trial.tree, kinds, rooms, required=where.required, bound=where.bound, most_tried=asked.max_domains
    )
    if isinstance(found, DoesNotFit):
        return NoPlace(found.is_proven and is_exact)
    order = rules.order(found.shares)
    return order if order is not None else NoPlace(is_proven=False)


def _one_per_node(rules: GangRules, members: int) -> list[tuple[Copies, tuple[int, ...]]]:
    """Return places per node, and who needs one, for topology keys that tell each node from all others."""
    found = []
    for codes, kinds in rules.exclusive():
        named = codes[codes > 0]
        if len(np.unique(named)) == len(named):
            found.append((np.where(codes > 0, 1, members), kinds))
    return found


def _narrower(rules: GangRules, copies: Sequence[Copies], counts: Sequence[int]) -> Iterator[list[Copies]]:
    """
    Yield the copies on fewer nodes, where affinity is more likely to be met.

    Kinds that have pods to be near to already: only there. For others, all members in one domain of their topology keys, the one with least
    room first.
    """
    met = [
        np.where(around.near.allowed(ALL), each, 0) if around.near and around.near.is_met_anywhere else each
        for around, each in zip(rules.around, copies, strict=True)
    ]
    yield met
    unmet = next((a.near for a in rules.around if a.near and not a.near.is_met_anywhere), None)
    if unmet is None:
        return
    _, classes = np.unique(np.array(unmet.codes), axis=1, return_inverse=True)
    classes = np.where(unmet.labelled(ALL), classes.reshape(-1) + 1, 0)
    totals = np.array([np.bincount(classes, weights=each).astype(np.int64) for each in met])
    enough = np.flatnonzero((totals >= np.array(counts).reshape(-1, 1)).all(axis=0))
    enough = enough[enough > 0]
    for each in enough[np.argsort(totals[:, enough].sum(axis=0), kind="stable")][:MOST_REGIONS].tolist():
        yield [np.where(classes == each, of_kind, 0) for of_kind in met]


# --- one by one ---------------------------------------------------------------------------------------------------------


def _one_by_one(asked: _Asked, rules: GangRules) -> Order | NoPlace:
    """Place members one by one, in the domains that could hold them, innermost level first."""
    trial, rooms = asked.trial, asked.rooms(rules)
    kinds = [
        Kind(batch.shape, len(batch.pods), each[-1], liked(trial, batch, each[-1] > 0))
        for batch, each in zip(asked.batches, rooms, strict=True)
    ]
    found = place_pod_by_pod(trial, kinds, rules, _domains(asked, rooms))
    if found is None:
        return NoPlace(is_proven=False)
    shares = [
        sorted(Counter(node for each, node in found if each == kind).items()) for kind in range(len(kinds))
    ]
    return rules.order(shares) or found


def _domains(asked: _Asked, rooms: Sequence[Sequence[Copies]]) -> list[int]:
    """Return the domains to try, a few of each level; only those that hold the members that are bound already."""
    tree, bound = asked.trial.tree, asked.where.bound
    tried: Counter[int] = Counter()
    chosen = []
    for position in offered(tree, rooms, asked.counts, asked.where.required):
        domain = tree.domains[position]
        if bound and not (domain.start <= min(bound) and max(bound) < domain.stop):
            continue
        tried[domain.depth] += 1
        if tried[domain.depth] <= DOMAINS_WALKED:
            chosen.append(position)
    return chosen
