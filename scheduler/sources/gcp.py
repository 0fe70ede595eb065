"""
Google: blocks and sub-blocks, as node labels of GKE or as attributes of the network cards that DRANET lists.

The third of the family, the physical host, is left out: GPU machines are not shared by nodes.
"""

from typing import Final

from scheduler.sources.carriers import attributes, labels

LABELS: Final = labels(
    ("block", "cloud.google.com/gce-topology-block"),
    ("rack", "cloud.google.com/gce-topology-subblock"),
)
ATTRIBUTES: Final = attributes(
    ("block", "gce.dra.net/block"),
    ("rack", "gce.dra.net/subBlock"),
)
