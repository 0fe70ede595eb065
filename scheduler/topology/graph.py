"""
Everything that is known of the network as one graph: domains, hosts, and what is inside of hosts, with links of kind and speed.

A vertex is (kind, name); a name below the host carries the host's in front. Containment is a tree of ``contains`` edges from the cluster to
devices, the same tree as that of `domains`, and beside it stand the links: GPUs to the NVLink domain they share, cards to the leaf switch
they are connected to. Nothing is made up: a link is there only where a source names both ends, and has a speed only where one is known.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import networkx as nx

from scheduler.model.facts import Evidence
from scheduler.model.ids import LevelName, NodeName
from scheduler.model.machines import Device, DeviceKind, Machine
from scheduler.topology.domains import CLUSTER, HOST, DomainTree
from scheduler.topology.links import nvlink_gbps

NVLINK: Final = LevelName("nvlink")
PARTITION: Final = LevelName("clique")
NUMA: Final = "numa"
PCIE: Final = "pcie"
SWITCH: Final = "switch"

Vertex = tuple[str, str]


class Link(StrEnum):
    """What an edge is; the attribute ``kind``. Beside it stands ``gbps`` in Gbit/s, or None."""

    CONTAINS = "contains"
    NVLINK = "nvlink"
    NETWORK = "network"


def network(evidence: Evidence, tree: DomainTree, inside: Iterable[NodeName] = ()) -> "nx.DiGraph[Vertex]":
    """
    Return the graph of the tree, and of the inside of these hosts as far as it is known.

    A host carries ``model``, ``gpus`` and ``speed``, what its cards bring together in Gbit/s, where known. Cost: O(domains + devices); some
    25 vertices for a host of 8 GPUs, so name the hosts that somebody looks at.
    """
    graph: nx.DiGraph[Vertex] = nx.DiGraph()
    vertices = vertices_of(tree)
    graph.add_node(vertices[0])
    above = tree.domains.parents[1:].tolist()
    graph.add_edges_from(
        (vertices[parent], vertex, {"kind": Link.CONTAINS, "gbps": None})
        for parent, vertex in zip(above, vertices[1:], strict=True)
    )
    for name, machine in evidence.machines.items():
        if (HOST, name) in graph:
            cards = [each.gbps for each in machine.devices if each.kind is DeviceKind.NIC]
            speed = sum(each for each in cards if each is not None) if None not in cards else 0
            graph.add_node((HOST, name), model=machine.model, gpus=machine.gpus, speed=speed or None)
    for name in sorted(set(inside)):
        machine_inside = evidence.machines.get(name)
        if machine_inside is not None and name in tree.index:
            _add_inside(graph, name, machine_inside, _shared_nvlink(tree, vertices, name))
    return graph


def vertices_of(tree: DomainTree) -> list[Vertex]:
    """Return the vertex of every domain of the tree, by position. Equal names of one level are told apart by their place."""
    seen: set[Vertex] = set()
    vertices: list[Vertex] = []
    for level, name in tree.domains.titles():
        vertex: Vertex = (level, name) if (level, name) not in seen else (level, f"{name}#{len(vertices)}")
        seen.add(vertex)
        vertices.append(vertex)
    return vertices


def containers(graph: "nx.DiGraph[Vertex]", vertex: Vertex) -> list[Vertex]:
    """Return what a vertex is in, from the cluster to its own container."""
    found: list[Vertex] = []
    while True:
        above = [v for v, _, link in graph.in_edges(vertex, data=True) if link["kind"] is Link.CONTAINS]
        if not above:
            return found[::-1]
        vertex = above[0]
        found.append(vertex)


def contents(graph: "nx.DiGraph[Vertex]", vertex: Vertex) -> list[Vertex]:
    """Return what lies directly in a vertex, in the order in which it was made."""
    return [v for _, v, link in graph.out_edges(vertex, data=True) if link["kind"] is Link.CONTAINS]


def _shared_nvlink(tree: DomainTree, vertices: list[Vertex], name: NodeName) -> Vertex | None:
    """Return the innermost NVLink domain of several nodes that a host is in."""
    path = tree.path[tree.index[name]]
    return next(
        (
            vertices[position]
            for position in reversed(path)
            if tree.domains[position].level in {NVLINK, PARTITION}
        ),
        None,
    )


def _add_inside(graph: "nx.DiGraph[Vertex]", name: NodeName, machine: Machine, shared: Vertex | None) -> None:
    host = (str(HOST), str(name))
    for zone in machine.zones:
        graph.add_edge(host, (NUMA, f"{name}/{zone.number}"), kind=Link.CONTAINS, gbps=None)
    for device in machine.devices:
        place = _place(graph, host, device)
        vertex = (str(device.kind), f"{name}/{device.name}")
        graph.add_node(vertex, model=device.model)
        graph.add_edge(place, vertex, kind=Link.CONTAINS, gbps=None)
        if device.kind is DeviceKind.GPU:
            speed = nvlink_gbps(device.model or machine.model)
            if speed is not None or shared is not None:
                graph.add_edge(vertex, shared or (str(NVLINK), str(name)), kind=Link.NVLINK, gbps=speed)
        elif device.leaf:
            graph.add_edge(vertex, (SWITCH, device.leaf), kind=Link.NETWORK, gbps=device.gbps)


def _place(graph: "nx.DiGraph[Vertex]", host: Vertex, device: Device) -> Vertex:
    """Return where a device hangs, its NUMA zone and PCIe root made where they are not there yet."""
    place = host
    if device.numa is not None:
        zone = (NUMA, f"{host[1]}/{device.numa}")
        if zone not in graph:
            graph.add_edge(host, zone, kind=Link.CONTAINS, gbps=None)
        place = zone
    if device.pcie_root:
        root = (PCIE, f"{host[1]}/{device.pcie_root}")
        if root not in graph:
            graph.add_edge(place, root, kind=Link.CONTAINS, gbps=None)
        place = root
    return place


def is_tree(graph: "nx.DiGraph[Vertex]") -> bool:
    """Whether containment is a tree from the cluster down, which it always should be."""
    edges = [(a, b) for a, b, link in graph.edges(data=True) if link["kind"] is Link.CONTAINS]
    tree: nx.DiGraph[Vertex] = nx.DiGraph(edges)
    tree.add_node((str(CLUSTER), ""))
    return bool(nx.is_arborescence(tree))
