"""
Changes to what is around a gang, as values: what other groups hold, and the nodes.

As in `edits`: each gives another snapshot, and one that names what does not exist changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeVar

from scheduler.explain.edits import is_cordon
from scheduler.model.facts import HOST_LEVEL
from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.nodes import Node, Taint
from scheduler.model.pods import HostPort, Pod
from scheduler.model.resources import NOTHING, Resources
from scheduler.model.snapshot import NodeState, Snapshot

HOSTNAME: Final = "kubernetes.io/hostname"

Key = TypeVar("Key")
Value = TypeVar("Value")


# --- what others hold -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Running pods use nothing of this resource."""

    resource: str

    def on(self, snapshot: Snapshot) -> Snapshot:
        rest: dict[Resources, Resources] = {}  # few nodes are used in a way of their own

        def freed(state: NodeState) -> NodeState:
            used = state.requested
            if self.resource not in used:
                return state
            if used not in rest:
                rest[used] = Resources({name: n for name, n in used.items() if name != self.resource})
            return replace(state, requested=rest[used])

        return replace(snapshot, nodes={name: freed(state) for name, state in snapshot.nodes.items()})


@dataclass(frozen=True, slots=True)
class PortsGivenBack:
    """Running pods use no host port."""

    def on(self, snapshot: Snapshot) -> Snapshot:
        def freed(state: NodeState) -> NodeState:
            return replace(state, host_ports=()) if state.host_ports else state

        return replace(snapshot, nodes={name: freed(state) for name, state in snapshot.nodes.items()})


@dataclass(frozen=True, slots=True)
class Unreserved:
    """The attempts of these groups hold nothing."""

    keys: tuple[GroupKey, ...]

    def on(self, snapshot: Snapshot) -> Snapshot:
        gone = frozenset(self.keys)
        return replace(snapshot, reservations=tuple(r for r in snapshot.reservations if r.group not in gone))


@dataclass(frozen=True, slots=True)
class RemovedGroups:
    """These groups and their pods are gone, and with them what they held."""

    keys: tuple[GroupKey, ...]

    def on(self, snapshot: Snapshot) -> Snapshot:
        gone = frozenset(self.keys)
        held: dict[NodeName, list[Pod]] = {}
        for key in self.keys:
            for pod in snapshot.members.get(key, ()):
                if pod.node is not None and pod.node in snapshot.nodes and not pod.phase.is_terminal:
                    held.setdefault(pod.node, []).append(pod)
        nodes = dict(snapshot.nodes)
        for name, pods in held.items():
            nodes[name] = _without_pods(nodes[name], pods)
        return replace(
            Unreserved(self.keys).on(snapshot),
            nodes=nodes,
            groups={key: group for key, group in snapshot.groups.items() if key not in gone},
            members={key: pods for key, pods in snapshot.members.items() if key not in gone},
        )


@dataclass(frozen=True, slots=True)
class AllElseEnds:
    """Nothing runs or is being started but this group: the cluster is empty but for what is bound of it."""

    key: GroupKey

    def on(self, snapshot: Snapshot) -> Snapshot:
        own: dict[NodeName, list[Pod]] = {}
        for pod in snapshot.members.get(self.key, ()):
            if pod.node is not None and not pod.phase.is_terminal:
                own.setdefault(pod.node, []).append(pod)

        def emptied(state: NodeState) -> NodeState:
            pods = own.get(state.node.name)
            if pods:
                used = sum((pod.shape.requests for pod in pods), NOTHING)
                ports = tuple(port for pod in pods for port in pod.shape.host_ports)
                claims = tuple(sorted({key for pod in pods for key in pod.claim_keys}))
                return NodeState(state.node, used, ports, tuple(pod.as_resident() for pod in pods), claims)
            bare = NodeState(state.node)
            return bare if state != bare else state

        return replace(
            snapshot,
            nodes={name: emptied(state) for name, state in snapshot.nodes.items()},
            groups=_only(snapshot.groups, self.key),
            members=_only(snapshot.members, self.key),
            reservations=(),
        )


