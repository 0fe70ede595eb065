"""
Everything that all sources have said so far, kept node by node, and settled when it is asked for.

A change costs the node it concerns; settling is a few passes over columns, whatever has changed. The same object is returned until
something that matters has changed, so that labels which carry no level cost nothing.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import TypeVar

from scheduler.model.facts import Conflict, Dispute, Evidence, Level
from scheduler.model.ids import NodeName
from scheduler.model.machines import DeviceSlice, Machine, NumaZone
from scheduler.model.nodes import Node
from scheduler.sources import coreweave, declared, gfd, insides, numa, resource_slices
from scheduler.sources.columns import Columns
from scheduler.sources.precedence import PRECEDENCE
from scheduler.sources.resource_slices import Listing
from scheduler.sources.settling import Settled, settled

_FABRIC = frozenset(carrier.key for carrier in PRECEDENCE if not carrier.is_label)


T = TypeVar("T")


class Findings:
    """What is known of nodes that exist, and of slices and zones that may be ahead of their node. Written by one owner."""

    def __init__(self) -> None:
        self._declared: tuple[Level, ...] = ()
        self._columns = Columns(PRECEDENCE)
        self._nodes: dict[NodeName, Node] = {}
        self._slices: dict[str, Listing] = {}
        self._by_node: dict[NodeName, dict[str, Listing]] = {}
        self._zones: dict[NodeName, tuple[NumaZone, ...]] = {}
        self._machines: dict[NodeName, Machine] = {}
        self._disputes: dict[NodeName, tuple[Conflict, ...]] = {}
        self._settled: Settled | None = None
        self._evidence: Evidence | None = None

    def declare(self, levels: tuple[Level, ...]) -> None:
        """Let these levels count alone; none lets all sources speak."""
        if levels != self._declared:
            self._declared = levels
            self._columns = Columns(declared.carriers(levels) if levels else PRECEDENCE)
            self._settled = self._evidence = None
            for node in self._nodes.values():
                self._read(node)

    def put_node(self, node: Node) -> None:
        """A node exists, in this state."""
        before = self._nodes.get(node.name)
        self._nodes[node.name] = node
        if before is None or before.labels != node.labels:
            self._read(node)

    def drop_node(self, name: NodeName) -> None:
        """A node no longer exists."""
        if self._nodes.pop(name, None) is not None:
            self._columns.drop(name)
            self._machines.pop(name, None)
            self._disputes.pop(name, None)
            self._settled = self._evidence = None

    def put_slice(self, of: DeviceSlice) -> None:
        """A driver lists these devices."""
        self.drop_slice(of.name, keep=of.node)
        found = resource_slices.listing(of, _FABRIC)
        self._slices[of.name] = found
        self._by_node.setdefault(NodeName(of.node), {})[of.name] = found
        self._reread(NodeName(of.node))

    def drop_slice(self, name: str, *, keep: str = "") -> None:
        """A driver lists this no longer; `keep` is a node that is read again anyway."""
        before = self._slices.pop(name, None)
        if before is None:
            return
        node = NodeName(before.node)
        self._by_node[node].pop(name, None)
        if not self._by_node[node]:
            del self._by_node[node]
        if before.node != keep:
            self._reread(node)

    def put_zones(self, node: NodeName, zones: tuple[NumaZone, ...]) -> None:
        """A node has these NUMA zones."""
        if self._zones.get(node) != zones:
            self._zones[node] = zones
            self._reread(node)

    def drop_zones(self, node: NodeName) -> None:
        """Nobody says any more which NUMA zones a node has."""
        if self._zones.pop(node, None) is not None:
            self._reread(node)

    def evidence(self) -> Evidence:
        """Return what is known now; the same object until it changes. Cost: O(nodes x levels) in a few passes over arrays."""
        if self._evidence is None:
            if self._settled is None:
                self._settled = settled(self._columns, self._declared)
            found = self._settled
            own = [each for name in sorted(self._disputes) for each in self._disputes[name]]
            self._evidence = Evidence(
                levels=found.levels,
                facts=found.facts,
                conflicts=(*found.conflicts, *own),
                unknowns=found.unknowns,
                machines=MappingProxyType(dict(self._machines)),
            )
        return self._evidence

    def _reread(self, name: NodeName) -> None:
        node = self._nodes.get(name)
        if node is not None:
            self._read(node)

    def _read(self, node: Node) -> None:
        """Take in all that is said of one node."""
        row, is_new = self._columns.row(node.name)
        labels = node.labels
        changed = is_new
        for column in self._columns.of_labels:
            value = labels.get(column.carrier.key, "")
            if value or not is_new:
                changed |= column.put(row, value)
        slices = self._by_node.get(node.name)
        listings = resource_slices.current(list(slices.values())) if slices else []
        said = resource_slices.said(listings) if listings else {}
        for column in self._columns.of_attributes:
            value = next(iter(said.get(column.carrier.key, ())), "")
            if value or not is_new:
                changed |= column.put(row, value)
        if changed:
            self._settled = self._evidence = None
        self._look_inside(node, listings, said)

    def _look_inside(self, node: Node, listings: Sequence[Listing], said: dict[str, list[str]]) -> None:
        labelled = gfd.machine(node.labels)
        listed = resource_slices.machine(listings)
        zoned = numa.machine(self._zones.get(node.name, ()))
        machine = insides.combined(labelled, listed, zoned, coreweave.cards(node.labels))
        disputes = (*self._two_values(node.name, said), *insides.miscounted(node.name, labelled, listed))
        if machine != self._machines.get(node.name) or disputes != self._disputes.get(node.name, ()):
            self._evidence = None
            _keep(self._machines, node.name, machine)
            _keep(self._disputes, node.name, disputes)

    def _two_values(self, node: NodeName, said: dict[str, list[str]]) -> list[Conflict]:
        return [
            Conflict(
                carrier.level, carrier.source, other, values[0], carrier.source, Dispute.TWO_VALUES, node
            )
            for column in self._columns.of_attributes
            for carrier in (column.carrier,)
            for values in (said.get(carrier.key, [""]),)
            for other in values[1:]
        ]


def _keep(kept: dict[NodeName, T], node: NodeName, value: T | None) -> None:
    """Write what is known of a node, or forget it where it is nothing."""
    if value:
        kept[node] = value
    else:
        kept.pop(node, None)
