"""
Minimal blocking sets: the smallest sets of constraints of which each, were all of it relaxed, would let the gang start.

First every constraint alone; then pairs of those that do not help alone; and if neither has been found, one set that is left when
constraints are imposed again, one after the other in their fixed order, as long as the gang still starts without the others. That set is
irreducible because relaxing is monotone: what starts with fewer relaxed starts with more.

"Starts" is always the engine's word on the changed snapshot. "Waits" is its word too, or the count that too few members fit anywhere.
Where it was not found out, that is said, and a set of which a part was not found out is not called irreducible.
Source: minimal correction sets by deletion, as in constraint programming; design notes, section 13.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from scheduler.explain.constraints import Constraint
from scheduler.explain.judge import Judge
from scheduler.explain.oracle import Verdict

MOST_SETS: Final = 8
MOST_PAIRED: Final = 12
"""Constraints that are tried in pairs: those that alone let most members in, of equals the first."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One constraint relaxed alone: `fit` of `needed` members fit then. `is_exact`: else at most."""

    constraint: Constraint
    fit: int
    is_exact: bool
    needed: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class BlockingSet:
    """Relax all of these and the gang starts. `is_irreducible`: it was found out that it waits if any of them stands."""

    constraints: tuple[Constraint, ...]
    is_irreducible: bool = True


@dataclass(frozen=True, slots=True)
class Blocking:
    """
    `relaxations` of each constraint alone that changes anything; `sets`, smallest first.

    `all_relaxed`: whether the gang would start with no constraint at all, as far as that was asked.
    """

    relaxations: tuple[Relaxation, ...] = ()
    sets: tuple[BlockingSet, ...] = ()
    all_relaxed: Verdict = Verdict.STARTS


NOTHING_BLOCKS: Final = Blocking()


def blocking(judge: Judge, constraints: Sequence[Constraint], needed: int, *, base: Verdict) -> Blocking:
    """
    Return what stands in the way of a gang that needs so many members placed. `base`: the engine's word with nothing relaxed.

    Cost: a count per constraint and pair; the engine is asked only where the count says that the gang may fit.
    """
    relaxations = tuple(
        Relaxation(each, *judge.fit((each,)), needed, judge.verdict((each,))) for each in constraints
    )
    verdicts = {r.constraint: r.verdict for r in relaxations}
    singles = [
        BlockingSet((each,), is_irreducible=base is Verdict.WAITS)
        for each, verdict in verdicts.items()
        if verdict is Verdict.STARTS
    ]
    rest = [r for r in relaxations if r.verdict is not Verdict.STARTS]
    together = judge.verdict([r.constraint for r in rest]) if rest else base
    sets = [*singles, *(_pairs(judge, rest) if together is not Verdict.WAITS else ())]
    if not sets and together is Verdict.STARTS:
        sets = [_left_over(judge, [r.constraint for r in rest])]
    return Blocking(relaxations, tuple(sets[:MOST_SETS]), Verdict.STARTS if singles else together)


def _pairs(judge: Judge, alone: Sequence[Relaxation]) -> Iterator[BlockingSet]:
    """Yield pairs that let the gang start, of constraints that do not do so alone."""
    foremost = sorted(alone, key=lambda r: -r.fit)[:MOST_PAIRED]
    kept = [r for r in alone if r in foremost]
    for one, other in combinations(kept, 2):
        if judge.verdict((one.constraint, other.constraint)) is Verdict.STARTS:
            both_wait = one.verdict is other.verdict is Verdict.WAITS
            yield BlockingSet((one.constraint, other.constraint), is_irreducible=both_wait)


def _left_over(judge: Judge, constraints: Sequence[Constraint]) -> BlockingSet:
    """Return what has to stay relaxed when all that can be is imposed again, in order."""
    kept, all_known = _imposed(constraints, judge.likely)
    if judge.verdict(kept) is not Verdict.STARTS:
        kept, all_known = _imposed(constraints, judge.verdict)
    return BlockingSet(tuple(kept), is_irreducible=all_known)


def _imposed(
    constraints: Sequence[Constraint], verdict: Callable[[Sequence[Constraint]], Verdict]
) -> tuple[list[Constraint], bool]:
    kept, all_known = list(constraints), True
    for each in constraints:
        fewer = [other for other in kept if other is not each]
        answer = verdict(fewer)
        if answer is Verdict.STARTS:
            kept = fewer
        all_known = all_known and answer is not Verdict.NOT_FOUND
    return kept, all_known
