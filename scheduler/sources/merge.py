"""
Many sources, one hierarchy.

Theory of operation. First each (node, level) gets one value. A declared Topology speaks alone; else the first of `precedence` that says
something of the node: of NVLink the devices themselves, of the network topograph, which has asked the fabric, then labels that a cloud
has set, at last what drivers list. Values of different carriers are never compared: where two use one word for a level, the lesser one's
domain carries its name in front (`settling`). Then `hierarchy` makes domains that nest, and `contradictions` tells what was set aside.
The innermost level is always the node itself.
"""

from collections.abc import Iterable, Mapping

from scheduler.model.facts import Evidence, Level
from scheduler.model.ids import NodeName
from scheduler.model.machines import DeviceSlice, NumaZone
from scheduler.model.nodes import Node
from scheduler.sources.findings import Findings
from scheduler.sources.settling import DERIVED, HOST

__all__ = ["DERIVED", "HOST", "evidence"]


def evidence(
    nodes: Iterable[Node],
    declared: tuple[Level, ...] = (),
    *,
    slices: Iterable[DeviceSlice] = (),
    zones: Mapping[NodeName, tuple[NumaZone, ...]] | None = None,
) -> Evidence:
    """
    Return what is known of these nodes from everything at once.

    Equal input in any order gives equal evidence. Who sees one change after another keeps a `Findings` instead.
    """
    findings = Findings()
    findings.declare(declared)
    for node in nodes:
        findings.put_node(node)
    for each in slices:
        findings.put_slice(each)
    for name, own in (zones or {}).items():
        findings.put_zones(name, own)
    return findings.evidence()
