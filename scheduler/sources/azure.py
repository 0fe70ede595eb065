"""
Microsoft: no labels; attributes of the network cards that DRANET lists.

An interconnect group is one InfiniBand island, its sub-groups are the racks of NVLink machines in it. A placement group is what older
sizes have instead of the former.
"""

from typing import Final

from scheduler.sources.carriers import attributes

ATTRIBUTES: Final = attributes(
    ("block", "azure.dra.net/interconnectGroupId"),
    ("block", "azure.dra.net/placementGroupId"),
    ("rack", "azure.dra.net/interconnectSubgroupId"),
)
