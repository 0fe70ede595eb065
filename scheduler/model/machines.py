"""
What is inside a node, as far as somebody has told: GPUs, network cards, and how they hang together.

Placement does not read this; the topology graph, `tutti topology show` and the picture do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class DeviceKind(StrEnum):
    """What a device is to a training job."""

    GPU = "gpu"
    NIC = "nic"


@dataclass(frozen=True, slots=True)
class Device:
    """
    One device of a node; `name` is unique within node and kind. What nobody has told is empty or None.

    `leaf` is the switch that a network card is connected to, `gbps` the speed of its link in Gbit/s.
    """

    kind: DeviceKind
    name: str
    model: str = ""
    numa: int | None = None
    pcie_root: str = ""
    leaf: str = ""
    gbps: int | None = None


@dataclass(frozen=True, slots=True)
class NumaZone:
    """One NUMA zone: its number, and its distance to each zone as the firmware states it (10 is itself)."""

    number: int
    distances: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """A node from inside. `gpus` counts them, also where none is known by name. `sources` says who has told."""

    model: str = ""
    gpus: int = 0
    gpu_memory_mib: int = 0
    devices: tuple[Device, ...] = ()
    zones: tuple[NumaZone, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device as a driver lists it. Attribute names are qualified: ``gpu.nvidia.com/productName``."""

    name: str
    attributes: Mapping[str, str | int | bool] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class DeviceSlice:
    """Part of what a driver lists for one node: slice `name` of `expected` that make up generation `generation` of a pool."""

    name: str
    node: str
    driver: str
    pool: str
    generation: int = 0
    expected: int = 1
    devices: tuple[ListedDevice, ...] = ()
