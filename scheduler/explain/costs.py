"""
What a change costs, in one table: so that the cheapest can be named first, and anybody can see why.

The unit is arbitrary; only the order counts. It follows who has to do something: nobody, the owner of the gang, the administrator, the
owners of other gangs, whoever buys machines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ChangeKind(StrEnum):
    """Sorts of changes that may let a gang start."""

    WAIT = "Wait"
    DROP_SLICES = "DropSlices"
    RELAX_LEVEL = "RelaxLevel"
    UNCORDON = "Uncordon"
    REMOVE_TAINT = "RemoveTaint"
    SHRINK = "Shrink"
    LOWER_REQUEST = "LowerRequest"
    REMOVE_GROUPS = "RemoveGroups"
    ADD_NODES = "AddNodes"


@dataclass(frozen=True, slots=True)
class Cost:
    """`base` for doing it at all, and `each` for every `unit` of it."""

    base: float
    each: float
    unit: str
    why: str


COSTS: Final[Mapping[ChangeKind, Cost]] = MappingProxyType(
    {
        ChangeKind.WAIT: Cost(1, 1, "group waited for", "nothing is changed, but nobody knows when they end"),
        ChangeKind.DROP_SLICES: Cost(2, 1, "slice level dropped", "the gang runs slower"),
        ChangeKind.RELAX_LEVEL: Cost(2, 2, "level further out", "the gang runs slower"),
        ChangeKind.UNCORDON: Cost(4, 0.5, "node", "somebody cordoned them for a reason"),
        ChangeKind.REMOVE_TAINT: Cost(5, 0.5, "node", "they may be meant for others"),
        ChangeKind.SHRINK: Cost(5, 20, "member left out, as part of the gang", "less is computed at a time"),
        ChangeKind.LOWER_REQUEST: Cost(5, 20, "amount given up, as part of the request", "the pods must make do with less"),
        ChangeKind.REMOVE_GROUPS: Cost(20, 10, "group", "others lose their work"),
        ChangeKind.ADD_NODES: Cost(30, 5, "node", "they must be bought or moved"),
    }
)  # fmt: skip
"""Arbitrary numbers, from judgement: raise one to have such changes named later."""


def cost_of(kind: ChangeKind, amount: float) -> float:
    """Return what so many units of a change cost, to one decimal."""
    cost = COSTS[kind]
    return round(cost.base + cost.each * amount, 1)
