"""
What an answer costs, and whether it is one: domains per level, hosts, and the faults of a placement.

The checks are written against the question alone; an answer of anybody, the solver included, is measured only after it has passed them.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.place.questions import Numbers, Question, Shares


def domains_used(question: Question, shares: Shares) -> tuple[int, ...]:
    """Return how many domains of each level hold a pod, outermost first: the objective, compared in this order."""
    used = shares.sum(axis=0) > 0
    return tuple(len(set(row[used].tolist())) for row in question.homes)


def hosts_used(shares: Shares) -> int:
    """Return how many hosts hold a pod."""
    return int((shares.sum(axis=0) > 0).sum())


def faults(question: Question, shares: Shares) -> list[str]:
    """Return what is wrong with a placement, in words; empty when it may be carried out."""
    found = []
    if (shares < 0).any():
        found.append("a host is given fewer than no pods")
    for role, count in enumerate(question.counts):
        if int(shares[role].sum()) != count:
            found.append(f"role {role} gets {int(shares[role].sum())} of {count} pods")
    if (shares[~question.may] > 0).any():
        found.append("a pod is on a host that it may not run on")
    taken = shares.T @ question.asked
    if ((taken > question.free) & (taken > 0)).any():
        found.append("a host gives more than it has")
    used = shares.sum(axis=0) > 0
    if question.required is not None and len(set(question.homes[question.required][used].tolist())) > 1:
        found.append("the gang is in more than one domain of the required level")
    for level, size in question.slices:
        if (sums(shares.sum(axis=0), domains(question, level)) % size).any():
            found.append(f"a slice of {size} is not together on level {level}")
    return found


def domains(question: Question, level: int) -> Numbers:
    """Return the domain of each host on a level; the level after the last one is the hosts themselves."""
    return question.homes[level] if level < len(question.homes) else np.arange(len(question.free))


def sums(amounts: Numbers, of: Numbers) -> Numbers:
    """Return the sum of `amounts` [hosts] per domain; `of` [hosts] says in which one each host is."""
    total = np.zeros(int(of.max(initial=-1)) + 1, dtype=np.int64)
    np.add.at(total, of, amounts)
    return total


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile as the metrics table defines it: sorted ascending, index min(m - 1, floor(share * m))."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
