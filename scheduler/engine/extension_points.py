"""
Where policies and observers plug in: small Protocols, called by the cycle.

The engine knows no policy by name; `scheduler.policies.registry` makes a `PolicySet`.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from scheduler.engine.capacity import CapacityMemo, NodeScore
from scheduler.engine.settings import EngineSettings
from scheduler.model.plan import Admit, Hold
from scheduler.model.podgroups import PodGroup


class GroupOrder(Protocol):
    """In which order gangs are considered."""

    def __call__(self, group: PodGroup, *, now: float) -> tuple[Any, ...]:
        """Return a sort key; smaller goes first. The engine appends creation time, name and uid, so ties cannot depend on input order."""


class Reporter(Protocol):
    """Told what a cycle did. May count, must not decide."""

    def group_planned(self, admit: Admit) -> None:
        """A gang got a node for every member."""

    def group_held(self, hold: Hold) -> None:
        """A gang got nothing."""


class _Silent:
    def group_planned(self, admit: Admit) -> None:
        """Say nothing."""

    def group_held(self, hold: Hold) -> None:
        """Say nothing."""


__all__ = ["SILENT", "GroupOrder", "NodeScore", "PolicySet", "Reporter"]

SILENT: Reporter = _Silent()


@dataclass(frozen=True, eq=False)
class PolicySet:
    """
    The policies of one scheduler, with the bounds of the search.

    `holds_unevaluated`: hold pods that use constraints no predicate here covers. Off where kube-scheduler evaluates them itself, as
    in extender mode; it follows from the mode and is nobody's wish, so it is no setting.
    `memo` remembers capacities between cycles; it changes the cost of a decision, never its outcome.
    """

    group_order: GroupOrder
    node_score: NodeScore
    settings: EngineSettings = field(default_factory=EngineSettings)
    holds_unevaluated: bool = True
    memo: CapacityMemo = field(init=False)

    def __post_init__(self) -> None:
        """Begin with an empty memory; it holds scores of this policy, so it is not taken over from another set."""
        object.__setattr__(self, "memo", CapacityMemo(self.node_score))
