"""
What nodes have attached, and how much more they can: per CSI driver a node attaches only so many volumes, each counted once.

Volumes of pods that stand there, of VolumeAttachments, of open attempts and of what this cycle has placed. In the way of kube-scheduler
1.37 (NodeVolumeLimits): a driver that a node does not limit attaches any number; one that demands it (`preventPodSchedulingIfMissing`)
keeps pods from nodes without it. A volume that is attached though no pod there uses it is counted once more for a pod that comes to use it:
it may be on its way out. The tables are made when something first asks for them. Owned by one `Trial`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from scheduler.engine.columns import LARGEST, Mask, Numbers
from scheduler.model.snapshot import NodeState
from scheduler.model.volumes import ClaimKey, Handle, Mounts, Storage

NOTHING_ATTACHED: Final = Mounts()

Taken = tuple[int, tuple[Handle, ...], tuple[tuple[str, int], ...]]
"""What one step attached: a node, volumes that were not there before, and how many others per driver."""


@dataclass(slots=True)
class _Table:
    """`left` [nodes]: how many more of the driver; `LARGEST` without a limit. `has` [nodes]: None where the driver is not demanded."""

    left: Numbers
    has: Mask | None


@dataclass(slots=True)
class Attachments:
    """`states` in the order of the tree's nodes."""

    storage: Storage
    states: Sequence[NodeState]
    _drivers: frozenset[str] | None = None
    _where: dict[Handle, set[int]] | None = None
    _unused: dict[Handle, set[int]] = field(default_factory=dict)
    _tables: dict[str, _Table] = field(default_factory=dict)

    def counts(self, driver: str) -> bool:
        """Whether it matters how many volumes of this driver are where."""
        if self._drivers is None:
            limited = {name for each in self.storage.nodes.values() for name in each.limits}
            self._drivers = frozenset(limited | self.storage.demanding)
        return driver in self._drivers

    def holds(self, handle: Handle) -> bool:
        """Whether a volume is attached to some node."""
        return bool(self._places().get(handle) or self._unused.get(handle))

    def held_for(self, claims: Iterable[ClaimKey]) -> Mounts | None:
        """Return what claims attach wherever their pod goes, each volume by its name; None where nothing of it counts."""
        handles = {handle for key in claims if (handle := self.storage.handle_of(key)) is not None}
        counted = tuple(sorted(handle for handle in handles if self.counts(handle.driver)))
        return Mounts(attached=counted) if counted else None

    def room(self, mounts: Mounts, nodes: Numbers) -> Numbers:
        """Return how many pods with these volumes each of these nodes can attach; `LARGEST` where nothing limits them."""
        found = np.full(len(nodes), LARGEST, dtype=np.int64)
        own = dict(mounts.own)
        for driver in sorted({*own, *(handle.driver for handle in mounts.attached)}):
            table = self._table(driver)
            more = np.zeros(len(nodes), dtype=np.int64)
            for handle in mounts.attached:
                if handle.driver == driver:
                    there = self._places().get(handle)
                    more += ~np.isin(nodes, list(there)) if there else 1
            left, each = table.left[nodes] - more, own.get(driver, 0)
            if each:
                np.minimum(found, np.maximum(left, 0) // each, out=found)
            else:
                found[(more > 0) & (left < 0)] = 0
            if table.has is not None:
                found[~table.has[nodes]] = 0
        return found

    def attach(self, number: int, mounts: Mounts, count: int) -> Taken:
        """Attach the volumes of `count` pods to a node; returns what to give to `detach`."""
        new = []
        for handle in mounts.attached:
            table = self._table(handle.driver)
            there = self._places().setdefault(handle, set())
            if number not in there:
                there.add(number)
                new.append(handle)
                table.left[number] -= self._needs(handle, number)
        own = tuple((driver, each * count) for driver, each in mounts.own)
        for driver, amount in own:
            self._table(driver).left[number] -= amount
        return number, tuple(new), own

    def detach(self, taken: Taken) -> None:
        """Undo an `attach`; the last one first."""
        number, handles, own = taken
        for handle in handles:
            self._places()[handle].discard(number)
            self._table(handle.driver).left[number] += self._needs(handle, number)
        for driver, amount in own:
            self._table(driver).left[number] += amount

    def columns(self, asked: Sequence[Mounts | None]) -> list[tuple[Numbers, list[int]]]:
        """
        Return, per driver that any of these kinds of pods uses, how many more each node attaches, and how many one pod of each kind needs.

        A volume that several pods share is counted for each of them, and so is one that is attached already: never too little.
        """
        needs: dict[str, list[int]] = {}
        for kind, mounts in enumerate(asked):
            for driver, amount in (mounts or NOTHING_ATTACHED).own:
                needs.setdefault(driver, [0] * len(asked))[kind] += amount
            for handle in (mounts or NOTHING_ATTACHED).attached:
                needs.setdefault(handle.driver, [0] * len(asked))[kind] += 1
        return [(np.maximum(self._table(driver).left, 0), needs[driver]) for driver in sorted(needs)]

    def _places(self) -> dict[Handle, set[int]]:
        """Return on which nodes pods use each volume, as far as it counts."""
        if self._where is None:
            self._where = {}
            index = {state.node.name: number for number, state in enumerate(self.states)}
            for number, state in enumerate(self.states):
                for key in state.claims:
                    self._note(self._where, self.storage.handle_of(key), number)
            for each in self.storage.attachments.values():
                volume = self.storage.volumes.get(each.volume)
                if volume is not None and volume.handle is not None and each.node in index:
                    handle, number = Handle(each.driver, volume.handle.volume), index[each.node]
                    if number not in self._where.get(handle, ()):
                        self._note(self._unused, handle, number)
        return self._where

    def _needs(self, handle: Handle, number: int) -> int:
        """Return how many more volumes a node has attached once a pod uses this one there."""
        return int(number not in self._unused.get(handle, ()))

    def _note(self, places: dict[Handle, set[int]], handle: Handle | None, number: int) -> None:
        if handle is not None and self.counts(handle.driver):
            places.setdefault(handle, set()).add(number)

    def _table(self, driver: str) -> _Table:
        table = self._tables.get(driver)
        if table is None:
            known = [self.storage.nodes.get(state.node.name) for state in self.states]
            limits = [each.limits.get(driver, LARGEST) if each is not None else LARGEST for each in known]
            left = np.array(limits, dtype=np.int64)
            for handle, places in (*self._places().items(), *self._unused.items()):
                if handle.driver == driver:
                    left[list(places)] -= 1
            has = None
            if driver in self.storage.demanding:
                has = np.array([each is not None and driver in each.names for each in known], dtype=bool)
            table = self._tables[driver] = _Table(left, has)
        return table
