"""
CoreWeave: fabric, superpod and leaf group of the InfiniBand or RoCE network, and for each port the leaf switch it is connected to.

A fabric stands for the spine level: there is no fast way from one to another. Nodes outside of a fabric have a physical rack only. Of ports
the present neighbour counts, and the expected one where there is none.
Source: docs.coreweave.com, InfiniBand and RoCE labels.
"""

import re
from collections.abc import Mapping
from typing import Final

from scheduler.model.machines import Device, DeviceKind
from scheduler.sources.carriers import labels

LABELS: Final = labels(
    ("spine", "backend.coreweave.cloud/fabric"),
    ("spine", "ib.coreweave.cloud/fabric"),
    ("block", "backend.coreweave.cloud/superpod"),
    ("block", "ib.coreweave.cloud/superpod"),
    ("rack", "backend.coreweave.cloud/leafgroup"),
    ("rack", "ib.coreweave.cloud/leafgroup"),
    ("rack", "node.coreweave.cloud/rack"),
)
SPEED: Final = "ib.coreweave.cloud/speed"
FABRICS: Final = frozenset({"backend.coreweave.cloud/fabric", "ib.coreweave.cloud/fabric"})

_PORT: Final = re.compile(
    r"(?:backend|ib)\.coreweave\.cloud/neighbors\.(current|expected)\.([A-Za-z0-9_.-]{1,40})\.device"
)
_GBPS: Final = re.compile(r"([0-9]{1,4})(?:G|Gb|Gbps)?")


def cards(node_labels: Mapping[str, str]) -> tuple[Device, ...]:
    """Return the network cards that the labels name, by name, each with its leaf switch. None outside of a fabric."""
    if FABRICS.isdisjoint(node_labels):
        return ()
    leaves: dict[str, str] = {}
    for key in sorted(node_labels):  # "current" comes before "expected"
        if "coreweave.cloud/neighbors." in key and (found := _PORT.fullmatch(key)) and node_labels[key]:
            leaves.setdefault(found[2], node_labels[key])
    speed = _GBPS.fullmatch(node_labels.get(SPEED, ""))
    gbps = int(speed[1]) if speed is not None else None
    return tuple(Device(DeviceKind.NIC, name, leaf=leaf, gbps=gbps) for name, leaf in sorted(leaves.items()))
