"""
Role by role: the tightest domain that holds the role, else one level up; then the largest domains first, the last one as tight as can be.

Each role is placed in the order of the spec on what the ones before left, and no choice is taken back. Its preferred level is the racks:
where no rack holds it, the level further out is looked at, at last several of the outermost domains together. From there it is handed
down level by level, over the children of all domains chosen so far: the largest first, the last one the smallest that holds the rest.

The rule itself binds each role to a domain of its own. So that a whole gang ends in one domain of a required level, these domains are
offered one after the other, tightest for the first role first: kinder than the rule, which would spread the roles.

Source: design notes on placement, section 15, Kueue topology-aware scheduling (`pkg/cache/scheduler/tas_flavor_snapshot.go`).
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.place.measure import domains, sums
from benchmarks.place.questions import Numbers, Question, Shares, alone
from benchmarks.place.rules.rule import Rule, first_that_fits, scopes

UNBOUNDED = 10_000  # more pods than any gang has


def place(question: Question) -> Shares | None:
    """Answer by the rule."""
    if question.required is None:
        return _roles(question, scopes(question)[0])
    first = alone(question, question.free, 0, UNBOUNDED)
    offered = sorted(scopes(question), key=lambda inside: int(first[inside].sum()))
    return first_that_fits(offered, lambda inside: _roles(question, inside))


def _roles(question: Question, inside: Numbers) -> Shares | None:
    free = question.free.copy()
    shares = np.zeros_like(question.may, dtype=np.int64)
    for role, count in enumerate(question.counts):
        room = np.where(inside, alone(question, free, role, UNBOUNDED), 0)
        if int(room.sum()) < count:
            return None
        shares[role] = _one_role(question, room, count)
        free -= shares[role][:, None] * question.asked[role]
    return shares


def _one_role(question: Question, room: Numbers, count: int) -> Numbers:
    """Return pods per host for a role of which there is room for all."""
    hosts = len(question.homes)  # the level after the racks
    level, chosen = _start(question, room, count)
    while level < hosts:
        level += 1
        of = domains(question, level)
        under = np.isin(domains(question, level - 1), chosen)
        chosen = [domain for domain, _ in _largest_first(sums(np.where(under, room, 0), of), count)]
    shares = np.zeros_like(room)
    for host, pods in _largest_first(np.where(np.isin(np.arange(len(room)), chosen), room, 0), count):
        shares[host] = pods
    return shares


def _start(question: Question, room: Numbers, count: int) -> tuple[int, Sequence[int]]:
    """Return the level to begin on and its domains: one that holds all, as far in as can be; else the largest of the outermost level."""
    for level in reversed(range(len(question.homes))):
        held = sums(room, question.homes[level])
        fits = np.flatnonzero(held >= count)
        if len(fits):
            return level, [int(fits[held[fits].argmin()])]
    return 0, [domain for domain, _ in _largest_first(sums(room, question.homes[0]), count)]


def _largest_first(held: Numbers, count: int) -> list[tuple[int, int]]:
    """Return (index, pods): the largest first, and as soon as one holds the rest, the smallest that does."""
    chosen: list[tuple[int, int]] = []
    rest = count
    for index in np.lexsort((np.arange(len(held)), -held)).tolist():
        if held[index] >= rest:
            open_ones = [i for i in np.flatnonzero(held >= rest).tolist() if i not in dict(chosen)]
            chosen.append((min(open_ones, key=lambda i: (int(held[i]), i)), rest))
            return chosen
        chosen.append((index, int(held[index])))
        rest -= int(held[index])
    raise AssertionError("the caller has made sure that there is room")


RULE = Rule("tightest-then-largest", "Kueue topology-aware scheduling", "Kueue tas_flavor_snapshot.go", place)
