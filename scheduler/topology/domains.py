"""The tree of domains as flat tables."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from scheduler.model.facts import HOST_LEVEL, Evidence
from scheduler.model.homes import NOWHERE, Homes
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.topology.containers import Containers, Numbers, containers_of
from scheduler.topology.layers import Layer, stacked

CLUSTER: Final = LevelName("(cluster)")  # in brackets, which no level that users declare can carry
HOST: Final = HOST_LEVEL


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
class Domains(Sequence[Domain]):
    """
    All domains, each container in front of what it contains: child containers by level and name, then hosts of its own by name.

    Columns of one entry per domain, but `containers`, the names of those that are no hosts, in order. A `Domain` is made when asked for.
    """

    level_names: tuple[LevelName, ...]
    hosts: tuple[NodeName, ...]
    containers: tuple[str, ...]
    levels: Numbers
    starts: Numbers
    stops: Numbers
    depths: Numbers
    parents: Numbers

    @overload
    def __getitem__(self, place: int) -> Domain: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Domain]: ...
    def __getitem__(self, place: int | slice) -> Domain | Sequence[Domain]:
        if isinstance(place, slice):
            return tuple(self._domain(position) for position in range(*place.indices(len(self))))
        position = place + len(self) if place < 0 else place
        if not 0 <= position < len(self):
            raise IndexError(place)
        return self._domain(position)

    def __len__(self) -> int:
        return len(self.levels)

    def __iter__(self) -> Iterator[Domain]:
        return map(self._domain, range(len(self)))

    def titles(self) -> list[tuple[LevelName, DomainName]]:
        """Return level and name of every domain, cheaper than the domains themselves."""
        columns = zip(self.levels.tolist(), self.starts.tolist(), strict=True)
        return [
            (
                self.level_names[level],
                DomainName(
                    self.hosts[start]
                    if level == len(self.level_names) - 1
                    else self.containers[position - start]
                ),
            )
            for position, (level, start) in enumerate(columns)
        ]

    def _domain(self, position: int) -> Domain:
        start = int(self.starts[position])
        level = self.level_names[self.levels[position]]
        name = self.hosts[start] if level == HOST else self.containers[position - start]
        first, last = self._children.starts[position : position + 2]
        return Domain(
            level=level,
            name=DomainName(name),
            start=start,
            stop=int(self.stops[position]),
            depth=int(self.depths[position]),
            parent=int(self.parents[position]),
            children=tuple(self._children.positions[first:last].tolist()),
        )

    @cached_property
    def _children(self) -> "_Children":
        order = np.argsort(self.parents, kind="stable")[1:]
        counts = np.bincount(self.parents[order], minlength=len(self))
        return _Children(np.concatenate(([0], np.cumsum(counts))), order)


@dataclass(frozen=True, eq=False, slots=True)
class _Children:
    """The children of domain i are ``positions[starts[i]:starts[i + 1]]``."""

    starts: Numbers
    positions: Numbers


@dataclass(frozen=True, eq=False)
class Paths(Sequence[tuple[int, ...]]):
    """For each node the positions of its domains, outermost first, from the cluster to its host."""

    hosts: Numbers
    parents: Numbers

    @overload
    def __getitem__(self, place: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[tuple[int, ...]]: ...
    def __getitem__(self, place: int | slice) -> tuple[int, ...] | Sequence[tuple[int, ...]]:
        if isinstance(place, slice):
            return tuple(self._path(int(host)) for host in self.hosts[place])
        return self._path(int(self.hosts[place]))

    def __len__(self) -> int:
        return len(self.hosts)

    def _path(self, position: int) -> tuple[int, ...]:
        path = []
        while position >= 0:
            path.append(position)
            position = int(self.parents[position])
        return tuple(reversed(path))


@dataclass(frozen=True, eq=False)
class Index(Mapping[NodeName, int]):
    """The number of each node: `places` by number in the homes, whose own numbers are `rows`. Not a dict, which is slow to make anew."""

    rows: Mapping[NodeName, int]
    places: list[int]

    def __getitem__(self, name: NodeName) -> int:
        return self.places[self.rows[name]]

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[NodeName]:
        return iter(self.rows)


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
    domains: Domains
    at_level: Mapping[LevelName, tuple[int, ...]]
    path: Sequence[tuple[int, ...]]
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
    Compile what is known of these nodes. Cost: O(nodes x levels), a few passes over arrays; done once per `Evidence` object.

    Equal evidence gives equal tables, in whatever order nodes and facts were learnt.
    """
    homes = evidence.homes.of(nodes if isinstance(nodes, Set) else frozenset(nodes))
    found = containers_of(homes)
    order = _Order.of(homes, found)
    hosts = tuple(np.array(homes.nodes, dtype=object)[order.nodes].tolist())
    used = [depth for depth in range(len(homes.levels)) if (found.depth_of == depth).any()]
    levels = (CLUSTER, *(homes.levels[depth] for depth in used), HOST)
    domains = _domains(levels, used, hosts, found, order)
    at_level = {
        level: tuple(np.flatnonzero(domains.levels == number).tolist()) for number, level in enumerate(levels)
    }
    host_positions = np.flatnonzero(domains.levels == len(levels) - 1) if hosts else np.zeros(0, np.int64)
    return DomainTree(
        levels=levels,
        nodes=hosts,
        domains=domains,
        at_level=MappingProxyType({level: places for level, places in at_level.items() if places}),
        path=Paths(host_positions, domains.parents),
        index=Index(homes.rows, _inverse(order.nodes).tolist()),
        starts=domains.starts,
        stops=domains.stops,
        layers=stacked(levels, _table(used, found, order, host_positions)),
        labels=MappingProxyType(
            {level.node_label: level.name for level in evidence.levels if level.node_label}
        ),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Order:
    """
    Where everything stands. `nodes` [N]: numbers of the homes in order of their path. `containers` [C]: numbers in order.

    `starts`, `stops` [C]: spans of nodes, by number. `positions` [C]: places among all domains, by number. `depths` [C].
    """

    nodes: Numbers
    containers: Numbers
    starts: Numbers
    stops: Numbers
    positions: Numbers
    depths: Numbers

    @staticmethod
    def of(homes: Homes, found: Containers) -> "_Order":
        count = len(found.names)
        ranks = np.empty(count, dtype=np.int64)
        for numbers in np.split(np.arange(count), np.flatnonzero(np.diff(found.depth_of)) + 1):
            by_name = sorted(numbers.tolist(), key=found.names.__getitem__)  # containers stand level by level
            ranks[by_name] = numbers
        depths, paths = _paths(found, ranks)
        before = np.lexsort(paths.T[::-1])  # an absent step is -1: a container comes before what is in it
        after = np.lexsort(np.where(paths < 0, count, paths).T[::-1])
        place_after = _inverse(after)
        inside = np.ones(count, dtype=np.int64)
        for depth in range(len(homes.levels) - 1, -1, -1):
            numbers = np.flatnonzero(found.depth_of == depth)
            np.add.at(inside, found.above[numbers], inside[numbers])
        ends = np.cumsum(np.bincount(place_after[found.home], minlength=count))
        begins = np.concatenate(([0], ends))
        starts, stops = begins[place_after - inside + 1], ends[place_after]
        positions = np.empty(count, dtype=np.int64)
        positions[before] = np.arange(count) + starts[before]
        nodes = np.argsort(place_after[found.home], kind="stable")  # the homes hold nodes by name
        return _Order(nodes, before, starts, stops, positions, depths)


def _inverse(order: Numbers) -> Numbers:
    """Return the place of each number in an order."""
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    return places


def _paths(found: Containers, ranks: Numbers) -> tuple[Numbers, Numbers]:
    """Return the depth of each container, and the ranks of those it lies in and its own, from the outside in, filled up with -1."""
    depths = np.zeros(len(ranks), dtype=np.int64)
    levels = len(found.at)
    paths = np.full((len(ranks), levels + 1), -1, dtype=np.int64)
    paths[0, 0] = ranks[0]
    for depth in range(levels):
        numbers = np.flatnonzero(found.depth_of == depth)
        outer = found.above[numbers]
        depths[numbers] = depths[outer] + 1
        paths[numbers] = paths[outer]
        paths[numbers, depths[numbers]] = ranks[numbers]
    return depths, paths


def _domains(
    levels: tuple[LevelName, ...],
    used: list[int],
    hosts: tuple[NodeName, ...],
    found: Containers,
    order: _Order,
) -> Domains:
    total = len(hosts) + len(found.names)
    is_host = np.ones(total, dtype=bool)
    is_host[order.positions] = False
    places = np.flatnonzero(is_host)
    home = found.home[order.nodes]
    number_of = np.array([0, *(used.index(d) + 1 if d in used else 0 for d in range(len(found.at)))])

    def columns(of_hosts: Numbers | int, of_containers: Numbers) -> Numbers:
        column = np.empty(total, dtype=np.int64)
        column[places], column[order.positions] = of_hosts, of_containers
        return column

    above = np.where(found.above < 0, NOWHERE, order.positions[found.above])
    return Domains(
        level_names=levels,
        hosts=hosts,
        containers=tuple(found.names[number] for number in order.containers.tolist()),
        levels=columns(len(levels) - 1, number_of[found.depth_of + 1]),
        starts=columns(np.arange(len(hosts)), order.starts),
        stops=columns(np.arange(1, len(hosts) + 1), order.stops),
        depths=columns(order.depths[home] + 1, order.depths),
        parents=columns(order.positions[home], above),
    )


def _table(used: list[int], found: Containers, order: _Order, hosts: Numbers) -> Numbers:
    """Return the domain that stands for each node on each level, [levels, nodes]: where one is not known, the next further in."""
    table = np.empty((len(used) + 2, len(order.nodes)), dtype=np.int64)
    table[-1], table[0] = hosts, order.positions[0]
    for row in range(len(used), 0, -1):
        at = found.at[used[row - 1]][order.nodes]
        table[row] = np.where(at == NOWHERE, table[row + 1], order.positions[at])
    return table
