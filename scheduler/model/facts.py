"""
Topology evidence: what each source says of a node, what is disputed, and what nobody says.

Several sources may speak of one node; `scheduler.sources.merge` settles it and writes down here what it set aside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

from scheduler.model.homes import Facts, Homes, TopologyFact, homes_of
from scheduler.model.ids import LevelName, NodeName
from scheduler.model.machines import Machine

HOST_LEVEL: Final = LevelName("host")
"""The innermost level: the node itself."""

__all__ = [
    "HOST_LEVEL",
    "NO_EVIDENCE",
    "Conflict",
    "Dispute",
    "Doubt",
    "Evidence",
    "Level",
    "TopologyFact",
    "Unknown",
]


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the hierarchy, as users name it: by `name`, or by the node label that carries it."""

    name: LevelName
    node_label: str = ""


class Dispute(StrEnum):
    """How two statements differ."""

    ELSEWHERE = "elsewhere"
    """A source puts the node among nodes of another domain."""
    FINER = "finer"
    """A source's domains of this level are parts of those that count, on all nodes."""
    COARSER = "coarser"
    """A source's domains of this level are unions of those that count, on all nodes."""
    SPLIT = "split"
    """One value is found in several domains further out, and is a domain in each of them."""
    TWO_VALUES = "two-values"
    """One source says two things of one node."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """
    `source` says `value` where `kept` stands, which `kept_source` says; `why` is how they differ.

    `node` is None where it concerns the level as a whole. Values of different sources are never compared as words, only by the groups of
    nodes that they make.
    """

    level: LevelName
    source: str
    value: str
    kept: str
    kept_source: str
    why: Dispute
    node: NodeName | None = None


class Doubt(StrEnum):
    """Why it is not known in which domain a node is."""

    SILENT = "silent"
    """No source says anything."""
    UNUSABLE = "unusable"
    """What the source says cannot be read."""
    AMBIGUOUS = "ambiguous"
    """The value is used in several places, and nothing tells whose this one is."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """These nodes are in no known domain of a level that others are in. `source`: who has said the unusable or ambiguous, if anybody."""

    level: LevelName
    why: Doubt
    nodes: tuple[NodeName, ...]
    source: str = ""


def no_machines() -> Mapping[NodeName, Machine]:
    """Return the one empty map of machines; dataclasses ask for a factory here."""
    return _NO_MACHINES


_NO_MACHINES: Mapping[NodeName, Machine] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Evidence:
    """
    All that is known of the network at one moment: `levels` outermost first, `facts` one per (node, level) at most.

    `machines` says what is inside the nodes of which anybody has told. Compared by identity: the cache hands out the same object until
    something changes, so a compiled tree can be kept per object.
    """

    levels: tuple[Level, ...] = ()
    facts: Sequence[TopologyFact] = ()
    conflicts: tuple[Conflict, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    machines: Mapping[NodeName, Machine] = field(default_factory=no_machines)

    @cached_property
    def homes(self) -> Homes:
        """The facts as columns, without those of the host level."""
        if isinstance(self.facts, Facts):
            return self.facts.homes
        return homes_of([level.name for level in self.levels if level.name != HOST_LEVEL], self.facts)

    def levels_in_use(self) -> frozenset[LevelName]:
        """Return the levels that some node is known to be in; the host is one as soon as there is a node that says so."""
        if isinstance(self.facts, Facts):
            homes = self.facts.homes
            used = {level for level, row in zip(homes.levels, homes.codes, strict=True) if (row >= 0).any()}
            return frozenset(used | ({HOST_LEVEL} if homes.nodes else set()))
        return frozenset(fact.level for fact in self.facts)

    def with_copies(self, of: NodeName, names: Sequence[NodeName]) -> "Evidence":
        """Return what would be known if there were more nodes in the same domains as `of`; their names must be new."""
        host = next((level for level in self.levels if level.name == HOST_LEVEL), Level(HOST_LEVEL))
        return replace(self, facts=Facts(self.homes.with_copies(of, names), HOST_LEVEL, host.node_label))


NO_EVIDENCE = Evidence()
