"""
Devices as drivers list them in ResourceSlices: GPUs and network cards with NUMA zone and PCIe root, and what a cloud says of the fabric.

A pool's slices are used only when all of its newest generation are there; until then its older generation is still what is known, if that
was complete. A fabric attribute is repeated on every card; a node whose cards differ in it is in the domain that most of them name.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scheduler.model.machines import Device, DeviceKind, DeviceSlice, ListedDevice, Machine

SOURCE: Final = "ResourceSlice"
PCIE_ROOT: Final = "resource.kubernetes.io/pcieRoot"
NUMA: Final = ("resource.kubernetes.io/numaNode", "gpu.nvidia.com/numaNode", "dra.net/numaNode")
GPU_TYPES: Final = ("gpu.nvidia.com/type", "gpu.amd.com/type")
MODELS: Final = ("gpu.nvidia.com/productName", "gpu.amd.com/productName")
CARD_NAMES: Final = ("dra.net/rdmaDevice", "dra.net/rdmaDevName", "dra.net/ifName")
IS_RDMA: Final = "dra.net/rdma"

Values = Mapping[str, Counter[str]]
"""Per fabric attribute, how many devices name each value."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one slice says, reduced to what is used. Slices of one `pool` belong together."""

    node: str
    pool: tuple[str, str]
    generation: int
    expected: int
    values: Values
    devices: tuple[Device, ...]


def listing(of: DeviceSlice, fabric: Collection[str]) -> Listing:
    """Return what a slice says; `fabric` names the attributes that carry levels."""
    values: dict[str, Counter[str]] = {}
    devices = []
    for listed in of.devices:
        for key in fabric & listed.attributes.keys():
            value = listed.attributes[key]
            if isinstance(value, str) and value:
                values.setdefault(key, Counter())[value] += 1
        device = _device(listed)
        if device is not None:
            devices.append(device)
    return Listing(of.node, (of.driver, of.pool), of.generation, of.expected, values, tuple(devices))


def current(listings: Sequence[Listing]) -> list[Listing]:
    """Return of each pool the slices of its newest complete generation."""
    pools: dict[tuple[str, str], dict[int, list[Listing]]] = {}
    for each in listings:
        pools.setdefault(each.pool, {}).setdefault(each.generation, []).append(each)
    chosen: list[Listing] = []
    for pool in sorted(pools):
        for generation in sorted(pools[pool], reverse=True):
            slices = pools[pool][generation]
            if len(slices) >= max(each.expected for each in slices):
                chosen += slices
                break
    return chosen


def said(listings: Sequence[Listing]) -> dict[str, list[str]]:
    """Return per fabric attribute what the devices of a node name, the value that most of them do first."""
    values: dict[str, Counter[str]] = {}
    for each in listings:
        for key, counts in each.values.items():
            values.setdefault(key, Counter()).update(counts)
    return {key: sorted(counts, key=lambda v: (-counts[v], v)) for key, counts in values.items()}


def machine(listings: Sequence[Listing]) -> Machine | None:
    """Return what the slices say of the inside of a node; None if they name no GPU and no network card."""
    devices = {(each.kind, each.name): each for listing in listings for each in listing.devices}
    if not devices:
        return None
    ordered = tuple(devices[key] for key in sorted(devices))
    gpus = [each for each in ordered if each.kind is DeviceKind.GPU]
    models = Counter(each.model for each in gpus if each.model)
    return Machine(
        model=min(models, key=lambda model: (-models[model], model)) if models else "",
        gpus=len(gpus),
        devices=ordered,
        sources=(SOURCE,),
    )


def _device(listed: ListedDevice) -> Device | None:
    attributes = listed.attributes
    zone = next((attributes[key] for key in NUMA if type(attributes.get(key)) is int), None)
    numa, pcie_root = zone if isinstance(zone, int) else None, _text(attributes.get(PCIE_ROOT))
    if any(attributes.get(key) == "gpu" for key in GPU_TYPES):
        return Device(DeviceKind.GPU, listed.name, _first(attributes, MODELS), numa, pcie_root)
    if attributes.get(IS_RDMA) is True:
        name = _first(attributes, CARD_NAMES) or listed.name
        return Device(DeviceKind.NIC, name, numa=numa, pcie_root=pcie_root)
    return None


def _first(attributes: Mapping[str, str | int | bool], keys: Sequence[str]) -> str:
    """Return the first text among these attributes; empty without one."""
    return next(filter(None, (_text(attributes.get(key)) for key in keys)), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
