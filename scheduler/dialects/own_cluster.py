"""Our cluster-scoped objects, Queue and Topology, from the wire to the model."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from scheduler.model.facts import Level
from scheduler.model.ids import LevelName, QueueName
from scheduler.model.queues import Queue
from scheduler.model.resources import Resources
from scheduler.objects import structs
from scheduler.objects.amounts import exact, offered
from scheduler.objects.decoding import decoder, from_plain
from scheduler.objects.errors import BadObject
from scheduler.objects.labels import required

MAX_RESOURCES: Final = 64
MAX_LEVELS: Final = 16

Name = Annotated[str, Meta(min_length=1, max_length=317)]


class _QueueResource(Struct):
    name: Name
    guaranteed: str | structs.Int | float | None = None
    limit: str | structs.Int | float | None = None


class _QueueSpec(Struct):
    parent: Annotated[str, Meta(max_length=253)] | None = None
    weight: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    resources: Annotated[list[_QueueResource], Meta(max_length=MAX_RESOURCES)] | None = None
    order: Annotated[str, Meta(max_length=63)] = "WFP"


class _Queue(Struct):
    metadata: structs.ObjectMeta = field(default_factory=structs.ObjectMeta)
    spec: _QueueSpec = field(default_factory=_QueueSpec)


class _Level(Struct, rename="camel"):
    name: Name
    node_label: Name


class _TopologySpec(Struct):
    levels: Annotated[list[_Level], Meta(max_length=MAX_LEVELS)] | None = None


class _Topology(Struct):
    metadata: structs.ObjectMeta = field(default_factory=structs.ObjectMeta)
    spec: _TopologySpec = field(default_factory=_TopologySpec)


_queue_from = decoder(_Queue, "Queue")
_topology_from = decoder(_Topology, "Topology")


def parse_queue(raw: bytes) -> Queue:
    """
    Return the queue as a value. Raises: BadObject.

    A resource without a limit is absent from `limit`; a queue without any has None there.
    """
    obj = _queue_from(raw)
    name, spec = required(obj.metadata.name, "metadata.name"), obj.spec
    guaranteed = {each.name: each.guaranteed for each in spec.resources or () if each.guaranteed is not None}
    limits = {each.name: each.limit for each in spec.resources or () if each.limit is not None}
    return Queue(
        name=QueueName(name),
        parent=QueueName(spec.parent) if spec.parent else None,
        weight=spec.weight,
        guaranteed=_amounts(guaranteed, "guaranteed"),
        limit=_amounts(limits, "limit") if limits else None,
        order=spec.order,
    )


def parse_topology(raw: bytes) -> tuple[str, tuple[Level, ...]]:
    """Return the name of a Topology and its levels, outermost first. Raises: BadObject."""
    return _levels_of(_topology_from(raw))


def topology_from_plain(value: object) -> tuple[str, tuple[Level, ...]]:
    """Return the same from plain values, such as a YAML file holds. Raises: BadObject."""
    return _levels_of(from_plain(_Topology, value, "Topology"))


def _levels_of(obj: _Topology) -> tuple[str, tuple[Level, ...]]:
    name = required(obj.metadata.name, "metadata.name")
    levels = tuple(Level(LevelName(level.name), level.node_label) for level in obj.spec.levels or ())
    if not levels:
        raise BadObject("Topology.spec.levels is empty: name at least one level with its node label.")
    for what, seen in (
        ("name", [level.name for level in levels]),
        ("nodeLabel", [level.node_label for level in levels]),
    ):
        if len(set(seen)) < len(seen):
            raise BadObject(f"Topology.spec.levels has the same {what} twice.")
    return name, levels


def _amounts(amounts: dict[str, str | int | float], field_name: str) -> Resources:
    path = f"Queue.spec.resources[].{field_name}"
    return offered(exact(amounts, path), path)


# What the API accepts of a Queue and this version keeps, but does not act upon yet. A field leaves this table with the commit that acts
# upon it. Guarantee, weight and parent already count in the status; no gang is placed, held or preempted for their sake.
_NOT_ACTED_UPON: Final[Mapping[str, Callable[[object], bool]]] = {
    "parent": bool,
    "weight": lambda value: value not in (None, 1),
    "resources": bool,
    "order": lambda value: value not in (None, "WFP"),
    "reclaim": lambda value: value not in (None, "Enabled"),
    "preemption": lambda value: value not in (None, "Enabled"),
    "defaultMaxRuntimeSeconds": lambda value: value is not None,
    "namespaceSelector": lambda value: value is not None,
}


def unsupported_in_queue(queue_spec: Mapping[str, object]) -> tuple[str, ...]:
    """Return the fields of a Queue's spec that ask for something this version does not do yet, in order."""
    return tuple(name for name, asks in _NOT_ACTED_UPON.items() if asks(queue_spec.get(name)))