# --- nodes ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cordoned:
    """These nodes take no new pods."""

    nodes: tuple[NodeName, ...]

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _with_nodes(snapshot, self.nodes, lambda node: replace(node, unschedulable=True))


@dataclass(frozen=True, slots=True)
class Uncordoned:
    """These nodes take new pods again; Kubernetes then removes the taint that goes with a cordon."""

    nodes: tuple[NodeName, ...]

    def on(self, snapshot: Snapshot) -> Snapshot:
        def opened(node: Node) -> Node:
            taints = tuple(taint for taint in node.taints if not is_cordon(taint))
            return replace(node, unschedulable=False, taints=taints)

        return _with_nodes(snapshot, self.nodes, opened)


@dataclass(frozen=True, slots=True)
class Untainted:
    """These nodes do not carry this taint."""

    taint: Taint
    nodes: tuple[NodeName, ...]

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _with_nodes(
            snapshot,
            self.nodes,
            lambda node: replace(node, taints=tuple(t for t in node.taints if t != self.taint)),
        )


@dataclass(frozen=True, slots=True)
class MoreNodes:
    """There are `count` more nodes, empty, like the node `like` and at home where `beside` is."""

    count: int
    like: NodeName
    beside: NodeName

    def on(self, snapshot: Snapshot) -> Snapshot:
        model, neighbour = snapshot.nodes.get(self.like), snapshot.nodes.get(self.beside)
        if model is None or neighbour is None or self.count < 1:
            return snapshot
        names = _new_names(snapshot.nodes, self.like, self.count)
        levels = snapshot.evidence.levels
        homes = {level.node_label for level in levels if level.node_label and level.name != HOST_LEVEL}
        own = {HOSTNAME, *(level.node_label for level in levels if level.name == HOST_LEVEL)}
        labels = {label: value for label, value in model.node.labels.items() if label not in homes}
        labels |= {label: value for label, value in neighbour.node.labels.items() if label in homes}
        taints = tuple(taint for taint in model.node.taints if not is_cordon(taint))

        def made(name: NodeName) -> NodeState:
            named = {label: str(name) for label in labels if label in own}
            return NodeState(
                Node(name, model.node.allocatable, MappingProxyType({**labels, **named}), taints)
            )

        return replace(
            snapshot,
            nodes={**snapshot.nodes, **{name: made(name) for name in names}},
            evidence=snapshot.evidence.with_copies(self.beside, names),
        )


# --- inside ---------------------------------------------------------------------------------------------------------------


def _with_nodes(snapshot: Snapshot, names: Iterable[NodeName], change: Callable[[Node], Node]) -> Snapshot:
    nodes = dict(snapshot.nodes)
    for name in names:
        if name in nodes:
            nodes[name] = replace(nodes[name], node=change(nodes[name].node))
    return replace(snapshot, nodes=nodes)


def _without_pods(state: NodeState, pods: Iterable[Pod]) -> NodeState:
    """Return the node without what these pods occupy; never less than nothing, should the node not show all of it."""
    left, ports = dict(state.requested), list[HostPort](state.host_ports)
    residents = list(state.residents)
    for pod in pods:
        if pod.as_resident() in residents:
            residents.remove(pod.as_resident())
        for name, amount in pod.shape.requests.items():
            left[name] = max(0, left.get(name, 0) - amount)
        for port in pod.shape.host_ports:
            if port in ports:
                ports.remove(port)
    return NodeState(state.node, Resources(left), tuple(ports), tuple(residents))


def _new_names(known: Mapping[NodeName, object], like: NodeName, count: int) -> list[NodeName]:
    names: list[NodeName] = []
    number = 0
    while len(names) < count:
        number += 1
        name = NodeName(f"{like}+{number}")
        if name not in known:
            names.append(name)
    return names


def _only(table: Mapping[Key, Value], key: Key) -> dict[Key, Value]:
    return {key: table[key]} if key in table else {}
