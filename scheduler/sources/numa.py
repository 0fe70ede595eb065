"""
NUMA zones of a node, from NodeResourceTopology ``topology.node.k8s.io/v1alpha2``, which NFD's topology updater or the resource topology
exporter writes; the object carries the name of its node.
"""

from typing import Final

from scheduler.model.machines import Machine, NumaZone

SOURCE: Final = "NodeResourceTopology"


def machine(zones: tuple[NumaZone, ...]) -> Machine | None:
    """Return what the zones say of the inside of a node; None if they say nothing."""
    return Machine(zones=zones, sources=(SOURCE,)) if zones else None
