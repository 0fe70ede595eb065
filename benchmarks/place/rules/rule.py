"""What a rule is, and the two moves that several rules share: pod after pod, and one domain after the other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.place.questions import Numbers, Question, Shares

SCALE = 10_000  # scores are whole numbers, so that equal questions give equal answers on every machine


class Placer(Protocol):
    """A placement policy: pods per role and host, or None when it finds no place."""

    def __call__(self, question: Question) -> Shares | None:
        """Answer the question."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy with its name, and the scheduler and place that describe the rule it follows."""

    name: str
    of: str
    source: str
    place: Placer


Score = Callable[[Question, Numbers, int], Numbers]
"""(question, free [hosts, resources], role) -> how well each host is liked for one more pod of the role, [hosts]."""


def one_by_one(question: Question, order: Iterable[int], inside: Numbers, score: Score) -> Shares | None:
    """
    Place pod after pod, each on the host that is liked best, the first of equals; None when a pod finds none.

    `order`: the role of each pod in turn. `inside` [hosts]: whether a host may be used. Nothing is ever taken back.
    """
    free = np.where(inside[:, None], question.free, -1)
    shares = np.zeros_like(question.may, dtype=np.int64)
    for role in order:
        asked = question.asked[role]
        fits = question.may[role] & inside & ((free >= asked) | (asked == 0)).all(axis=1)
        if not fits.any():
            return None
        liked = np.where(fits, score(question, free, role), np.iinfo(np.int64).min)
        host = int(liked.argmax())
        free[host] -= asked
        shares[role, host] += 1
    return shares


def in_spec_order(question: Question) -> list[int]:
    """Return the role of each pod, in the order in which the gang's spec lists the roles."""
    return [role for role, count in enumerate(question.counts) for _ in range(count)]


def hardest_first(question: Question) -> list[int]:
    """Return the role of each pod, those first that ask for the largest part of a host."""
    largest = np.maximum(question.total.max(axis=0), 1)
    hardness = (question.asked * SCALE // largest).max(axis=1)
    roles = sorted(range(len(question.counts)), key=lambda role: (-int(hardness[role]), role))
    return [role for role in roles for _ in range(question.counts[role])]


def fullest(question: Question, free: Numbers, role: int) -> Numbers:
    """Like hosts that would be fullest, averaged over the resources that the pod asks for: most allocated."""
    return -emptiest(question, free, role)


def emptiest(question: Question, free: Numbers, role: int) -> Numbers:
    """Like hosts that would be emptiest, averaged over the resources that the pod asks for: least allocated."""
    asks = np.flatnonzero(question.asked[role] > 0)
    left = free[:, asks] - question.asked[role][asks]
    scored: Numbers = (left * SCALE // np.maximum(question.total[:, asks], 1)).sum(axis=1)
    return scored


def parts(of: Numbers) -> list[Numbers]:
    """Return the hosts of every domain of a level, [hosts] each, in the order of their names."""
    return [of == domain for domain in range(int(of.max(initial=-1)) + 1)]


def scopes(question: Question) -> list[Numbers]:
    """Return the hosts of every domain that the whole gang may be in: those of the required level, or all."""
    if question.required is None:
        return [np.ones(len(question.free), dtype=bool)]
    return parts(question.homes[question.required])


def first_that_fits(tried: Sequence[Numbers], place: Callable[[Numbers], Shares | None]) -> Shares | None:
    """Return the placement in the first of these sets of hosts that has one."""
    for inside in tried:
        shares = place(inside)
        if shares is not None:
            return shares
    return None
