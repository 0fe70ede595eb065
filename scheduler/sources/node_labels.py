"""
Topology labels that clouds and device plugins put on nodes by themselves.

Keys and what they mean: Kubernetes well-known labels; NVIDIA GPU feature discovery; the network labels of AWS, Google Cloud, Oracle Cloud
and CoreWeave. A family that is new here is a line in `FAMILIES`.
"""

from collections.abc import Iterable
from typing import Final

from scheduler.model.facts import Level, TopologyFact
from scheduler.model.ids import DomainName, LevelName
from scheduler.model.nodes import Node

# Outermost first. Several families may speak of one level; on one node the first that is there counts.
FAMILIES: Final[tuple[tuple[str, str], ...]] = (
    ("region", "topology.kubernetes.io/region"),
    ("zone", "topology.kubernetes.io/zone"),
    ("spine", "topology.k8s.aws/network-node-layer-1"),
    ("block", "topology.k8s.aws/network-node-layer-2"),
    ("block", "cloud.google.com/gce-topology-block"),
    ("block", "oci.oraclecloud.com/host.network_block_id"),
    ("block", "ib.coreweave.cloud/superpod"),
    ("rack", "topology.k8s.aws/network-node-layer-3"),
    ("rack", "cloud.google.com/gce-topology-subblock"),
    ("rack", "oci.oraclecloud.com/host.rack_id"),
    ("rack", "ib.coreweave.cloud/leafgroup"),
    ("rack", "backend.coreweave.cloud/leafgroup"),
    ("clique", "nvidia.com/gpu.clique"),
)


def facts(nodes: Iterable[Node]) -> tuple[tuple[Level, ...], tuple[TopologyFact, ...]]:
    """Return every level with the label that carries it, a level once per label, and what the labels say of each node."""
    levels = tuple(Level(LevelName(level), label) for level, label in FAMILIES)
    found: list[TopologyFact] = []
    for node in nodes:
        labels = node.labels
        told: set[str] = set()
        for level, label in FAMILIES:
            value = labels.get(label)
            if value and level not in told:
                told.add(level)
                found.append(TopologyFact(node.name, LevelName(level), DomainName(value), label))
    return levels, tuple(found)
