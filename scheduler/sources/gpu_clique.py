"""
NVLink across nodes, as the devices themselves see it: ``nvidia.com/gpu.clique`` is CLUSTERUUID.CLIQUEID.

The part before the dot names the NVLink domain, such as a rack of 18 nodes; the whole names a partition of it, inside of which GPUs reach
each other's memory. The label is there only on machines with NVLink between nodes, once the fabric has started; identifiers may change
when it is restarted, and say nothing of the distance between domains.
Source: NVIDIA/topograph docs/reference/node-labels.md; NVIDIA GPU feature discovery.
"""

from typing import Final

from scheduler.model.ids import LevelName
from scheduler.sources.carriers import Carrier

CLIQUE: Final = "nvidia.com/gpu.clique"


def domain(value: str) -> str:
    """
    Return the NVLink domain of a clique, empty if the value is none.

    >>> domain("9e8d0c2a-77f1.32766")
    '9e8d0c2a-77f1'
    """
    cluster, dot, clique = value.rpartition(".")
    return cluster if dot and clique.isdecimal() else ""


def partition(value: str) -> str:
    """Return the partition that a clique is, empty if the value is none."""
    return value if domain(value) else ""


LABELS: Final = (
    Carrier(LevelName("nvlink"), CLIQUE, read=domain, part="cluster"),
    Carrier(LevelName("clique"), CLIQUE, read=partition),
)
