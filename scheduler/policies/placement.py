"""
Which of several nodes that serve equally well: preferred node affinity, and taints that only discourage.

Asked last, after the topology: a wish of one pod does not pull a gang apart. Weights as in kube-scheduler's NodeAffinity and
TaintToleration scores: the sum of the weights of matching terms, and a fixed malus per taint not tolerated.
"""

import numpy as np

from scheduler.engine.columns import NodeColumns, Numbers
from scheduler.engine.feasibility import tolerated
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.pods import PodShape

DISCOURAGED = 100  # as much as the heaviest preferred term (weights run from 1 to 100)


def preferred_nodes(shape: PodShape, nodes: NodeColumns) -> Numbers:
    """Return each node's score for pods of this shape; 0 where nothing speaks for or against it."""

    def discouraging(taints: tuple[Taint, ...]) -> int:
        soft = (taint for taint in taints if taint.effect is TaintEffect.PREFER_NO_SCHEDULE)
        return sum(1 for taint in soft if not tolerated(shape, taint))

    scores = -DISCOURAGED * nodes.by_taints(discouraging)
    for wish in shape.preferred_terms:
        scores += np.where(nodes.matching(wish.term), wish.weight, 0)
    return scores
