"""
Which of several nodes that serve equally well: preferred node affinity, and taints that only discourage.

Asked last, after the topology: a wish of one pod does not pull a gang apart. Weights as in kube-scheduler's NodeAffinity and
TaintToleration scores: the sum of the weights of matching terms, and a fixed malus per taint not tolerated.
"""

from scheduler.engine.feasibility import matches, tolerated
from scheduler.model.nodes import Node, TaintEffect
from scheduler.model.pods import PodShape

DISCOURAGED = 100  # as much as the heaviest preferred term (weights run from 1 to 100)


def preferred_nodes(shape: PodShape, node: Node) -> int:
    """Return the node's score for pods of this shape; 0 when nothing speaks for or against it."""
    liked = sum(term.weight for term in shape.preferred_terms if matches(term.term, node))
    discouraged = (
        t for t in node.taints if t.effect is TaintEffect.PREFER_NO_SCHEDULE and not tolerated(shape, t)
    )
    return liked - DISCOURAGED * sum(1 for _ in discouraged)
