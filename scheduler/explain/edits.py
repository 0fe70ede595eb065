"""
Changes to a snapshot, as values: what the questions of an explanation, and those of `tutti what-if`, differ in.

Each gives another snapshot and leaves the one it was given alone. An edit that names what does not exist changes nothing. Here are those of
what one group asks for; `surroundings` has those of nodes and of what others hold.
Next: `scheduler.explain.oracle` puts the changed snapshot to the engine.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from scheduler.engine.feasibility import CORDON
from scheduler.engine.standing import plays
from scheduler.model.ids import GroupKey
from scheduler.model.nodes import Taint
from scheduler.model.podgroups import PodGroup, Role, Slice
from scheduler.model.pods import Pod, PodShape, Toleration
from scheduler.model.resources import Resources
from scheduler.model.snapshot import Snapshot


class Edit(Protocol):
    """One change. Hashable, so that a question that was asked is known again."""

    def on(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot as it would be with this change."""


def edited(snapshot: Snapshot, edits: Iterable[Edit]) -> Snapshot:
    """Return the snapshot with all these changes, made in order."""
    for edit in edits:
        snapshot = edit.on(snapshot)
    return snapshot


# --- what a group asks for ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Required:
    """The group requires this level, or none."""

    key: GroupKey
    level: str | None

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _with_group(
            snapshot, self.key, lambda g: replace(g, topology=replace(g.topology, required=self.level))
        )


@dataclass(frozen=True, slots=True)
class Preferred:
    """The group prefers this level, or none."""

    key: GroupKey
    level: str | None

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _with_group(
            snapshot, self.key, lambda g: replace(g, topology=replace(g.topology, preferred=self.level))
        )


@dataclass(frozen=True, slots=True)
class Slices:
    """The group asks for these slices and no others."""

    key: GroupKey
    slices: tuple[Slice, ...] = ()

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _with_group(
            snapshot, self.key, lambda g: replace(g, topology=replace(g.topology, slices=self.slices))
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """The gang needs so many members; `roles` names the minimums that change with it."""

    key: GroupKey
    min_count: int
    roles: tuple[tuple[str, int], ...] = ()

    def on(self, snapshot: Snapshot) -> Snapshot:
        least = dict(self.roles)

        def changed(role: Role) -> Role:
            return replace(role, min_count=least.get(role.name, role.min_count))

        return _with_group(
            snapshot,
            self.key,
            lambda g: replace(g, min_count=self.min_count, roles=tuple(changed(r) for r in g.roles)),
        )


@dataclass(frozen=True, slots=True)
class MaxCount:
    """The group takes at most so many members; None: any number."""

    key: GroupKey
    count: int | None

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _with_group(snapshot, self.key, lambda g: replace(g, max_count=self.count))


# --- what its pods ask for ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """Every waiting member, or every one of a role, asks for this much of a resource; 0: for none of it."""

    key: GroupKey
    resource: str
    amount: int
    role: str | None = None

    def on(self, snapshot: Snapshot) -> Snapshot:
        group = snapshot.groups.get(self.key)
        role = next((r for r in group.roles if r.name == self.role), None) if group is not None else None

        def concerned(pod: Pod) -> bool:
            return self.role is None or (plays(pod, role) if role is not None else pod.role == self.role)

        return _reshaped(snapshot, self.key, self.reshape, concerned)

    def reshape(self, shape: PodShape) -> PodShape:
        """Return the shape with this amount."""
        return replace(shape, requests=Resources({**shape.requests, self.resource: self.amount}))


@dataclass(frozen=True, slots=True)
class Tolerating:
    """The members put up with this taint: to them it is not there."""

    key: GroupKey
    taint: Taint

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _reshaped(snapshot, self.key, self.reshape)

    def reshape(self, shape: PodShape) -> PodShape:
        """Return the shape with the toleration."""
        taint = self.taint
        toleration = Toleration(taint.key, value=taint.value, effect=taint.effect)
        if is_cordon(taint):
            toleration = Toleration(taint.key, exists=True)
        return replace(shape, tolerations=(*shape.tolerations, toleration))


@dataclass(frozen=True, slots=True)
class WithoutSelector:
    """The members do not ask for this label of a node."""

    key: GroupKey
    label: str
    value: str

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _reshaped(snapshot, self.key, self.reshape)

    def reshape(self, shape: PodShape) -> PodShape:
        """Return the shape without this entry of its node selector."""
        kept = tuple(entry for entry in shape.node_selector if entry != (self.label, self.value))
        return replace(shape, node_selector=kept) if kept != shape.node_selector else shape


@dataclass(frozen=True, slots=True)
class WithoutAffinity:
    """The members have no required node affinity."""

    key: GroupKey

    def on(self, snapshot: Snapshot) -> Snapshot:
        return _reshaped(snapshot, self.key, self.reshape)

    def reshape(self, shape: PodShape) -> PodShape:
        """Return the shape without required terms."""
        return replace(shape, required_terms=None) if shape.required_terms is not None else shape


@dataclass(frozen=True, slots=True)
class WithoutVolumes:
    """The members use no volume that anybody claims."""

    key: GroupKey

    def on(self, snapshot: Snapshot) -> Snapshot:
        pods = tuple(
            replace(pod, claims=()) if pod.claims and not pod.is_bound else pod
            for pod in snapshot.members.get(self.key, ())
        )
        changed = replace(snapshot, members={**snapshot.members, self.key: pods}) if pods else snapshot
        return _reshaped(changed, self.key, self.reshape)

    def reshape(self, shape: PodShape) -> PodShape:
        """Return the shape without what volumes ask of nodes."""
        return replace(shape, mounts=None) if shape.mounts is not None else shape


@dataclass(frozen=True, slots=True)
class Offered:
    """kube-scheduler refuses no node to the members."""

    key: GroupKey

    def on(self, snapshot: Snapshot) -> Snapshot:
        own = {pod.uid for pod in snapshot.members.get(self.key, ())}
        return replace(
            snapshot, refused={uid: nodes for uid, nodes in snapshot.refused.items() if uid not in own}
        )


def is_cordon(taint: Taint) -> bool:
    """Whether this is the taint that Kubernetes puts on cordoned nodes."""
    return taint.key == CORDON.key


# --- inside ---------------------------------------------------------------------------------------------------------------


def _with_group(snapshot: Snapshot, key: GroupKey, change: Callable[[PodGroup], PodGroup]) -> Snapshot:
    group = snapshot.groups.get(key)
    if group is None:
        return snapshot
    return replace(snapshot, groups={**snapshot.groups, key: change(group)})


def _reshaped(
    snapshot: Snapshot,
    key: GroupKey,
    reshape: Callable[[PodShape], PodShape],
    concerned: Callable[[Pod], bool] = lambda pod: True,
) -> Snapshot:
    """Return the snapshot with the waiting members of a group in other shapes; equal pods go on to share one."""
    made: dict[PodShape, PodShape] = {}

    def changed(pod: Pod) -> Pod:
        if pod.is_bound or not concerned(pod):
            return pod
        shape = made.setdefault(pod.shape, reshape(pod.shape)) if pod.shape not in made else made[pod.shape]
        return replace(pod, shape=shape) if shape is not pod.shape else pod

    pods = tuple(changed(pod) for pod in snapshot.members.get(key, ()))
    return replace(snapshot, members={**snapshot.members, key: pods}) if pods else snapshot
