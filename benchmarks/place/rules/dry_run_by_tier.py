"""
A full dry run in every domain, tier by tier: racks first, outwards to the required level, or to the cluster.

In each domain of a tier the pods are placed one by one, packed, in spec order. Of the domains of the first tier in which all of them fit,
the one is taken that is fullest afterwards. Source: design notes on placement, section 15, Volcano network-topology-aware scheduling,
hard mode.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.place.questions import Numbers, Question, Shares
from benchmarks.place.rules.rule import SCALE, Rule, fullest, in_spec_order, one_by_one, parts


def place(question: Question) -> Shares | None:
    """Answer by the rule."""
    order = in_spec_order(question)
    for tier in _tiers(question):
        runs = [(inside, one_by_one(question, order, inside, fullest)) for inside in tier]
        found = [(_packed(question, inside), shares) for inside, shares in runs if shares is not None]
        if found:
            return max(found, key=lambda run: run[0])[1]  # the first of equals
    return None


def _tiers(question: Question) -> Iterator[list[Numbers]]:
    outermost = 0 if question.required is None else question.required
    for level in reversed(range(outermost, len(question.homes))):
        yield parts(question.homes[level])
    if question.required is None:
        yield [np.ones(len(question.free), dtype=bool)]


def _packed(question: Question, inside: Numbers) -> int:
    """Return how full the domain will be, in ten-thousandths, averaged over the resources."""
    asked = np.array(question.counts) @ question.asked
    asks = np.flatnonzero(asked > 0)
    left = question.free[inside][:, asks].sum(axis=0) - asked[asks]
    total = np.maximum(question.total[inside][:, asks].sum(axis=0), 1)
    return -int((left * SCALE // total).sum())


RULE = Rule(
    "dry-run-by-tier", "Volcano network-topology-aware, hard mode", "Volcano network-topology-aware", place
)
