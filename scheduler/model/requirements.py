"""Conditions on labels, of which selectors are made: those of nodes, and those of other pods."""

from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """Operators of requirements. Label selectors of pods know all but the last two."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GT = "Gt"
    LT = "Lt"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label, or on a field of a node."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeSelectorTerm:
    """All requirements must hold. A term without any matches no node, as in Kubernetes."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()
