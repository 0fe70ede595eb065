"""
Our own API, ``scheduling.tutti.dev/v1alpha1``: PodGroup, Queue and Topology.

The names here are the contract with users and with observers; other rooms take them from here.
Next: `own_specs` holds the fields of a PodGroup and their rules, `records` the commit record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct, field

from scheduler.dialects import records
from scheduler.dialects.own_cluster import parse_queue, parse_topology
from scheduler.dialects.own_specs import Spec, spec_from
from scheduler.model.ids import OWN_DIALECT, GroupKey, GroupUid
from scheduler.model.podgroups import DEFAULT_QUEUE, Attempt, PodGroup
from scheduler.model.reasons import Reason
from scheduler.objects import structs
from scheduler.objects.decoding import decoder
from scheduler.objects.errors import BadObject
from scheduler.objects.labels import MAX_UID, required, shared

__all__ = [
    "ATTEMPT_ANNOTATION",
    "EPOCH_ANNOTATION",
    "GROUP",
    "OWN",
    "POD_GROUP_LABEL",
    "RANK_ANNOTATION",
    "ROLE_LABEL",
    "VERSION",
    "OwnDialect",
    "parse_queue",
    "parse_topology",
    "unsupported",
]

GROUP: Final = "scheduling.tutti.dev"
VERSION: Final = "v1alpha1"
POD_GROUP_LABEL: Final = f"{GROUP}/pod-group"
ROLE_LABEL: Final = f"{GROUP}/role"
ATTEMPT_ANNOTATION: Final = f"{GROUP}/attempt"
EPOCH_ANNOTATION: Final = f"{GROUP}/epoch"
RANK_ANNOTATION: Final = f"{GROUP}/rank"


class _Condition(Struct):
    type: Annotated[str, Meta(max_length=316)] = ""
    status: Annotated[str, Meta(max_length=16)] = ""
    reason: Annotated[str, Meta(max_length=1024)] = ""
    observed_generation: int | None = field(default=None, name="observedGeneration")


class _Status(Struct):
    attempt: Raw = Raw(b"null")
    conditions: Annotated[list[_Condition], Meta(max_length=64)] | None = None


class _Object(Struct):
    metadata: structs.ObjectMeta = field(default_factory=structs.ObjectMeta)
    spec: Raw = Raw(b"{}")
    status: Raw = Raw(b"{}")


_object_from = decoder(_Object, "PodGroup")
_status_from = decoder(_Status, "status")


@dataclass(frozen=True, slots=True)
class OwnDialect:
    """The dialect ``tutti``."""

    name: str = OWN_DIALECT

    def group_of(self, pod: structs.Pod) -> GroupKey | None:
        """Return the group in the pod's own namespace that its label names."""
        labels = pod.metadata.labels
        name = labels.get(POD_GROUP_LABEL) if labels else None
        return GroupKey(shared(pod.metadata.namespace), shared(name), self.name) if name else None

    def role_of(self, pod: structs.Pod) -> str | None:
        """Return the role that the pod's label names."""
        labels = pod.metadata.labels
        role = labels.get(ROLE_LABEL) if labels else None
        return shared(role) if role else None

    def parse(self, raw: bytes) -> PodGroup:
        """Return the group as a value, with a `refusal` where it cannot be acted upon. Raises: BadObject without an identity."""
        obj = _object_from(raw)
        meta = obj.metadata
        key = GroupKey(
            required(meta.namespace, "metadata.namespace"), required(meta.name, "metadata.name"), self.name
        )
        uid = GroupUid(required(meta.uid, "metadata.uid", MAX_UID))
        spec, refusal = _readable(obj.spec)
        attempt, scheduled, problem = _written(obj.status)
        return PodGroup(
            key=key,
            uid=uid,
            min_count=max(1, spec.gang_size),
            max_count=spec.max_count,
            resource_version=meta.resource_version,
            generation=meta.generation,
            created_at=meta.creation_timestamp.timestamp() if meta.creation_timestamp is not None else 0.0,
            roles=spec.model_roles(),
            queue=spec.queue_name(),
            priority_class=spec.priority_class_name or None,
            topology=spec.constraint(),
            spares=spec.spares or 0,
            expected_runtime_s=spec.expected_runtime_seconds,
            max_runtime_s=spec.max_runtime_seconds,
            schedule_timeout_s=spec.schedule_timeout_seconds,
            fail_on_timeout=spec.on_timeout == "Fail",
            has_timed_out=(scheduled.status, scheduled.reason) == ("False", Reason.TIMEOUT),
            told_whole_at=scheduled.observed_generation if scheduled.status == "True" else None,
            repair_timeout_s=spec.repair_timeout_s(),
            on_member_failure=spec.on_member_failure,
            attempt=attempt,
            is_deleting=meta.deletion_timestamp is not None,
            refusal=problem or refusal,
        )

    def attempt_status(self, attempt: Attempt) -> dict[str, object]:
        """Return the commit record as JSON."""
        return records.attempt_status(attempt)


OWN: Final = OwnDialect()


def _readable(raw: Raw) -> tuple[Spec, str]:
    """Return the spec, and why it is refused. A spec that cannot be read at all counts as an empty one."""
    try:
        spec = spec_from(raw)
    except BadObject as problem:
        return Spec(), str(problem)
    try:
        spec.check()
    except BadObject as problem:
        return spec, str(problem)
    return spec, ""


def _written(raw: Raw) -> tuple[Attempt | None, _Condition, str]:
    """Return the commit record, the condition Scheduled, empty where there is none, and why the status is not understood."""
    try:
        status = _status_from(raw)
        attempt = records.attempt_from(status.attempt) if bytes(status.attempt) != b"null" else None
    except BadObject as problem:
        return None, _Condition(), str(problem)
    said = (each for each in status.conditions or () if each.type == "Scheduled")
    return attempt, next(said, _Condition()), ""


# What the API accepts and this version keeps, but does not act upon yet. A field leaves this table with the commit that acts upon it.
_NOT_ACTED_UPON: Final[Mapping[str, Callable[[object], bool]]] = {
    "queue": lambda value: value not in (None, "", DEFAULT_QUEUE),
    "disruptionMode": lambda value: value not in (None, "PodGroup"),
    "topology.profile": lambda value: value not in (None, "Ring"),
    "spares": bool,
    "expectedRuntimeSeconds": lambda value: value is not None,
    "maxRuntimeSeconds": lambda value: value is not None,
    "checkpointIntervalSeconds": lambda value: value is not None,
}


def unsupported(group_spec: Mapping[str, object]) -> tuple[str, ...]:
    """Return the fields of a PodGroup's spec that ask for something this version does not do yet, in order."""
    found = []
    for path, asks in _NOT_ACTED_UPON.items():
        value: object = group_spec
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if asks(value):
            found.append(path)
    return tuple(found)
