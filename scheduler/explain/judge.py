"""
Says of constraints whether the gang would start without them: counts first, and asks the engine only what counting leaves open.

Too few members by count is a proof that the gang waits, and cheap. Enough of them proves nothing, so that the gang starts is always the
engine's word.
"""

from collections.abc import Iterable, Sequence

from scheduler.explain.constraints import Constraint, relaxed
from scheduler.explain.edits import Edit
from scheduler.explain.ground import Ground
from scheduler.explain.oracle import Oracle, Verdict
from scheduler.explain.questions import Question


class Judge:
    """Judges one question on one ground."""

    def __init__(self, ground: Ground, question: Question, oracle: Oracle) -> None:
        self._ground = ground
        self._question = question
        self._oracle = oracle

    def fit(self, constraints: Iterable[Constraint]) -> tuple[int, bool]:
        """Return how many members fit without these, and whether that is exact; else it is at most so many."""
        case = relaxed(self._question, constraints)
        return self._ground.most(case.question, case.given), case.question.is_counted_exactly

    def likely(self, constraints: Sequence[Constraint]) -> Verdict:
        """Return what the count alone says where it is exact, and the verdict where it is not."""
        fit, is_exact = self.fit(constraints)
        if not is_exact:
            return self.verdict(constraints)
        return Verdict.STARTS if fit >= self._question.count else Verdict.WAITS

    def verdict(self, constraints: Sequence[Constraint]) -> Verdict:
        """Return whether the gang starts without these."""
        case = relaxed(self._question, constraints)
        if self._ground.most(case.question, case.given) < self._question.count:
            return Verdict.WAITS
        within = self._ground.enough(case.question, case.given)
        return self._oracle.ask(*edits_of(constraints), within=within).verdict


def edits_of(constraints: Iterable[Constraint]) -> tuple[Edit, ...]:
    """Return what takes these constraints away from a snapshot."""
    return tuple(edit for constraint in constraints for edit in constraint.edits)
