"""
Amazon: network layers 1 (spine), 2 and 3 (leaf, nearest to the node), and the UltraServer, whose nodes share one NVLink domain.

``topology.k8s.aws/capacity-block-id`` is left out: it names a reservation. On UltraServers that is one of them, elsewhere anything.
Source: NVIDIA/topograph docs/reference/node-labels.md.
"""

from typing import Final

from scheduler.sources.carriers import labels

LABELS: Final = labels(
    ("spine", "topology.k8s.aws/network-node-layer-1"),
    ("block", "topology.k8s.aws/network-node-layer-2"),
    ("rack", "topology.k8s.aws/network-node-layer-3"),
    ("nvlink", "topology.k8s.aws/ultraserver-id"),
)
