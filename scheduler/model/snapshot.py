"""
All that one cycle may know, frozen.

The cache builds it, the engine reads it, `tutti snapshot` saves it and `tutti decide` reads it back. Mappings are never changed after the
snapshot was handed out: their owner replaces values instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from scheduler.model.facts import NO_EVIDENCE, Evidence
from scheduler.model.ids import GroupKey, NodeName, PodUid, QueueName
from scheduler.model.neighbours import Resident
from scheduler.model.nodes import Node
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import HostPort, Pod
from scheduler.model.queues import Queue
from scheduler.model.reservations import Reservation
from scheduler.model.resources import NOTHING, Resources
from scheduler.model.volumes import NO_STORAGE, ClaimKey, Storage


@dataclass(frozen=True, slots=True)
class NodeState:
    """
    A node and what pods seen on it occupy: the requests and host ports of every non-terminal pod with this nodeName,
    also while it terminates, whoever scheduled it. `residents`: the same pods as others' rules see them, in no particular order. `claims`:
    the volume claims that they use, each once, in order.
    """

    node: Node
    requested: Resources = NOTHING
    host_ports: tuple[HostPort, ...] = ()
    residents: tuple[Resident, ...] = ()
    claims: tuple[ClaimKey, ...] = ()

    @property
    def free(self) -> Resources:
        """What is left; negative where the node is overcommitted."""
        return self.node.allocatable - self.requested


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    One moment of the cluster.

    `groups` also holds a group of one for each pod of ours that names none. `members` holds the pods of ours by group, ended ones included,
    ordered by (created_at, key, uid); a group name without a PodGroup has members here and no entry in `groups`.
    `reservations` are attempts decided but not yet seen complete; the engine counts a slot unless its pod is seen bound.
    `refused` holds, per pod, nodes that kube-scheduler did not offer for it (extender mode); constraints, not wishes.
    `namespaces` holds the labels of each namespace, which rules about other pods may select by. `storage`: volumes and who claims them.
    """

    nodes: Mapping[NodeName, NodeState] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[GroupKey, PodGroup] = field(default_factory=lambda: MappingProxyType({}))
    members: Mapping[GroupKey, tuple[Pod, ...]] = field(default_factory=lambda: MappingProxyType({}))
    queues: Mapping[QueueName, Queue] = field(default_factory=lambda: MappingProxyType({}))
    evidence: Evidence = NO_EVIDENCE
    reservations: tuple[Reservation, ...] = ()
    refused: Mapping[PodUid, frozenset[NodeName]] = field(default_factory=lambda: MappingProxyType({}))
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    storage: Storage = NO_STORAGE
