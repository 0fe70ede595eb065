"""
Says of constraints whether the gang would start without them: counts first, and asks the engine only what counting leaves open.

Too few members by count is a proof that the gang waits, and cheap. Enough of them proves nothing, so that the gang starts is always the
engine's word.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from scheduler.explain.constraints import Case, Constraint, relaxed
from scheduler.explain.edits import Edit
from scheduler.explain.ground import Ground
from scheduler.explain.oracle import Oracle, Verdict
from scheduler.explain.questions import Question
from scheduler.explain.surroundings import GivenBack
from scheduler.model.ids import NodeName


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
        edits = edits_of(constraints)
        sharper = self._sharper(case, edits)
        # What starts with less given back starts with more; and few changed nodes cost the engine little.
        if sharper != edits and self._oracle.ask(*sharper).starts:
            return Verdict.STARTS
        return self._oracle.ask(*edits).verdict

    def _sharper(self, case: Case, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
        """Return the same with what others use given back only on nodes that would do by count."""
        if not any(isinstance(edit, GivenBack) for edit in edits):
            return edits
        nodes = self._enough(case)
        return tuple(replace(edit, nodes=nodes) if isinstance(edit, GivenBack) else edit for edit in edits)

    def _enough(self, case: Case) -> frozenset[NodeName]:
        ground, question = self._ground, case.question
        totals = ground.most_in(question, case.given)
        first, last = ground.span(question, int(np.argmax(totals >= question.count)))
        chosen: set[int] = set()
        for kind in question.kinds:
            copies = ground.copies(kind, case.given)[first:last]
            falling = np.argsort(-copies, kind="stable")
            count = int(np.searchsorted(np.cumsum(copies[falling]), kind.count)) + 1
            chosen.update((first + falling[: count if not question.slices else None]).tolist())
        return frozenset(ground.tree.nodes[number] for number in chosen)


def edits_of(constraints: Iterable[Constraint]) -> tuple[Edit, ...]:
    """Return what takes these constraints away from a snapshot."""
    return tuple(edit for constraint in constraints for edit in constraint.edits)
