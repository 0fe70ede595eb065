"""The graph that facts span: cluster, domains, nodes; each domain below the one that holds most of its nodes."""

from collections import Counter
from collections.abc import Iterable

import networkx as nx

from scheduler.model.facts import Evidence
from scheduler.model.ids import DomainName, LevelName, NodeName

ROOT = ("(cluster)", "")  # in brackets, which no level that users declare can carry

Vertex = tuple[str, str]  # (level, domain); nodes stand at the level "host"


def containment(evidence: Evidence, nodes: Iterable[NodeName], host: LevelName) -> "nx.DiGraph[Vertex]":
    """
    Return a tree with edges from container to contained.

    A domain whose nodes lie in several domains of the level above cannot be in one place of a tree; it is cut into one part per
    container, named ``domain`` for the largest part and ``domain@container`` for the others. Deterministic in the order of names.
    """
    graph: nx.DiGraph[Vertex] = nx.DiGraph()
    graph.add_node(ROOT)
    known: dict[NodeName, dict[LevelName, DomainName]] = {name: {} for name in sorted(nodes)}
    for fact in evidence.facts:
        if fact.node in known:
            known[fact.node][fact.level] = fact.domain
    levels = [level.name for level in evidence.levels if level.name != host]
    home: dict[NodeName, Vertex] = dict.fromkeys(known, ROOT)
    for level in levels:
        parts: Counter[tuple[DomainName, Vertex]] = Counter(
            (said[level], home[node]) for node, said in known.items() if level in said
        )
        names = _names(parts)
        for node, said in known.items():
            if level in said:
                below = home[node]
                vertex = (str(level), names[said[level], below])
                graph.add_edge(below, vertex)
                home[node] = vertex
    for node, below in home.items():
        graph.add_edge(below, (str(host), str(node)))
    if not nx.is_arborescence(graph) and len(graph) > 1:
        raise AssertionError("containment is not a tree")
    return graph


def _names(parts: Counter[tuple[DomainName, Vertex]]) -> dict[tuple[DomainName, Vertex], str]:
    names: dict[tuple[DomainName, Vertex], str] = {}
    seen: set[DomainName] = set()
    for (domain, below), _ in sorted(parts.items(), key=lambda part: (part[0][0], -part[1], part[0][1])):
        names[domain, below] = f"{domain}@{below[1]}" if domain in seen else str(domain)
        seen.add(domain)
    return names
