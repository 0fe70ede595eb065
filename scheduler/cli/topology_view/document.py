"""A topology as plain values: levels, domains, what is free in each, and on what they rest, with what is disputed and what is not known."""

from collections import Counter
from typing import Any, Final

import numpy as np

from scheduler.model.facts import Conflict, Unknown
from scheduler.model.ids import LevelName, NodeName
from scheduler.model.snapshot import Snapshot
from scheduler.topology import CLUSTER, HOST, DomainTree, Numbers, compile_tree, network
from scheduler.topology.graph import Link, Vertex, containers, contents

PLAIN: Final = frozenset({"cpu", "memory", "ephemeral-storage", "pods"})


def as_document(snapshot: Snapshot, tree: DomainTree | None = None) -> dict[str, Any]:
    """Return levels and domains as plain values, outermost first. Amounts are of the resource that most nodes offer as devices."""
    tree = tree or compile_tree(snapshot.evidence, snapshot.nodes)
    resource = devices(snapshot)
    free, total = amounts(snapshot, tree, resource)
    return {
        "levels": as_levels(snapshot, tree),
        "conflicts": [_conflict(each) for each in snapshot.evidence.conflicts],
        "unknown": [_unknown(each) for each in snapshot.evidence.unknowns],
        "domains": [
            {
                "level": word(domain.level),
                "name": str(domain.name),
                "parent": domain.parent if domain.parent >= 0 else None,
                "nodes": domain.stop - domain.start,
                "resource": resource,
                "free": int(free[domain.stop] - free[domain.start]),
                "allocatable": int(total[domain.stop] - total[domain.start]),
            }
            for domain in tree.domains
        ],
    }


def as_levels(snapshot: Snapshot, tree: DomainTree) -> list[dict[str, Any]]:
    """Return the levels as plain values: how many domains there are, and how many nodes each source speaks of."""
    sources = _sources(snapshot)
    labels = {level: label for label, level in tree.labels.items()}
    return [
        {
            "name": word(level),
            "nodeLabel": labels.get(level),
            "domains": len(tree.at_level.get(level, ())),
            "evidence": dict(sorted(sources.get(level, {}).items())),
        }
        for level in tree.levels
    ]


def word(level: LevelName) -> str:
    """Return what people call a level."""
    return "cluster" if level == CLUSTER else str(level)


def devices(snapshot: Snapshot) -> str:
    """Return the extended resource that most nodes have; pods where there is none."""
    found = Counter(
        name for state in snapshot.nodes.values() for name in state.node.allocatable if name not in PLAIN
    )
    return max(sorted(found), key=lambda name: found[name]) if found else "pods"


def amounts(snapshot: Snapshot, tree: DomainTree, resource: str) -> tuple[Numbers, Numbers]:
    """Return what nodes have free and in all, as running sums in the order of the tree, [nodes + 1]."""
    states = [snapshot.nodes[name] for name in tree.nodes]
    free = [max(0, state.node.allocatable[resource] - state.requested[resource]) for state in states]
    total = [state.node.allocatable[resource] for state in states]
    return np.cumsum([0, *free]), np.cumsum([0, *total])


def inside(snapshot: Snapshot, tree: DomainTree, name: NodeName) -> dict[str, Any]:
    """Return one host as plain values: where it is, what is in it, and its links with their speed in Gbit/s."""
    graph = network(snapshot.evidence, tree, [name])
    host: Vertex = (str(HOST), str(name))
    machine = snapshot.evidence.machines.get(name)
    offered = snapshot.nodes[name].node.allocatable
    zones = {zone.number: dict(zone.distances) for zone in machine.zones} if machine is not None else {}

    def part(vertex: Vertex) -> dict[str, Any]:
        links = [
            {"kind": str(data["kind"]), "to": f"{to[0]} {to[1]}", "gbps": data["gbps"]}
            for _, to, data in graph.out_edges(vertex, data=True)
            if data["kind"] is not Link.CONTAINS
        ]
        return {
            "kind": vertex[0],
            "name": vertex[1].removeprefix(f"{name}/"),
            **{key: value for key, value in graph.nodes[vertex].items() if value},
            **({"links": links} if links else {}),
            **(
                {"parts": [part(each) for each in contents(graph, vertex)]} if contents(graph, vertex) else {}
            ),
        }

    return {
        "where": [{"level": word(LevelName(k)), "name": n} for k, n in containers(graph, host)[1:]],
        "sources": list(machine.sources) if machine is not None else [],
        "numaDistances": zones,
        "offers": {key: amount for key, amount in offered.items() if key not in PLAIN},
        **part(host),
    }


def _sources(snapshot: Snapshot) -> dict[LevelName, Counter[str]]:
    homes = snapshot.evidence.homes
    found: dict[LevelName, Counter[str]] = {}
    for level, row in zip(homes.levels, homes.said_by, strict=True):
        counts = np.bincount(row[row >= 0], minlength=len(homes.sources)).tolist()
        found[level] = Counter({homes.sources[n]: count for n, count in enumerate(counts) if count})
    return found


def _conflict(each: Conflict) -> dict[str, Any]:
    return {
        "level": str(each.level),
        "node": each.node,
        "source": each.source,
        "value": each.value,
        "kept": each.kept,
        "keptSource": each.kept_source,
        "why": each.why.value,
    }


def _unknown(each: Unknown) -> dict[str, Any]:
    return {
        "level": str(each.level),
        "why": each.why.value,
        "source": each.source or None,
        "nodes": [str(name) for name in each.nodes],
    }
