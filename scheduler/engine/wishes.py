"""
Which of several nodes that serve equally well is better, by the pods around: preferred affinity and anti-affinity of members and of pods
that stand already, and spread constraints that are only wished for.

Each counts from 0 to 100 over the nodes in question, as in kube-scheduler 1.37 (scores of InterPodAffinity and PodTopologySpread), and is
added to what the nodes themselves are liked for. Members of one gang are not counted for each other: the topology has settled how near
they are, and a wish does not pull a gang apart.
"""

import math

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.columns import Mask
from scheduler.engine.gang import Batch
from scheduler.engine.matching import selects, speaks_of
from scheduler.engine.trial import Trial
from scheduler.model.neighbours import PodTerm, Spread

FULL = 100
REQUIRED_WEIGHT = (
    1  # of a standing pod's required affinity towards members: kube-scheduler's hardPodAffinityWeight
)


def liked(trial: Trial, batch: Batch, candidates: Mask) -> Copies:
    """Return how well each node is liked for members of this batch; `candidates` [nodes]: those that are in question."""
    scores = trial.scores(batch.shape)
    if batch.profile is None or not candidates.any():
        return scores
    return scores + _by_affinity(trial, batch, candidates) + _by_spread(trial, batch, candidates)


def _by_affinity(trial: Trial, batch: Batch, candidates: Mask) -> Copies:
    neighbours, pod = trial.neighbours, batch.pods[0]
    namespace = pod.key.namespace
    total = np.zeros(len(candidates), dtype=np.int64)

    def note(term: PodTerm, weight: int, places: dict[int, int]) -> None:
        column = trial.columns.label(term.topology_key)
        counts = np.zeros(len(column.values) + 1, dtype=np.int64)
        for node, pods in places.items():
            counts[column.codes[node]] += pods * weight
        counts[0] = 0
        np.add(total, counts[column.codes], out=total)

    for wish in batch.shape.rules.preferred if batch.shape.rules is not None else ():
        note(wish.term, wish.weight, neighbours.matching((wish.term,), namespace))
    for ruled, places in neighbours.ruled_about(namespace):
        weighted = [
            *((REQUIRED_WEIGHT, term) for term in ruled.rules.affinity),
            *((wish.weight, wish.term) for wish in ruled.rules.preferred),
        ]
        for weight, term in weighted:
            if speaks_of(term, ruled.namespace, namespace, neighbours.namespaces) and selects(
                term.selector, pod.labels
            ):
                note(term, weight, places)
    least, most = int(total[candidates].min()), int(total[candidates].max())
    if most == least:
        return np.zeros_like(total)
    return np.where(candidates, FULL * (total - least) // (most - least), 0)


def _by_spread(trial: Trial, batch: Batch, candidates: Mask) -> Copies:
    wishes = [spread for spread in batch.shape.spreads if not spread.is_required]
    if not wishes:
        return np.zeros(len(candidates), dtype=np.int64)
    columns = [trial.columns.label(spread.topology_key) for spread in wishes]
    labelled = np.logical_and.reduce([column.codes > 0 for column in columns])
    scored = candidates & labelled
    if not scored.any():
        return np.zeros(len(candidates), dtype=np.int64)
    total = np.zeros(len(candidates))
    for spread, column in zip(wishes, columns, strict=True):
        counts = np.zeros(len(column.values) + 1, dtype=np.int64)
        eligible = labelled & _eligible(trial, batch, spread)
        for node, pods in trial.neighbours.counted(spread, batch.pods[0].key.namespace).items():
            if eligible[node]:
                counts[column.codes[node]] += pods
        domains = len(np.unique(column.codes[scored]))
        total += counts[column.codes] * math.log(domains + 2) + (spread.max_skew - 1)
    points = np.floor(total + 0.5).astype(np.int64)  # all are positive
    least, most = int(points[scored].min()), int(points[scored].max())
    if most == 0:
        return np.where(scored, FULL, 0)
    return np.where(scored, FULL * (most + least - points) // most, 0)


def _eligible(trial: Trial, batch: Batch, spread: Spread) -> Mask:
    eligible = np.ones(len(trial.states), dtype=bool)
    if spread.honours_affinity:
        eligible &= trial.columns.selected(batch.shape)
    if spread.honours_taints:
        eligible &= ~trial.columns.tainted(batch.shape)
    return eligible
