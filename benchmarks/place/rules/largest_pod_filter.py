"""
Filter by the largest pod: a domain is tried only if so many pods as large as the largest in every resource would fit.

The pod that is counted asks, of each resource, for the most that any role does. Where some pods use GPUs and others do not, the sums of
what is asked and what is free are compared instead. Domains are taken from the racks outwards to the required level, or to the cluster;
those with the least free first. In one that passes, pods are placed one by one in spec order and taken back when one finds no host; then
the next is tried. Hosts are liked by the rack they are in, in ten steps: racks stand in order of what is free, and the score is
floor((rank + 1) / racks * 10); within a step the fullest host is taken.

Source: design notes on placement, section 15, KAI (`plugins/topology/job_filtering.go`).
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.place.questions import Numbers, Question, Shares
from benchmarks.place.rules.rule import (
    SCALE,
    Rule,
    first_that_fits,
    fullest,
    in_spec_order,
    one_by_one,
    parts,
)

STEPS = 10


def place(question: Question) -> Shares | None:
    """Answer by the rule."""
    steps = _steps(question)

    def score(asked: Question, free: Numbers, role: int) -> Numbers:
        liked: Numbers = steps * (asked.free.shape[1] + 1) * SCALE + fullest(asked, free, role)
        return liked

    offered = [inside for inside in _domains(question) if _passes(question, inside)]
    order = in_spec_order(question)
    return first_that_fits(offered, lambda inside: one_by_one(question, order, inside, score))


def _domains(question: Question) -> Iterator[Numbers]:
    """Yield the hosts of each domain, racks first, the least free first within a level; at last the required level or the cluster."""
    outermost = 0 if question.required is None else question.required
    for level in reversed(range(outermost, len(question.homes))):
        yield from sorted(parts(question.homes[level]), key=lambda inside: -_ratio(question, inside))
    if question.required is None:
        yield np.ones(len(question.free), dtype=bool)


def _passes(question: Question, inside: Numbers) -> bool:
    if _has_gpu_and_other_pods(question):
        return _ratio(question, inside) <= SCALE
    largest = question.asked.max(axis=0)
    asks = np.flatnonzero(largest > 0)
    held = (np.maximum(question.free[inside], 0)[:, asks] // largest[asks]).min(axis=1)
    return int(held.sum()) >= sum(question.counts)


def _has_gpu_and_other_pods(question: Question) -> bool:
    """Whether some resource is asked for by some roles and not by all of them: that is how devices differ from CPU here."""
    asks = (question.asked > 0).sum(axis=0)
    return bool(((asks > 0) & (asks < len(question.counts))).any())


def _ratio(question: Question, inside: Numbers) -> int:
    """Return the largest part of anything free in the domain that the gang asks for, in ten-thousandths, rounded up."""
    asked = np.array(question.counts) @ question.asked
    free = np.maximum(question.free[inside], 0).sum(axis=0)
    asks = np.flatnonzero(asked > 0)
    return max(-(-int(asked[r]) * SCALE // int(free[r])) if free[r] else SCALE**2 for r in asks)


def _steps(question: Question) -> Numbers:
    """Return the step of each host's rack."""
    racks = question.racks
    ratios = [_ratio(question, inside) for inside in parts(racks)]
    rank = np.empty(len(ratios), dtype=np.int64)
    rank[np.lexsort((np.arange(len(ratios)), -np.array(ratios)))] = np.arange(len(ratios))
    steps: Numbers = ((rank + 1) * STEPS // len(ratios))[racks]
    return steps


RULE = Rule("largest-pod-filter", "KAI", "KAI plugins/topology/job_filtering.go", place)
