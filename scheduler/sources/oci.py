"""
Oracle: HPC island, network block, local block (leaf), physical rack, and the GPU memory fabric, which is an NVLink domain.

As labels of OKE, which name the network block and the rack, or as attributes of the network cards that DRANET lists.
"""

from typing import Final

from scheduler.sources.carriers import attributes, labels

LABELS: Final = labels(
    ("block", "oci.oraclecloud.com/host.network_block_id"),
    ("rack", "oci.oraclecloud.com/host.rack_id"),
)
ATTRIBUTES: Final = attributes(
    ("spine", "oke.dra.net/hpcIslandId"),
    ("block", "oke.dra.net/networkBlockId"),
    ("rack", "oke.dra.net/localBlockId"),
    ("rack", "oke.dra.net/rackId"),
    ("nvlink", "oke.dra.net/gpuMemoryFabricId"),
)
