"""
Theory of operation: all members or none.

Members are gathered into batches of equal pods. A gang of one batch is placed by `equal_pods`, which finds a place whenever there is one,
in the fewest domains; a gang of several by `mixed`, whose answer is a place, a proof that there is none, or that it was given up. Where
rules on other pods concern a member, `ruled_gangs` answers instead.

Source: whole-gang placement as in Feitelson and Rudolph, "Gang scheduling performance benefits for fine-grain synchronization", 1992.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import is_not

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.columns import Mask
from scheduler.engine.equal_pods import WHOLE_CLUSTER, Wish, place_equal, room
from scheduler.engine.gang_rules import GangRules
from scheduler.engine.mixed import place_unlike, question
from scheduler.engine.neighbours import Profile
from scheduler.engine.trial import Trial
from scheduler.engine.unlike_pods import DoesNotFit
from scheduler.model.ids import NodeName, PodUid
from scheduler.model.pods import Pod, PodShape


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Equal members: the same shape, and the same nodes refused by kube-scheduler.

    `profile`: how rules on other pods see them; None where no such rule concerns any member of the gang.
    """

    shape: PodShape
    refused: frozenset[NodeName]
    pods: tuple[Pod, ...]
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """
    What the whole gang asks of the network.

    `required`: all in one domain of this layer of the tree (0: anywhere). `inside`: all inside this domain (position in the tree, 0 the
    cluster). `slices`: (layer, size) as in `Wish`. `bound`: the node number of each member that is bound already.
    """

    required: int = WHOLE_CLUSTER
    inside: int = 0
    slices: tuple[tuple[int, int], ...] = ()
    bound: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A node number for every pod."""

    nodes: dict[PodUid, int]


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """
    No place. `is_proven`: none exists; otherwise none was found within the bound.

    `rooms`: per batch and layer, how many of its pods each domain inside `where` takes, for whoever explains. `rules`: those on other
    pods, where there are any.
    """

    is_proven: bool
    batches: tuple[Batch, ...]
    rooms: tuple[Sequence[Copies], ...]
    where: Where
    rules: GangRules | None = None


def batches(
    pods: Sequence[Pod],
    refused: Mapping[PodUid, frozenset[NodeName]],
    largest: Callable[[str], int],
    profile: Callable[[Pod], Profile] | None = None,
) -> tuple[Batch, ...]:
    """
    Gather equal pods; the batch whose pods ask for the largest share of a node comes first.

    `largest`: the most that any node has of a resource.
    """
    nothing: frozenset[NodeName] = frozenset()
    gathered: dict[tuple[PodShape, frozenset[NodeName], Profile | None], list[Pod]] = {}
    alike, found = None, list[Pod]()
    for pod in pods:
        seen = profile(pod) if profile is not None else None
        kind = (pod.shape, refused.get(pod.uid, nothing), seen)
        if alike is None or any(map(is_not, kind, alike)):  # hashing a shape costs more than all else here
            alike, found = kind, gathered.setdefault(kind, [])
        found.append(pod)
    made = [
        Batch(shape, excluded, tuple(members), seen) for (shape, excluded, seen), members in gathered.items()
    ]
    return tuple(
        sorted(made, key=lambda batch: (-_share(batch.shape, largest), batch.pods[0].key, batch.pods[0].uid))
    )


def stuck(
    trial: Trial, pods: Sequence[Pod], refused: Mapping[PodUid, frozenset[NodeName]], inside: int
) -> frozenset[PodUid]:
    """Return the pods of which no node of a domain has room for one now; none where all pods are alike."""
    kinds = batches(pods, refused, trial.columns.largest)
    if len(kinds) == 1:
        return frozenset()
    outer = trial.tree.domains[inside]
    return frozenset(
        pod.uid
        for kind in kinds
        if not trial.copies(kind.shape, kind.refused)[outer.start : outer.stop].any()
        for pod in kind.pods
    )


def place(trial: Trial, wanted: Sequence[Batch], where: Where, max_domains: int) -> Placed | NotPlaced:
    """
    Find a node for every pod of every batch, and take the room on the trial; take nothing when that fails.

    Cost: O(nodes) for a gang of equal pods that one rack or block holds; times the domains tried for unlike ones.
    """
    if len(wanted) == 1:
        with trial.attempt() as attempt:
            nodes, rooms = _place_equal(trial, wanted[0], where)
            if nodes is not None:
                seat(trial, wanted, nodes)
                attempt.keep()
                return Placed(nodes)
        return NotPlaced(is_proven=True, batches=tuple(wanted), rooms=(rooms,), where=where)
    return _place_mixed(trial, wanted, where, max_domains)


def _place_mixed(trial: Trial, wanted: Sequence[Batch], where: Where, max_domains: int) -> Placed | NotPlaced:
    rooms = tuple(rooms_of(trial, batch, where)[0] for batch in wanted)
    shapes, counts = [batch.shape for batch in wanted], [len(batch.pods) for batch in wanted]
    attachable = trial.attachments.columns([shape.mounts for shape in shapes])
    kinds, is_exact = question(
        shapes, counts, [each[-1] for each in rooms], trial.free_of, attachable=attachable
    )
    found = place_unlike(
        trial.tree, kinds, rooms, required=where.required, bound=where.bound, most_tried=max_domains
    )
    if isinstance(found, DoesNotFit):
        proven = found.is_proven and is_exact
        return NotPlaced(is_proven=proven, batches=tuple(wanted), rooms=rooms, where=where)
    nodes: dict[PodUid, int] = {}
    for batch, shares in zip(wanted, found.shares, strict=True):
        pods = iter(batch.pods)
        for node, count in shares:
            trial.take(node, batch.shape, count)
            nodes.update((next(pods).uid, node) for _ in range(count))
    seat(trial, wanted, nodes)
    return Placed(nodes)


def seat(trial: Trial, wanted: Sequence[Batch], nodes: Mapping[PodUid, int]) -> None:
    """Let the pods that were placed be seen by the rules of those that come after."""
    trial.neighbours.seat((nodes[pod.uid], pod) for batch in wanted for pod in batch.pods)


def _place_equal(
    trial: Trial, batch: Batch, where: Where
) -> tuple[dict[PodUid, int] | None, Sequence[Copies]]:
    """Place a gang of equal pods; members that are missing from a slice go to where the rest of it is bound."""
    nodes: dict[PodUid, int] = {}
    pods = batch.pods
    for position, missing in broken_slices(trial, where):
        part = replace(batch, pods=pods[:missing])
        found, rooms = (
            _place_batch(trial, part, Where(inside=position)) if len(part.pods) == missing else (None, ())
        )
        if found is None:
            return None, rooms or rooms_of(trial, batch, where)[0]
        nodes.update(found)
        pods = pods[missing:]
    if not pods:
        return nodes, ()
    found, rooms = _place_batch(trial, replace(batch, pods=pods), where)
    return (None if found is None else {**nodes, **found}), rooms


def broken_slices(trial: Trial, where: Where) -> list[tuple[int, int]]:
    """
    Return (domain, members missing) for every domain whose bound members are no whole number of slices.

    Where the gang is tied to one domain inside that of the slice, the missing ones go there. A slice that somebody began outside of
    the domain that the gang is tied to stays broken.
    """
    broken = []
    for number, size in where.slices[-1:] if where.bound else ():
        layer = trial.tree.layers[number]
        standing = Counter(int(layer.of[node]) for node in where.bound)
        broken += [
            (home, size - n % size)
            for d, n in sorted(standing.items())
            if n % size and (home := _common(trial, int(layer.positions[d]), where.inside)) is not None
        ]
    return broken


def _common(trial: Trial, one: int, other: int) -> int | None:
    """Return the inner one of two domains of which one lies in the other; None when they have no node in common."""
    first, second = trial.tree.domains[one], trial.tree.domains[other]
    if first.start <= second.start and second.stop <= first.stop:
        return other
    return one if second.start <= first.start and first.stop <= second.stop else None


def _place_batch(
    trial: Trial, batch: Batch, where: Where
) -> tuple[dict[PodUid, int] | None, Sequence[Copies]]:
    rooms, wish = rooms_of(trial, batch, where)
    sizes = trial.copies(batch.shape, batch.refused)
    found = place_equal(trial.tree.layers, rooms, wish, trial.scores(batch.shape), sizes)
    if found is None:
        return None, rooms
    nodes: dict[PodUid, int] = {}
    pods = iter(batch.pods)
    for node, count in found:
        trial.take(node, batch.shape, count)
        nodes.update((next(pods).uid, node) for _ in range(count))
    return nodes, rooms


def rooms_of(
    trial: Trial, batch: Batch, where: Where, may: Mask | None = None
) -> tuple[Sequence[Copies], Wish]:
    """Return the room for a batch per layer, and what is wished. `may` [nodes]: where its pods may stand for rules on other pods."""
    copies = trial.copies(batch.shape, batch.refused)
    outer = trial.tree.domains[where.inside]
    if where.inside:
        inside = np.zeros_like(copies)
        inside[outer.start : outer.stop] = copies[outer.start : outer.stop]
        copies = inside
    if may is not None:
        copies = np.where(may, copies, 0)
    wish = wish_of(where, len(batch.pods))
    return room(trial.tree.layers, copies, wish), wish


def wish_of(where: Where, count: int) -> Wish:
    """Return what so many members of one kind ask for."""
    return Wish(count, where.required, where.slices, tuple(sorted(set(where.bound))))


def _share(shape: PodShape, largest: Callable[[str], int]) -> float:
    shares = ((amount, largest(name)) for name, amount in shape.requests.items())
    return max((amount / most if most else 1.0 for amount, most in shares), default=0.0)
