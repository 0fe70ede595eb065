"""Pods, as far as a placement and a binding depend on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from scheduler.model.ids import GroupKey, NodeName, PodKey, PodUid
from scheduler.model.neighbours import PodRules, Resident, Spread
from scheduler.model.nodes import TaintEffect, no_labels
from scheduler.model.once import HashedOnce
from scheduler.model.requirements import NodeSelectorTerm, Operator, Requirement
from scheduler.model.resources import Resources
from scheduler.model.volumes import ClaimKey, ClaimUse, Mounts

__all__ = [
    "HostPort",
    "NodeSelectorTerm",
    "Operator",
    "Pod",
    "PodPhase",
    "PodShape",
    "PreferredTerm",
    "Requirement",
    "Toleration",
]


@dataclass(frozen=True, slots=True)
class PreferredTerm:
    """A node that matches `term` is better by `weight` (1..100)."""

    weight: int
    term: NodeSelectorTerm


@dataclass(frozen=True, slots=True)
class Toleration:
    """What taints a pod puts up with. Empty key and effect mean any; `exists` ignores the value."""

    key: str = ""
    exists: bool = False
    value: str = ""
    effect: TaintEffect | None = None


@dataclass(frozen=True, slots=True, order=True)
class HostPort:
    """A port of the node that the pod occupies. `ip` 0.0.0.0 (and ::) means every address."""

    protocol: str
    port: int
    ip: str = "0.0.0.0"  # noqa: S104  a value read from pods, nothing listens here


class PodPhase(StrEnum):
    """Phase of a pod; `UNKNOWN` counts as alive."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether the pod has ended and holds no resources any more."""
        return self in {PodPhase.SUCCEEDED, PodPhase.FAILED}


@dataclass(frozen=True, slots=True, weakref_slot=True)
class PodShape(HashedOnce):
    """
    Everything that decides where a pod may run. Equal pods share one shape, so a gang of equal pods is one test per node.

    `requests` holds the effective request (containers, init containers, sidecars, overhead, one of ``pods``).
    `required_terms` None: no required node affinity; an empty tuple would match no node. `rules` and `spreads`: what it asks of the pods
    around it; whom these rules speak of also depends on the pod's namespace. `mounts`: what its volumes ask of nodes; the engine finds it
    out from the pod's claims (`scheduler.engine.mounts`), translators leave it empty.
    `unevaluated` names fields in use that no predicate of ours covers yet; such a pod is held, never misplaced.
    """

    requests: Resources
    node_selector: tuple[tuple[str, str], ...] = ()
    required_terms: tuple[NodeSelectorTerm, ...] | None = None
    preferred_terms: tuple[PreferredTerm, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    host_ports: tuple[HostPort, ...] = ()
    rules: PodRules | None = None
    spreads: tuple[Spread, ...] = ()
    mounts: Mounts | None = None
    unevaluated: tuple[str, ...] = ()

    # A hash walks every term of an affinity, and shapes are looked up for every pod of every cycle.
    __hash__ = HashedOnce.__hash__


@dataclass(frozen=True, slots=True)
class Pod:
    """
    One pod of ours, or the projection of a foreign one that occupies a node.

    `group` is None for foreign pods; a pod of ours without a group label has a group of one.
    `resource_version` is opaque: compared for equality, sent back in bindings. `claims`: the volume claims that it uses, in order; they
    may differ among pods of one shape.
    """

    key: PodKey
    uid: PodUid
    shape: PodShape
    resource_version: str = ""
    scheduler_name: str = ""
    group: GroupKey | None = None
    role: str | None = None
    priority: int = 0
    created_at: float = 0.0
    node: NodeName | None = None
    phase: PodPhase = PodPhase.PENDING
    is_gated: bool = False
    is_deleting: bool = False
    has_controller: bool = False  # somebody recreates it after an eviction
    index: int | None = None  # completion or pod index, where the owner numbers its pods
    labels: Mapping[str, str] = field(default_factory=no_labels)
    claims: tuple[ClaimUse, ...] = ()

    @property
    def is_bound(self) -> bool:
        """Whether a node has been set. It never changes afterwards."""
        return self.node is not None

    @property
    def counts_for_quorum(self) -> bool:
        """Live, ungated, not ended: whether this pod may stand for a member of its gang."""
        return not (self.is_gated or self.is_deleting or self.phase.is_terminal)

    @property
    def claim_keys(self) -> tuple[ClaimKey, ...]:
        """The volume claims that it uses."""
        return tuple(ClaimKey(self.key.namespace, use.name) for use in self.claims)

    def as_resident(self) -> Resident:
        """Return what others' rules may depend on, once the pod has a node."""
        return Resident(self.key.namespace, self.labels, self.shape.rules, self.is_deleting)
