"""
Theory of operation: all members or none.

Members are gathered into batches of equal pods. Domains that could hold the gang are offered tightest first (`placements`); in
each, the batches are filled one after the other, the most demanding first, on the trial's overlay. If one does not fit, what was
taken is given back and the next domain is asked. A gang of equal pods is one batch and succeeds in the first domain offered; for
unlike pods first-fit decreasing is sound but not complete, so running out of domains is told apart from proof.

Source: first-fit decreasing after Johnson, "Near-optimal bin packing algorithms", 1973; whole-gang placement as in Feitelson and
Rudolph, "Gang scheduling performance benefits for fine-grain synchronization", 1992.
Next: the search becomes complete for unlike pods; `place` keeps its signature.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from scheduler.engine.capacity import Copies
from scheduler.engine.placements import Bounds, bounds, fill, tightest
from scheduler.engine.trial import Trial, totals
from scheduler.model.ids import LevelName, NodeName, PodUid
from scheduler.model.pods import Pod, PodShape
from scheduler.model.resources import Resources

Scores = Callable[[PodShape, int], int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Equal members: the same shape, and the same nodes refused by kube-scheduler."""

    shape: PodShape
    refused: frozenset[NodeName]
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A node number for every pod."""

    nodes: dict[PodUid, int]
    domain: int


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """
    No place. `is_proven`: none exists; otherwise none was found within the bound.

    `sums` are the copies per domain of each batch, for whoever explains.
    """

    is_proven: bool
    batches: tuple[Batch, ...]
    sums: tuple[Copies, ...]
    within: Bounds


def batches(
    pods: Sequence[Pod], refused: Mapping[PodUid, frozenset[NodeName]], largest: Resources
) -> tuple[Batch, ...]:
    """Gather equal pods; the batch whose pods ask for the largest share of a node comes first."""
    nothing: frozenset[NodeName] = frozenset()
    gathered: dict[tuple[PodShape, frozenset[NodeName]], list[Pod]] = {}
    for pod in pods:
        gathered.setdefault((pod.shape, refused.get(pod.uid, nothing)), []).append(pod)
    made = [Batch(shape, excluded, tuple(members)) for (shape, excluded), members in gathered.items()]
    return tuple(
        sorted(made, key=lambda batch: (-_share(batch.shape, largest), batch.pods[0].key, batch.pods[0].uid))
    )


def place(
    trial: Trial,
    wanted: Sequence[Batch],
    required: LevelName | None,
    inside: int,
    score: Scores,
    max_domains: int,
) -> Placed | NotPlaced:
    """
    Find a node for every pod of every batch, and take the room on the trial; take nothing when that fails.

    `required`: all in one domain of this level. `inside`: all inside this domain (0 is the cluster).
    Cost: O(nodes) per batch, times the domains tried; one domain for equal pods.
    """
    tree = trial.tree
    within = bounds(tree, required, inside)
    sums = tuple(totals(tree, trial.copies(batch.shape, batch.refused)) for batch in wanted)
    counts = [len(batch.pods) for batch in wanted]
    offered = tightest(tree, sums, counts, within)
    tried = 0
    for domain in islice(offered, max_domains):
        tried += 1
        with trial.attempt() as attempt:
            nodes = _fill_all(trial, wanted, domain, sums[0], score)
            if nodes is not None:
                attempt.keep()
                return Placed(nodes, domain)
    return NotPlaced(is_proven=tried == 0, batches=tuple(wanted), sums=sums, within=within)


def _fill_all(
    trial: Trial, wanted: Sequence[Batch], domain: int, first: Copies, score: Scores
) -> dict[PodUid, int] | None:
    nodes: dict[PodUid, int] = {}
    for number, batch in enumerate(wanted):
        sums = first if number == 0 else totals(trial.tree, trial.copies(batch.shape, batch.refused))
        if sums[domain] < len(batch.pods):
            return None
        filled = sorted(fill(trial.tree, sums, domain, len(batch.pods), partial(score, batch.shape)))
        pods = iter(batch.pods)
        for node, count in filled:
            trial.take(node, batch.shape, count)
            nodes.update((next(pods).uid, node) for _ in range(count))
    return nodes


def _share(shape: PodShape, largest: Resources) -> float:
    return max(
        (amount / largest[name] if largest[name] else 1.0 for name, amount in shape.requests.items()),
        default=0.0,
    )
