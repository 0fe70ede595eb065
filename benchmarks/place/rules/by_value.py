"""
One label, one placement per value of it, the best of them: how a scheduler that works pod by pod keeps a gang together.

The required level is the label. Every value is tried, none is sampled, and the placements are compared by what the pods' own score says
of the hosts they use. Without a required level the cluster is the only value.

Source: design notes on placement, section 15, pod group cycle of kube-scheduler (KEP-4671, KEP-5732).
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.place.questions import Numbers, Question, Shares
from benchmarks.place.rules.rule import Score, one_by_one, scopes


def best_value(question: Question, order: Sequence[int], score: Score) -> Shares | None:
    """Return the best placement over all values of the required level; the first of equals."""
    best: tuple[int, Shares] | None = None
    for inside in scopes(question):
        shares = one_by_one(question, order, inside, score)
        if shares is None:
            continue
        worth = _worth(question, inside, score)
        if best is None or worth > best[0]:
            best = worth, shares
    return None if best is None else best[1]


def _worth(question: Question, inside: Numbers, score: Score) -> int:
    """Return what the score says of the domain as a whole, taken as one large host; of empty or full domains, not of single hosts."""
    whole = Question(
        question.counts,
        question.asked,
        question.free[inside].sum(axis=0, keepdims=True),
        question.total[inside].sum(axis=0, keepdims=True),
        np.ones((len(question.counts), 1), dtype=bool),
        np.zeros((len(question.homes), 1), dtype=np.int64),
    )
    return sum(int(score(whole, whole.free, role)[0]) * count for role, count in enumerate(question.counts))
