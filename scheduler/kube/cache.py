"""
The cluster as last seen: one writer (`feed`), and frozen snapshots for whoever decides.

Theory of operation. Every fact is a frozen model value; a change replaces a value and marks what depends on it. What nodes have to give is
counted as pods come and go, for pods of every scheduler, also before the node itself is known: whichever list arrives first, no usage is
lost. A snapshot refreshes the marked groups and nodes and copies the maps, so its cost follows what changed.

The ledger: a reservation made here counts until the pod is seen bound or gone. It has no time to live, because a binding whose outcome is
unknown still occupies.

May not: translate objects (`ingest`), do I/O, be written from another thread.
Next: `scheduler.driver` drains changes, feeds the lifecycle and takes snapshots.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from scheduler.dialects.single import group_of_one
from scheduler.engine.feasibility import ports_clash, static_refusal
from scheduler.engine.mounts import lost_reach
from scheduler.kube.ledger import Ledger
from scheduler.kube.occupancy import Occupancy
from scheduler.kube.storage import StorageFacts
from scheduler.model.facts import Level
from scheduler.model.ids import GroupKey, NodeName, PodKey, PodUid, QueueName
from scheduler.model.machines import DeviceSlice, NumaZone
from scheduler.model.nodes import Node
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import Pod, PodShape
from scheduler.model.queues import Queue
from scheduler.model.reasons import Reason
from scheduler.model.reservations import Reservation
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.sources.findings import Findings

PREFERRED_TOPOLOGY = "default"


@dataclass(frozen=True, slots=True)
class Changes:
    """
    What has changed since the last drain. `capacity`: something that may let a waiting gang start.

    `everything`: look at all groups again, for instance after the first complete list.
    """

    groups: frozenset[GroupKey] = frozenset()
    capacity: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class SetAside:
    """An object that cannot be read, and why. It is not acted upon until it changes."""

    kind: str
    key: tuple[str, str]
    sentence: str


class Cache:
    """All facts. Written by one task of the event loop, read by any."""

    def __init__(self, *, scheduler_names: Iterable[str], clock: Callable[[], float]) -> None:
        self.scheduler_names = frozenset(scheduler_names)
        self.changed = asyncio.Event()
        self.revision = 0
        self.is_synced = False
        self._clock = clock
        self._occupancy = Occupancy()
        self._nodes: dict[NodeName, Node] = {}
        self._states: dict[NodeName, NodeState] = {}
        self._pods: dict[PodKey, Pod] = {}  # ours, and foreign ones that occupy a node
        self._own: set[PodUid] = set()
        self._by_group: dict[GroupKey, dict[PodUid, Pod]] = {}
        self._declared_groups: dict[GroupKey, PodGroup] = {}
        self._groups: dict[GroupKey, PodGroup] = {}  # with effective priority; groups of one included
        self._members: dict[GroupKey, tuple[Pod, ...]] = {}
        self._queues: dict[QueueName, Queue] = {}
        self._topologies: dict[str, tuple[Level, ...]] = {}
        self._priorities: dict[str, int] = {}
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._watchful: set[PodUid] = (
            set()
        )  # ours that wait and mind who is near: one more pod may let them start
        self._ledger = Ledger()
        self._refused: dict[PodUid, tuple[frozenset[NodeName], float]] = {}
        self._aside: dict[tuple[str, tuple[str, str]], SetAside] = {}
        self._findings = Findings()
        self.storage = StorageFacts(lambda: self._touch(capacity=True))
        self._stale_groups: set[GroupKey] = set()
        self._stale_nodes: set[NodeName] = set()
        self._changed_groups: set[GroupKey] = set()
        self._capacity_changed = False
        self._everything_changed = False
        self._snapshot: tuple[int, Snapshot] | None = None

    # --- reading ---------------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return the present state. The same object while nothing has changed."""
        self._expire_refusals()
        if self._snapshot is None or self._snapshot[0] != self.revision:
            self._refresh()
            snapshot = Snapshot(
                nodes=MappingProxyType(dict(self._states)),
                groups=MappingProxyType(dict(self._groups)),
                members=MappingProxyType(dict(self._members)),
                queues=MappingProxyType(dict(self._queues)),
                evidence=self._findings.evidence(),
                reservations=self._ledger.reservations(),
                refused=MappingProxyType({uid: nodes for uid, (nodes, _) in self._refused.items()}),
                namespaces=MappingProxyType(dict(self._namespaces)),
                storage=self.storage.frozen(),
            )
            self._snapshot = (self.revision, snapshot)
        return self._snapshot[1]

    def view(self, key: GroupKey) -> tuple[PodGroup | None, tuple[Pod, ...]]:
        """Return one group's object, if it exists, and its members, ended ones included."""
        if key in self._stale_groups:
            self._refresh_group(key)
            self._stale_groups.discard(key)
        return self._groups.get(key), self._members.get(key, ())

    def keys(self) -> tuple[GroupKey, ...]:
        """Return every group that has an object or members, in order."""
        return tuple(sorted(self._declared_groups.keys() | self._by_group.keys()))

    def pod(self, ref: PodKey) -> Pod | None:
        """Return the pod of ours with this address, or the projection of a foreign one that occupies a node."""
        return self._pods.get(ref)

    def knows(self, uid: PodUid) -> bool:
        """Whether this is a pod of ours that exists."""
        return uid in self._own

    def node(self, name: NodeName) -> NodeState | None:
        """Return a node and what occupies it."""
        self._refresh_nodes()
        return self._states.get(name)

    def declared_group(self, key: GroupKey) -> PodGroup | None:
        """Return the group's object as it was last seen, without what follows from other objects."""
        return self._declared_groups.get(key)

    @property
    def topology_in_use(self) -> str:
        """There is one hierarchy: that of the Topology named "default", else of the first by name; empty when none is declared."""
        return (
            PREFERRED_TOPOLOGY
            if PREFERRED_TOPOLOGY in self._topologies
            else min(self._topologies, default="")
        )

    @property
    def node_count(self) -> int:
        """How many nodes there are."""
        return len(self._nodes)

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """The objects that could not be read."""
        return tuple(self._aside[key] for key in sorted(self._aside))

    def unreadable(self, ref: PodKey) -> str:
        """Return why the pod with this address cannot be read; empty when it can, or is not there."""
        aside = self._aside.get(("pods", (ref.namespace, ref.name)))
        return aside.sentence if aside is not None else ""

    def drain(self) -> Changes:
        """Return what has changed since the last call, and forget it."""
        changes = Changes(frozenset(self._changed_groups), self._capacity_changed, self._everything_changed)
        if self._everything_changed:
            changes = replace(changes, groups=changes.groups | frozenset(self.keys()))
        self._changed_groups, self._capacity_changed, self._everything_changed = set(), False, False
        self.changed.clear()
        return changes

    # --- what the feed writes --------------------------------------------------------------------------------------------

    def mark_synced(self) -> None:
        """Every resource has been listed completely once."""
        self.is_synced = True
        self._everything_changed = True
        self._touch(capacity=True)

    def put_node(self, node: Node) -> None:
        """A node exists, in this state."""
        before = self._nodes.get(node.name)
        if before == node:
            return  # heartbeats change nothing that we read
        self._nodes[node.name] = node
        self._findings.put_node(node)
        self._stale_nodes.add(node.name)
        self._touch(capacity=True)

    def drop_node(self, name: NodeName) -> None:
        """A node no longer exists. What its pods occupy is remembered until they go."""
        if self._nodes.pop(name, None) is not None:
            self._findings.drop_node(name)
            self._stale_nodes.add(name)
            self._touch(capacity=True)

    def put_pod(self, pod: Pod) -> None:
        """A pod exists, in this state. Foreign pods that occupy nothing leave no trace."""
        before = self._pods.get(pod.key)
        if before is not None and before.uid != pod.uid:
            self.drop_pod(before.key, before.uid)
            before = None
        is_own = pod.group is not None and pod.scheduler_name in self.scheduler_names
        if is_own and pod.phase.is_terminal and pod.group is not None and pod.group.is_single_pod:
            is_own = False  # a gang of one that has ended is over; there may be very many of them
        freed = self._occupancy.put(pod)
        stale = self._occupancy.drain()
        self._stale_nodes.update(stale)
        freed = freed or bool(stale and self._watchful)
        if before is not None and before.group is not None and (before.group != pod.group or not is_own):
            self._leave(before)
        if is_own:
            self._join(pod)
        if is_own and not (pod.is_bound or pod.phase.is_terminal) and _minds_newcomers(pod.shape):
            self._watchful.add(pod.uid)
        else:
            self._watchful.discard(pod.uid)
        if pod.is_bound or pod.phase.is_terminal:
            slot = self._ledger.settle(pod.uid)
            freed = freed or (slot is not None and (slot.node != pod.node or pod.phase.is_terminal))
        if is_own or (pod.is_bound and not pod.phase.is_terminal):
            self._pods[pod.key] = pod
        else:
            self._pods.pop(pod.key, None)
        self._touch(capacity=freed)

    def drop_pod(self, key: PodKey, uid: PodUid) -> None:
        """The pod of this uid no longer exists."""
        pod = self._pods.get(key)
        if pod is None or pod.uid != uid:
            return
        del self._pods[key]
        self._watchful.discard(uid)
        freed = self._occupancy.drop(uid)
        self._stale_nodes.update(self._occupancy.drain())
        if uid in self._own:
            self._leave(pod)
        freed = self._ledger.settle(uid) is not None or freed
        self._refused.pop(uid, None)
        self._touch(capacity=freed)

    def put_group(self, group: PodGroup) -> None:
        """A pod group exists, in this state."""
        self._declared_groups[group.key] = group
        self._mark(group.key)

    def drop_group(self, key: GroupKey) -> None:
        """A pod group no longer exists; its members may."""
        if self._declared_groups.pop(key, None) is not None:
            self._mark(key)

    def put_queue(self, queue: Queue) -> None:
        """A queue exists, in this state."""
        if self._queues.get(queue.name) != queue:
            self._queues[queue.name] = queue
            self._touch(capacity=True)

    def drop_queue(self, name: QueueName) -> None:
        """A queue no longer exists."""
        if self._queues.pop(name, None) is not None:
            self._touch(capacity=True)

    def put_topology(self, name: str, levels: tuple[Level, ...]) -> None:
        """Levels are declared under this name."""
        if self._topologies.get(name) != levels:
            self._topologies[name] = levels
            self._declare()

    def drop_topology(self, name: str) -> None:
        """A declaration of levels no longer exists."""
        if self._topologies.pop(name, None) is not None:
            self._declare()

    def put_slice(self, of: DeviceSlice) -> None:
        """A driver lists these devices of a node."""
        self._findings.put_slice(of)
        self._touch(capacity=True)

    def drop_slice(self, name: str) -> None:
        """A driver lists these devices no longer."""
        self._findings.drop_slice(name)
        self._touch(capacity=True)

    def put_zones(self, node: NodeName, zones: tuple[NumaZone, ...]) -> None:
        """A node has these NUMA zones."""
        self._findings.put_zones(node, zones)
        self._touch()

    def drop_zones(self, node: NodeName) -> None:
        """It is not known any more which NUMA zones a node has."""
        self._findings.drop_zones(node)
        self._touch()

    def put_priority(self, name: str, value: int) -> None:
        """A priority class exists, with this value."""
        if self._priorities.get(name) != value:
            self._priorities[name] = value
            self._mark_users(name)

    def drop_priority(self, name: str) -> None:
        """A priority class no longer exists."""
        if self._priorities.pop(name, None) is not None:
            self._mark_users(name)

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """A namespace exists, with these labels."""
        before = self._namespaces.get(name)
        if before != labels:
            self._namespaces[name] = labels
            self._touch(capacity=bool(before or labels))

    def drop_namespace(self, name: str) -> None:
        """A namespace no longer exists."""
        if self._namespaces.pop(name, None) is not None:
            self._touch()

    def put_aside(self, kind: str, key: tuple[str, str], sentence: str) -> None:
        """This object cannot be read."""
        self._aside[kind, key] = SetAside(kind, key, sentence)

    def forget_aside(self, kind: str, key: tuple[str, str]) -> None:
        """This object can be read again, or is gone."""
        self._aside.pop((kind, key), None)

    # --- what the driver writes ------------------------------------------------------------------------------------------

    def reserve(self, reservation: Reservation) -> None:
        """Count these slots as taken. A member that already has a slot gets this one instead; one that is bound or gone gets none."""
        slots = [slot for slot in reservation.slots if self._is_unsettled(slot.uid, slot.pod)]
        self._ledger.hold(reservation.group, reservation.attempt, slots)
        self._touch()

    def release(self, key: GroupKey, uids: Iterable[PodUid]) -> None:
        """Give back the slots of these members."""
        if self._ledger.release(key, uids):
            self._touch(capacity=True)

    def refuse(self, uid: PodUid, nodes: frozenset[NodeName], until: float) -> None:
        """Do not plan this pod on these nodes before `until`, on the cache's clock."""
        already, end = self._refused.get(uid, (frozenset(), until))
        self._refused[uid] = (already | nodes, max(end, until))
        self._touch()

    def obstacle(self, uid: PodUid, node: NodeName) -> str:
        """
        Return why this member cannot be bound to the node it was planned on, as the node is now; empty when it can.

        The world moves on while a record is written or votes are awaited: the node may be gone, cordoned, tainted, relabelled or, with all
        that is planned on it, too full; a volume may be gone or out of reach. Cost: O(claims).
        """
        state = self.node(node)
        if state is None:
            return f"node {node} has gone"
        slot = self._ledger.slot_of(uid)
        if slot is None:
            return ""
        refusal = static_refusal(slot.shape, state.node)
        if refusal is not None:
            return f"node {node} is not what it was: {refusal}"
        if ports_clash(slot.shape.host_ports, state.host_ports):
            return f"node {node} has lost a host port to somebody else"
        lost = lost_reach(self.storage.frozen(), slot, state.node)
        if lost:
            return lost
        asked = state.requested + self._ledger.held_on(node)
        lacking = [name for name in slot.shape.requests if asked[name] > state.node.allocatable[name]]
        return f"node {node} has too little {', '.join(lacking)} left" if lacking else ""

    def forget_refusals(self, key: GroupKey) -> None:
        """Let every node be planned again for the members of this group."""
        for uid in self._by_group.get(key, {}):
            if self._refused.pop(uid, None) is not None:
                self._touch()

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _touch(self, *, capacity: bool = False) -> None:
        self.revision += 1
        self._capacity_changed = self._capacity_changed or capacity
        if capacity or self._changed_groups:
            self.changed.set()

    def _mark(self, key: GroupKey) -> None:
        self._stale_groups.add(key)
        self._changed_groups.add(key)
        self._touch()

    def _mark_users(self, priority_class: str) -> None:
        for key, group in self._declared_groups.items():
            if group.priority_class == priority_class:
                self._mark(key)
        self._touch(capacity=True)

    def _join(self, pod: Pod) -> None:
        if pod.group is not None:
            self._own.add(pod.uid)
            self._by_group.setdefault(pod.group, {})[pod.uid] = pod
            self._mark(pod.group)

    def _leave(self, pod: Pod) -> None:
        self._own.discard(pod.uid)
        if pod.group is None:
            return
        members = self._by_group.get(pod.group, {})
        members.pop(pod.uid, None)
        if not members:
            self._by_group.pop(pod.group, None)
        self._mark(pod.group)

    def _is_unsettled(self, uid: PodUid, key: PodKey) -> bool:
        pod = self._pods.get(key)
        return pod is not None and pod.uid == uid and not pod.is_bound and not pod.phase.is_terminal

    def _expire_refusals(self) -> None:
        now = self._clock()
        expired = [uid for uid, (_, until) in self._refused.items() if until <= now]
        for uid in expired:
            del self._refused[uid]
            self._touch()

    def _refresh(self) -> None:
        self._refresh_groups()
        self._refresh_nodes()

    def _refresh_groups(self) -> None:
        for key in sorted(self._stale_groups):
            self._refresh_group(key)
        self._stale_groups.clear()

    def _refresh_group(self, key: GroupKey) -> None:
        pods = self._by_group.get(key)
        if pods:
            self._members[key] = tuple(
                sorted(pods.values(), key=lambda pod: (pod.created_at, pod.key, pod.uid))
            )
        else:
            self._members.pop(key, None)
        group = self._effective(key, self._members.get(key, ()))
        if group is not None:
            self._groups[key] = group
        else:
            self._groups.pop(key, None)

    def _refresh_nodes(self) -> None:
        for name in sorted(self._stale_nodes):
            node = self._nodes.get(name)
            if node is not None:
                self._states[name] = NodeState(
                    node,
                    self._occupancy.requested(name),
                    self._occupancy.host_ports(name),
                    self._occupancy.residents(name),
                    self._occupancy.claims(name),
                )
            else:
                self._states.pop(name, None)
        self._stale_nodes.clear()

    def _effective(self, key: GroupKey, members: tuple[Pod, ...]) -> PodGroup | None:
        if key.is_single_pod:
            return group_of_one(members[0]) if members else None
        group = self._declared_groups.get(key)
        if group is None:
            return None
        if group.priority_class is None:
            return replace(group, priority=max((pod.priority for pod in members), default=0))
        value = self._priorities.get(group.priority_class)
        if value is not None:
            return replace(group, priority=value)
        if group.refusal:
            return replace(group, priority=0)
        missing = f"PriorityClass {group.priority_class} does not exist."
        return replace(group, priority=0, refusal=missing, refusal_reason=Reason.PRIORITY_CLASS_NOT_FOUND)

    def _declare(self) -> None:
        self._findings.declare(self._topologies.get(self.topology_in_use, ()))
        self._touch(capacity=True)


def _minds_newcomers(shape: PodShape) -> bool:
    """Whether a pod that comes to stand somewhere may open places for pods of this shape."""
    return bool(shape.rules is not None and shape.rules.affinity) or any(
        spread.is_required for spread in shape.spreads
    )
