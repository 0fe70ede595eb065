"""
NodeResourceTopology (``topology.node.k8s.io/v1alpha2``): the NUMA zones of the node that has the object's name.

Amounts per zone are not read: what is free in a zone is the kubelet's to say, and it does not say it here in time.
"""

from typing import Final

from msgspec import Struct, field

from scheduler.model.ids import NodeName
from scheduler.model.machines import NumaZone
from scheduler.objects.errors import BadObject
from scheduler.objects.labels import required, shared
from scheduler.objects.structs import Int, ObjectMeta

PATH: Final = "/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies"
NUMA: Final = "Node"
PREFIX: Final = "node-"
MAX_ZONES: Final = 256  # zones of one node; arbitrary, machines have 16 at most
LARGEST: Final = 1024  # number of a zone, and distance between two; arbitrary


class Cost(Struct, omit_defaults=True):
    """The distance to another zone."""

    name: str = ""
    value: Int = 0


class Zone(Struct, omit_defaults=True):
    """One zone."""

    name: str = ""
    type: str = ""
    costs: list[Cost] | None = None


class NodeResourceTopology(Struct):
    """A NodeResourceTopology."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    zones: list[Zone] | None = None


def zones_from(obj: NodeResourceTopology) -> tuple[NodeName, tuple[NumaZone, ...]]:
    """Return the node and its NUMA zones by number. Raises: BadObject."""
    zones = obj.zones or []
    if len(zones) > MAX_ZONES:
        raise BadObject(f"zones has {len(zones)} entries; {MAX_ZONES} is the limit.")
    found = {}
    for zone in zones:
        number = _number(zone.name)
        if zone.type == NUMA and number is not None:
            distances = {_number(cost.name): cost.value for cost in (zone.costs or [])[:MAX_ZONES]}
            found[number] = NumaZone(
                number,
                tuple(
                    (to, value)
                    for to, value in sorted((k, v) for k, v in distances.items() if k is not None)
                    if 0 <= value <= LARGEST
                ),
            )
    name = NodeName(shared(required(obj.metadata.name, "metadata.name")))
    return name, tuple(found[number] for number in sorted(found))


def _number(name: str) -> int | None:
    """
    Return the number in the name of a NUMA zone, None if there is none.

    >>> _number("node-1"), _number("socket-0")
    (1, None)
    """
    digits = name.removeprefix(PREFIX)
    if digits == name or not digits.isascii() or not digits.isdecimal() or len(digits) > 4:
        return None
    return int(digits) if int(digits) <= LARGEST else None
