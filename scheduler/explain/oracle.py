"""
Whether a gang would start if something were different: the engine's own word on a changed snapshot, in three values.

Questions are counted and their number is bound. What was not asked is "not found", never "does not start".
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from scheduler.engine.cycle import decide
from scheduler.engine.extension_points import PolicySet
from scheduler.explain.edits import Edit, edited
from scheduler.explain.narrowing import may_be_narrowed, narrowed
from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.plan import Admit, Decision
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import Snapshot

MOST_QUESTIONS: Final = 64
"""Decisions; a usual explanation takes a dozen. Bounds what one explanation costs, whatever the cluster and the gang."""

FEW: Final = 2048  # nodes used otherwise, from which on a memory of their own is cheaper than bringing the first up to date and back

UNDECIDED: Final = frozenset({Reason.NOT_FOUND_WITHIN_BOUND, Reason.INTERNAL_ERROR})


class Verdict(StrEnum):
    """Whether the gang would start. NOT_FOUND: no place was found within the bound, which proves nothing."""

    STARTS = "starts"
    WAITS = "waits"
    NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True)
class Answer:
    """
    `decision` None: there is nothing to place, or the question was not asked any more.

    `is_partial`: of some nodes only; the gang starts, but perhaps not there.
    """

    verdict: Verdict
    decision: Decision | None = None
    is_partial: bool = False

    @property
    def starts(self) -> bool:
        """Whether the gang would start."""
        return self.verdict is Verdict.STARTS


@dataclass(slots=True)
class Oracle:
    """Asks about one group of one snapshot. `asked` counts; `was_bounded`: a question came that was not asked any more."""

    snapshot: Snapshot
    key: GroupKey
    policies: PolicySet
    now: float
    most: int = MOST_QUESTIONS
    asked: int = 0
    was_bounded: bool = False
    _other_nodes: PolicySet = field(init=False)
    _narrows: bool | None = None
    _known: dict[tuple[Edit, ...], Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # What is remembered follows from the nodes, so other nodes get a memory of their own: the first is still good for the
        # next question.
        self._other_nodes = replace(self.policies)

    def now_as_it_is(self) -> Decision | None:
        """Return what the engine decides of the group as everything is."""
        plan = decide(self.snapshot, self.policies, now=self.now, only=frozenset({self.key}))
        return next(iter(plan.decisions), None)

    def ask(self, *edits: Edit, within: Collection[NodeName] | None = None, where: bool = False) -> Answer:
        """
        Return whether the gang would start with these changes.

        `within`: nodes that suffice by count, where that is exact. They are asked first, alone: who finds a place there finds one.
        `where`: it matters where the gang would be, so all nodes are asked.
        """
        known = self._known.get(edits)
        if known is not None and not (where and known.is_partial):
            return known
        if within is not None and self._may_be_narrowed():
            answer = self._asked(edited(narrowed(self.snapshot, within), edits), replace(self.policies))
            if answer.starts:
                known = self._known[edits] = replace(answer, is_partial=True)
                return known
        changed = edited(self.snapshot, edits)
        policies = self.policies if self._is_near(changed) else self._other_nodes
        answer = self._known[edits] = self._asked(changed, policies)
        return answer

    def _asked(self, changed: Snapshot, policies: PolicySet) -> Answer:
        if self.asked >= self.most:
            self.was_bounded = True
            return Answer(Verdict.NOT_FOUND)
        self.asked += 1
        plan = decide(changed, policies, now=self.now, only=frozenset({self.key}))
        decision = next(iter(plan.decisions), None)
        if decision is None or isinstance(decision, Admit):
            return Answer(Verdict.STARTS, decision)
        undecided = decision.reason in UNDECIDED
        return Answer(Verdict.NOT_FOUND if undecided else Verdict.WAITS, decision)

    def _may_be_narrowed(self) -> bool:
        if self._narrows is None:
            self._narrows = may_be_narrowed(self.snapshot)
        return self._narrows

    def _is_near(self, changed: Snapshot) -> bool:
        """Whether the nodes are the same but for what is used on a few."""
        before = self.snapshot.nodes
        if changed.nodes is before:
            return True
        if len(changed.nodes) != len(before):
            return False
        pairs = zip(before.values(), changed.nodes.values(), strict=True)
        other = [(was, now) for was, now in pairs if was is not now]
        return len(other) <= FEW and all(was.node is now.node for was, now in other)
