"""
Many sources, one hierarchy.

Theory of operation. First each (node, level) gets one value: a declared Topology speaks alone; else topograph, which has asked the fabric,
comes before labels that a cloud has set. Values of different labels are never compared: where two labels use one word for a level, the
lesser one's domain carries its label in front. Then the hierarchy is made true from the outside in: a domain is its value within its
parent, so that each has exactly one parent. A node that does not say its parent takes the one that the rest of its domain names, if they
agree. The innermost level is always the node itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.model.nodes import Node
from scheduler.sources import node_labels, topograph

DERIVED: Final = "derived"  # the source of a fact that follows from other nodes
HOST: Final = Level(LevelName("host"), "kubernetes.io/hostname")

# Outermost first; tiers above the named ones come before spine, highest first.
_ORDER: Final = (
    "region",
    "zone",
    *(f"tier-{n}" for n in reversed(range(3, topograph.MAX_TIERS))),
    "spine",
    "block",
    "rack",
    "clique",
)

Said = dict[tuple[NodeName, LevelName], tuple[DomainName, str]]
"""Per node and level: the value, and the label that carries it."""


def evidence(nodes: Sequence[Node], declared: tuple[Level, ...] = ()) -> Evidence:
    """
    Return all levels, outermost first, and one fact per (node, level) at most, by node and level.

    Equal nodes in any order give equal evidence. Cost: O(nodes x levels).
    """
    ordered = sorted(nodes, key=lambda node: node.name)
    said = _declared(ordered, declared) if declared else _found(ordered)
    levels = _declared_levels(declared) if declared else _found_levels(said)
    domains = _nested(ordered, levels, _apart(said))
    host = next((level for level in declared if level.name == HOST.name), HOST)
    facts = []
    for node in ordered:
        for level in levels:
            place = (node.name, level.name)
            if place in domains:
                facts.append(
                    TopologyFact(*place, domains[place], said[place][1] if place in said else DERIVED)
                )
        facts.append(TopologyFact(node.name, HOST.name, DomainName(node.name), host.node_label))
    return Evidence(levels=(*levels, host), facts=tuple(facts))


def _declared(nodes: Sequence[Node], levels: tuple[Level, ...]) -> Said:
    return {
        (node.name, level.name): (DomainName(node.labels[level.node_label]), level.node_label)
        for node in nodes
        for level in _declared_levels(levels)
        if node.labels.get(level.node_label)
    }


def _declared_levels(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    return tuple(level for level in levels if level.name != HOST.name)


def _found(nodes: Sequence[Node]) -> Said:
    said: Said = {}
    for source in (topograph, node_labels):  # the first to speak counts
        for fact in source.facts(nodes)[1]:
            said.setdefault((fact.node, fact.level), (fact.domain, fact.source))
    return said


def _found_levels(said: Said) -> tuple[Level, ...]:
    carriers: dict[str, Counter[str]] = {}
    for (_, level), (_, label) in said.items():
        carriers.setdefault(level, Counter())[label] += 1
    return tuple(Level(LevelName(name), _most_used(carriers[name])) for name in _ORDER if name in carriers)


def _apart(said: Said) -> dict[tuple[NodeName, LevelName], str]:
    """Return the values alone, with the lesser label in front where two labels of one level use the same word."""
    used: dict[tuple[str, str], Counter[str]] = {}
    for (_, level), (value, label) in said.items():
        used.setdefault((level, value), Counter())[label] += 1
    return {
        (node, level): value if label == _most_used(used[level, value]) else f"{label}={value}"
        for (node, level), (value, label) in said.items()
    }


def _nested(
    nodes: Sequence[Node], levels: Sequence[Level], values: Mapping[tuple[NodeName, LevelName], str]
) -> dict[tuple[NodeName, LevelName], DomainName]:
    """Return each node's domain per level, such that all nodes of a domain are in the same domain of every level further out."""
    domains: dict[tuple[NodeName, LevelName], DomainName] = {}
    for depth, level in enumerate(levels):
        alike: dict[str, list[NodeName]] = {}
        for node in nodes:
            value = values.get((node.name, level.name))
            if value is not None:
                alike.setdefault(value, []).append(node.name)
        outer = [each.name for each in levels[:depth]]
        for value in sorted(alike):
            parts = _split(alike[value], outer, domains)
            for part in parts:
                parent = _parent(part[0], outer, domains)
                if len(parts) > 1 and not parent:
                    continue  # equal values elsewhere, and nothing that tells whose this one is: unknown
                name = DomainName(value if len(parts) == 1 else f"{parent}/{value}")
                domains.update(((node, level.name), name) for node in part)
    return domains


def _parent(
    node: NodeName, outer: list[LevelName], domains: Mapping[tuple[NodeName, LevelName], DomainName]
) -> str:
    """Return the nearest domain further out; with its level in front where that is not the next one, whose words may be the same."""
    for level in reversed(outer):
        name = domains.get((node, level))
        if name is not None:
            return name if level == outer[-1] else f"{level}={name}"
    return ""


def _split(
    nodes: list[NodeName], outer: list[LevelName], domains: dict[tuple[NodeName, LevelName], DomainName]
) -> list[list[NodeName]]:
    """
    Part nodes of one value by the domains they are in further out.

    A node that is in none there, nor in between, takes the only one that the others name; this is written to `domains`.
    """
    parts = [nodes]
    for depth, level in enumerate(outer):
        between = outer[depth + 1 :]
        further: list[list[NodeName]] = []
        for part in parts:
            by_domain: dict[str, list[NodeName]] = {}
            silent: list[NodeName] = []
            for node in part:
                name = domains.get((node, level))
                if name is None:
                    silent.append(node)
                else:
                    by_domain.setdefault(name, []).append(node)
            if len(by_domain) == 1:
                (only,) = by_domain
                follows = [node for node in silent if not any((node, each) in domains for each in between)]
                domains.update(((node, level), DomainName(only)) for node in follows)
                by_domain[only] += follows
                silent = [node for node in silent if (node, level) not in domains]
            further += [by_domain[name] for name in sorted(by_domain)] + ([silent] if silent else [])
        parts = further
    return parts


def _most_used(labels: Counter[str]) -> str:
    return min(labels, key=lambda label: (-labels[label], label))
