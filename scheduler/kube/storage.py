"""
Volumes and what nodes attach, as last seen; part of the cache, which hands out frozen copies.

`changed` is called when something is not as it was before; what repeats itself, as most updates of these objects do, changes nothing.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import TypeVar

from scheduler.model.ids import NodeName
from scheduler.model.volumes import (
    NO_STORAGE,
    Attachment,
    Claim,
    ClaimKey,
    NodeDrivers,
    Storage,
    StorageClass,
    Volume,
)

Key = TypeVar("Key")
Value = TypeVar("Value")


class StorageFacts:
    """Claims, volumes, classes, drivers of nodes and attachments. Written by `ingest` on behalf of the cache."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._claims: dict[ClaimKey, Claim] = {}
        self._volumes: dict[str, Volume] = {}
        self._classes: dict[str, StorageClass] = {}
        self._nodes: dict[NodeName, NodeDrivers] = {}
        self._demanding: set[str] = set()
        self._measured: set[str] = set()
        self._attachments: dict[str, Attachment] = {}
        self._frozen: Storage | None = NO_STORAGE

    def frozen(self) -> Storage:
        """Return what is known, as a value; the same object while nothing changes."""
        if self._frozen is None:
            self._frozen = Storage(
                claims=MappingProxyType(dict(self._claims)),
                volumes=MappingProxyType(dict(self._volumes)),
                classes=MappingProxyType(dict(self._classes)),
                nodes=MappingProxyType(dict(self._nodes)),
                demanding=frozenset(self._demanding),
                measured=frozenset(self._measured),
                attachments=MappingProxyType(dict(self._attachments)),
            )
        return self._frozen

    def put_claim(self, key: ClaimKey, claim: Claim) -> None:
        """A claim exists, in this state."""
        self._put(self._claims, key, claim)

    def drop_claim(self, key: ClaimKey) -> None:
        """A claim no longer exists."""
        self._drop(self._claims, key)

    def put_volume(self, name: str, volume: Volume) -> None:
        """A volume exists, in this state."""
        self._put(self._volumes, name, volume)

    def drop_volume(self, name: str) -> None:
        """A volume no longer exists."""
        self._drop(self._volumes, name)

    def put_class(self, name: str, of_class: StorageClass) -> None:
        """A storage class exists, in this state."""
        self._put(self._classes, name, of_class)

    def drop_class(self, name: str) -> None:
        """A storage class no longer exists."""
        self._drop(self._classes, name)

    def put_drivers(self, node: NodeName, drivers: NodeDrivers) -> None:
        """A node has these CSI drivers."""
        self._put(self._nodes, node, drivers)

    def drop_drivers(self, node: NodeName) -> None:
        """It is not known any more which CSI drivers a node has."""
        self._drop(self._nodes, node)

    def put_driver(self, name: str, *, demands: bool, measures: bool) -> None:
        """A CSI driver demands, or not, that no pod with a volume of its comes to a node without it; and tells how much room there is."""
        for known, belongs in ((self._demanding, demands), (self._measured, measures)):
            if (name in known) != belongs:
                known.symmetric_difference_update({name})
                self._is_other()

    def put_attachment(self, name: str, attachment: Attachment | None) -> None:
        """A volume is attached to a node, or about to be; None: this one does not count."""
        if attachment is None:
            self.drop_attachment(name)
        else:
            self._put(self._attachments, name, attachment)

    def drop_attachment(self, name: str) -> None:
        """A volume is no longer attached."""
        self._drop(self._attachments, name)

    def _put(self, known: dict[Key, Value], key: Key, value: Value) -> None:
        if known.get(key) != value:
            known[key] = value
            self._is_other()

    def _drop(self, known: dict[Key, Value], key: Key) -> None:
        if known.pop(key, None) is not None:
            self._is_other()

    def _is_other(self) -> None:
        self._frozen = None
        self._changed()
