"""The tree by the plain rule: dictionaries and sets, one node at a time. What the flat tables are held against."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from scheduler.model.facts import Evidence
from scheduler.model.ids import NodeName
from scheduler.topology import DomainTree

Address = tuple[tuple[str, str], ...]


def tables(tree: DomainTree) -> dict[str, Any]:
    """Return all tables as values that compare."""
    return {
        "levels": tree.levels,
        "nodes": tree.nodes,
        "domains": tuple(tree.domains),
        "at_level": dict(tree.at_level),
        "path": tuple(tree.path),
        "index": dict(tree.index),
        "spans": (tree.starts.tolist(), tree.stops.tolist()),
        "layers": [
            (
                each.level,
                each.starts.tolist(),
                each.children.tolist(),
                each.positions.tolist(),
                each.of.tolist(),
            )
            for each in tree.layers
        ],
        "labels": dict(tree.labels),
    }


def addresses(evidence: Evidence, nodes: Iterable[NodeName]) -> dict[NodeName, Address]:
    """Return for each node the (level, domain) it is in, from the outside in, cut where a domain lies in several places."""
    said: dict[NodeName, dict[str, str]] = {name: {} for name in nodes}
    for fact in evidence.facts:
        if fact.node in said:
            said[fact.node][fact.level] = fact.domain
    found: dict[NodeName, Address] = dict.fromkeys(said, ())
    for level in evidence.levels:
        if level.name == "host":
            continue
        sizes = Counter(
            (known[level.name], found[name]) for name, known in said.items() if level.name in known
        )
        first: dict[str, Address] = {}
        for (domain, place), _ in sorted(
            sizes.items(),
            key=lambda each: (each[0][0], -each[1], each[0][1][-1][1] if each[0][1] else "", each[0][1]),
        ):
            first.setdefault(domain, place)
        for name, known in said.items():
            if level.name in known:
                domain, place = known[level.name], found[name]
                outer = place[-1][1] if place else ""
                called = domain if first[domain] == place else f"{domain}@{outer}"
                found[name] = (*place, (level.name, called))
    return found
