"""The tree of domains as flat tables."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from scheduler.model.facts import Evidence
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.topology.graph import ROOT, Vertex, containment
from scheduler.topology.layers import Layer, layers_of

CLUSTER: Final = LevelName(ROOT[0])
HOST: Final = LevelName("host")


@dataclass(frozen=True, slots=True)
class Domain:
    """
    One domain: its nodes are ``tree.nodes[start:stop]``; `children` and `parent` are positions in ``tree.domains`` (-1: none).

    A host has no children and one node. `depth` counts from the cluster, which is 0.
    """

    level: LevelName
    name: DomainName
    start: int
    stop: int
    depth: int
    parent: int
    children: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class DomainTree:
    """
    Every domain, outermost first, and every node in order of its path.

    `levels` run from the cluster to the host. `labels` maps a node label to the level it carries. `path[i]` holds, for node i, the
    position of its domain at each depth it has one. `starts` and `stops` repeat the spans of `domains` as arrays, for prefix sums.
    `layers` hold the same with every level present everywhere, one per entry of `levels`. Compared by identity.
    """

    levels: tuple[LevelName, ...]
    nodes: tuple[NodeName, ...]
    domains: tuple[Domain, ...]
    at_level: Mapping[LevelName, tuple[int, ...]]
    path: tuple[tuple[int, ...], ...]
    index: Mapping[NodeName, int]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    layers: tuple[Layer, ...]
    labels: Mapping[str, LevelName] = field(default_factory=lambda: MappingProxyType({}))

    def level_of(self, name: str) -> LevelName | None:
        """Return the level that a user means by a level's name or by the node label that carries it; None when no node has it."""
        level = self.labels.get(name, LevelName(name))
        return level if level in self.at_level else None

    def layer(self, level: LevelName) -> Layer:
        """Return the layer of one of `levels`."""
        return self.layers[self.levels.index(level)]

    def domain_of(self, node: int, level: LevelName) -> int:
        """
        Return the position of the domain of this level that node number `node` is in.

        Where the level is not known of a node, the outermost domain further in stands for it, at last its own host.
        """
        layer = self.layer(level)
        return int(layer.positions[layer.of[node]])

    def innermost_of(self, nodes: Collection[int]) -> int:
        """Return the position of the innermost domain that holds all these nodes; 0, the cluster, for none."""
        if not nodes:
            return 0
        first, last = self.path[min(nodes)], self.path[max(nodes)]
        return max(position for position in first if position in last)


def compile_tree(evidence: Evidence, nodes: Iterable[NodeName]) -> DomainTree:
    """
    Compile facts about these nodes. Cost: O(nodes x levels), some 10 ms per 1,000 nodes; done once per `Evidence` object.

    Raises: AssertionError when containment is not a tree, which `graph.containment` rules out.
    """
    graph = containment(evidence, nodes, HOST)
    order = list(nx.dfs_preorder_nodes(graph, ROOT, sort_neighbors=sorted))
    position = {vertex: number for number, vertex in enumerate(order)}
    hosts = [vertex for vertex in order if vertex[0] == HOST]
    place = {vertex: number for number, vertex in enumerate(hosts)}
    domains = _domains(graph, order, position, place)
    levels = (
        CLUSTER,
        *(lv.name for lv in evidence.levels if lv.name != HOST and _is_used(lv.name, order)),
        HOST,
    )
    at_level = {
        level: tuple(i for i, domain in enumerate(domains) if domain.level == level) for level in levels
    }
    path = tuple(_path(domains, position[host]) for host in hosts)
    return DomainTree(
        levels=levels,
        nodes=tuple(NodeName(name) for _, name in hosts),
        domains=domains,
        at_level=MappingProxyType({level: found for level, found in at_level.items() if found}),
        path=path,
        index=MappingProxyType({NodeName(host[1]): place[host] for host in hosts}),
        starts=np.array([domain.start for domain in domains], dtype=np.int64),
        stops=np.array([domain.stop for domain in domains], dtype=np.int64),
        layers=layers_of(levels, [domain.level for domain in domains], path),
        labels=MappingProxyType(
            {level.node_label: level.name for level in evidence.levels if level.node_label}
        ),
    )


def _domains(
    graph: "nx.DiGraph[Vertex]", order: list[Vertex], position: dict[Vertex, int], place: dict[Vertex, int]
) -> tuple[Domain, ...]:
    spans: dict[Vertex, tuple[int, int]] = {}
    for vertex in reversed(order):
        below = sorted(graph.successors(vertex))
        if below:
            spans[vertex] = (min(spans[child][0] for child in below), max(spans[child][1] for child in below))
        elif vertex in place:
            spans[vertex] = (place[vertex], place[vertex] + 1)
        else:
            spans[vertex] = (0, 0)  # a cluster without nodes
    parent = {child: vertex for vertex, child in graph.edges}
    depth: dict[Vertex, int] = {}
    domains = []
    for vertex in order:
        above = parent.get(vertex)
        depth[vertex] = depth[above] + 1 if above is not None else 0
        domains.append(
            Domain(
                level=LevelName(vertex[0]),
                name=DomainName(vertex[1]),
                start=spans[vertex][0],
                stop=spans[vertex][1],
                depth=depth[vertex],
                parent=position[above] if above is not None else -1,
                children=tuple(position[child] for child in sorted(graph.successors(vertex))),
            )
        )
    return tuple(domains)


def _is_used(level: LevelName, order: list[Vertex]) -> bool:
    return any(vertex[0] == level for vertex in order)


def _path(domains: tuple[Domain, ...], position: int) -> tuple[int, ...]:
    path = []
    while position >= 0:
        path.append(position)
        position = domains[position].parent
    return tuple(reversed(path))
