"""Topology evidence: what each source says of a node. Several may speak of one node; `scheduler.sources.merge` settles it."""

from dataclasses import dataclass

from scheduler.model.ids import DomainName, LevelName, NodeName


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the hierarchy, as users name it: by `name`, or by the node label that carries it."""

    name: LevelName
    node_label: str = ""


@dataclass(frozen=True, slots=True)
class TopologyFact:
    """Node `node` is in domain `domain` of level `level`, says `source`."""

    node: NodeName
    level: LevelName
    domain: DomainName
    source: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """
    All that is known of the network at one moment: `levels` outermost first, `facts` one per (node, level) at most.

    Compared by identity: the cache hands out the same object until a fact changes, so a compiled tree can be kept per object.
    """

    levels: tuple[Level, ...] = ()
    facts: tuple[TopologyFact, ...] = ()


NO_EVIDENCE = Evidence()
