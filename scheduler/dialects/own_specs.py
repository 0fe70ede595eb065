"""
The spec of our PodGroup: its fields with their bounds, the rules across them, and the values they become.

The CRD (``crds/``) is the authority; bounds here are the same or wider. Defaults are those of the product contract, and stand in the model.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from scheduler.model.ids import QueueName
from scheduler.model.podgroups import (
    DEFAULT_QUEUE,
    REPAIR_TIMEOUT_S,
    MemberFailure,
    Profile,
    Role,
    Slice,
    TopologyConstraint,
)
from scheduler.objects.decoding import decoder
from scheduler.objects.errors import BadObject

MAX_COUNT: Final = 10_000

Count = Annotated[int, Meta(ge=1, le=MAX_COUNT)]
Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Name = Annotated[str, Meta(max_length=253)]
LevelOrLabel = Annotated[str, Meta(max_length=317)]


class _Selector(Struct, rename="camel"):
    match_labels: Annotated[dict[LevelOrLabel, Name], Meta(max_length=64)] | None = None


class _Role(Struct, rename="camel"):
    name: Annotated[str, Meta(min_length=1, max_length=63)]
    min_count: Count
    selector: _Selector | None = None


class _Slice(Struct):
    level: Annotated[str, Meta(min_length=1, max_length=317)]
    size: Count


class _Topology(Struct):
    required: LevelOrLabel | None = None
    preferred: LevelOrLabel | None = None
    profile: Profile = Profile.RING
    slices: Annotated[list[_Slice], Meta(max_length=3)] | None = None


class Spec(Struct, rename="camel"):
    """A PodGroup's spec on the wire."""

    min_count: Count | None = None
    max_count: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    roles: Annotated[list[_Role], Meta(max_length=16)] | None = None
    queue: Name | None = None
    priority_class_name: Name | None = None
    topology: _Topology | None = None
    spares: Annotated[int, Meta(ge=0, le=MAX_COUNT)] | None = None
    expected_runtime_seconds: Seconds | None = None
    max_runtime_seconds: Seconds | None = None
    schedule_timeout_seconds: Seconds | None = None
    on_timeout: Name | None = None
    repair_timeout_seconds: Seconds | None = None
    on_member_failure: MemberFailure = MemberFailure.REPAIR

    @property
    def gang_size(self) -> int:
        """How many members start together: minCount, else what the roles add up to."""
        return (
            self.min_count if self.min_count is not None else sum(role.min_count for role in self.roles or ())
        )

    def check(self) -> None:
        """Apply the rules across fields. Raises: BadObject with the first that is broken."""
        roles = self.roles or []
        by_roles = sum(role.min_count for role in roles)
        if self.min_count is None and not roles:
            raise BadObject("spec.minCount is missing: set it, or spec.roles.")
        if len({role.name for role in roles}) < len(roles):
            raise BadObject("spec.roles names a role twice.")
        if self.gang_size > MAX_COUNT:
            raise BadObject(f"spec.roles add up to {self.gang_size} members; {MAX_COUNT} is the limit.")
        if by_roles > self.gang_size:
            raise BadObject(f"spec.minCount is {self.min_count}, but spec.roles need {by_roles} members.")
        if self.max_count is not None and self.max_count < self.gang_size:
            raise BadObject(
                f"spec.maxCount is {self.max_count}, below the {self.gang_size} that must start together."
            )

    def model_roles(self) -> tuple[Role, ...]:
        """Return the roles as values, in the order of the spec."""
        return tuple(
            Role(
                name=role.name,
                min_count=role.min_count,
                match_labels=dict((role.selector.match_labels if role.selector is not None else None) or {}),
            )
            for role in self.roles or ()
        )

    def constraint(self) -> TopologyConstraint:
        """Return what is asked of the network."""
        asked = self.topology or _Topology()
        return TopologyConstraint(
            required=asked.required or None,
            preferred=asked.preferred or None,
            profile=asked.profile,
            slices=tuple(Slice(part.level, part.size) for part in asked.slices or ()),
        )

    def queue_name(self) -> QueueName:
        """Return where the quota comes from."""
        return QueueName(self.queue) if self.queue else DEFAULT_QUEUE

    def repair_timeout_s(self) -> float:
        """Return how long the group may stand below its minimum after a commit."""
        return REPAIR_TIMEOUT_S if self.repair_timeout_seconds is None else float(self.repair_timeout_seconds)


spec_from = decoder(Spec, "spec")
