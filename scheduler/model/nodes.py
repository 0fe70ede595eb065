"""Nodes, as far as a placement depends on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from scheduler.model.ids import NodeName
from scheduler.model.resources import Resources

NO_LABELS: Mapping[str, str] = MappingProxyType({})


def no_labels() -> Mapping[str, str]:
    """Return the one empty set of labels; dataclasses ask for a factory here."""
    return NO_LABELS


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True)
class Taint:
    """A mark that keeps pods away unless they tolerate it."""

    key: str
    effect: TaintEffect
    value: str = ""

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True)
class Node:
    """One node. `allocatable` is what pods may use in all, whoever they belong to."""

    name: NodeName
    allocatable: Resources
    labels: Mapping[str, str] = field(default_factory=no_labels)
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
