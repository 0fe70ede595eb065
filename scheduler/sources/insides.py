"""
One machine out of what several sources say of its inside.

Devices that a driver lists count before numbers in labels; NUMA zones and network cards add to them. A number of GPUs in the labels that is
not the number of those listed is a conflict: one has fallen off the bus, or a driver is behind.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scheduler.model.facts import Conflict, Dispute
from scheduler.model.ids import LevelName, NodeName
from scheduler.model.machines import Device, DeviceKind, Machine
from scheduler.sources import gfd, resource_slices

GPUS = LevelName("gpu")


def combined(
    labelled: Machine | None, listed: Machine | None, zoned: Machine | None, cards: Sequence[Device]
) -> Machine | None:
    """Return everything that is said of one node's inside; None if nobody says anything."""
    said = [each for each in (listed, labelled, zoned) if each is not None]
    if not said and not cards:
        return None
    devices = listed.devices if listed is not None else ()
    return Machine(
        model=next((each.model for each in said if each.model), ""),
        gpus=next((each.gpus for each in said if each.gpus), 0),
        gpu_memory_mib=next((each.gpu_memory_mib for each in said if each.gpu_memory_mib), 0),
        devices=_with_cards(devices, cards),
        zones=zoned.zones if zoned is not None else (),
        sources=tuple(source for each in said for source in each.sources)
        + (("node labels",) if cards else ()),
    )


def miscounted(node: NodeName, labelled: Machine | None, listed: Machine | None) -> Iterator[Conflict]:
    """Yield the conflict between labels and listed devices on how many GPUs there are."""
    if labelled is not None and listed is not None and 0 < labelled.gpus != listed.gpus > 0:
        yield Conflict(
            GPUS,
            gfd.SOURCE,
            str(labelled.gpus),
            str(listed.gpus),
            resource_slices.SOURCE,
            Dispute.TWO_VALUES,
            node,
        )


def _with_cards(devices: Sequence[Device], cards: Sequence[Device]) -> tuple[Device, ...]:
    """Add what labels say of network cards to those that are listed, by name."""
    known = {(each.kind, each.name): each for each in devices}
    for card in cards:
        key = (DeviceKind.NIC, card.name)
        known[key] = replace(known.get(key, card), leaf=card.leaf, gbps=card.gbps)
    return tuple(known[key] for key in sorted(known))
