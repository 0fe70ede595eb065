"""
Volumes, as far as they decide where a pod may run: claims, the volumes behind them, and what nodes can attach.

A pod names claims; a claim is bound to a volume; a volume may be reached from some nodes only, and a node attaches only so many volumes of
one CSI driver.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from scheduler.model.ids import NodeName, PodUid
from scheduler.model.once import HashedOnce
from scheduler.model.requirements import NodeSelectorTerm


class ClaimKey(NamedTuple):
    """A claim's address."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ClaimUse(NamedTuple):
    """A pod uses the claim of this name in its namespace. `is_ephemeral`: one that was made for this pod alone."""

    name: str
    is_ephemeral: bool = False


class Handle(NamedTuple):
    """A volume as its CSI driver knows it; two volumes with one handle are one."""

    driver: str
    volume: str


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A PersistentVolumeClaim. `volume` is the one that it names; `is_bound`: binding is complete.

    `is_exclusive`: ReadWriteOncePod, one pod only. `owner`: uid of the controller. `selected_node`: where its volume is to be made.
    """

    volume: str = ""
    storage_class: str = ""
    is_bound: bool = False
    is_lost: bool = False
    is_deleting: bool = False
    is_exclusive: bool = False
    owner: PodUid | None = None
    selected_node: NodeName | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """
    A PersistentVolume.

    `reach`: node selector terms of which one must match; None: any node. `zones`: labels of nodes with the values that are near enough.
    `handle` None: not a CSI volume. `claimed_by` None: by nobody yet. `unevaluated` names what no predicate of ours covers.
    """

    reach: tuple[NodeSelectorTerm, ...] | None = None
    zones: tuple[tuple[str, tuple[str, ...]], ...] = ()
    handle: Handle | None = None
    storage_class: str = ""
    claimed_by: ClaimKey | None = None
    unevaluated: str = ""


@dataclass(frozen=True, slots=True)
class StorageClass:
    """
    How volumes are made: by whom, and whether a claim is bound only once a pod needs it (`waits`).

    `reach`: where they can be made, as terms of which one must match; None: anywhere.
    """

    provisioner: str = ""
    waits: bool = False
    reach: tuple[NodeSelectorTerm, ...] | None = None


@dataclass(frozen=True, slots=True)
class NodeDrivers:
    """The CSI drivers of a node (its CSINode), and how many volumes it attaches for those that have a limit."""

    names: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Attachment:
    """A VolumeAttachment: a driver attaches a volume (by name of the PersistentVolume) to a node."""

    node: NodeName
    driver: str
    volume: str


@dataclass(frozen=True, slots=True)
class Storage:
    """
    All that is known of volumes.

    `nodes`: drivers by node. `demanding`: drivers without which no pod with a volume of theirs may come to a node. `measured`: drivers that
    tell how much room for new volumes there is where. `classes` and `attachments` by name.
    """

    claims: Mapping[ClaimKey, Claim] = field(default_factory=lambda: MappingProxyType({}))
    volumes: Mapping[str, Volume] = field(default_factory=lambda: MappingProxyType({}))
    classes: Mapping[str, StorageClass] = field(default_factory=lambda: MappingProxyType({}))
    nodes: Mapping[NodeName, NodeDrivers] = field(default_factory=lambda: MappingProxyType({}))
    demanding: frozenset[str] = frozenset()
    measured: frozenset[str] = frozenset()
    attachments: Mapping[str, Attachment] = field(default_factory=lambda: MappingProxyType({}))

    def handle_of(self, claim: ClaimKey) -> Handle | None:
        """Return the CSI volume behind a claim, or the one that its class will make for it; None where there is none."""
        found = self.claims.get(claim)
        if found is None:
            return None
        volume = self.volumes.get(found.volume)
        if volume is not None:
            return volume.handle
        of_class = self.classes.get(found.storage_class)
        return Handle(of_class.provisioner, f"claim {claim}") if of_class is not None else None


NO_STORAGE: Final = Storage()


@dataclass(frozen=True, slots=True)
class Mounts(HashedOnce):
    """
    What the volumes of a pod ask of its node.

    `reach`: of each entry one term must match. `attached`: volumes that others may use as well, which a node attaches once. `own`: per
    driver how many volumes that nobody else uses, so members with a volume each are equal. Drivers that no node limits do not count.
    """

    reach: tuple[tuple[NodeSelectorTerm, ...], ...] = ()
    attached: tuple[Handle, ...] = ()
    own: tuple[tuple[str, int], ...] = ()

    __hash__ = HashedOnce.__hash__
