"""Regions and zones: the labels that Kubernetes itself knows. There is none for racks."""

from typing import Final

from scheduler.sources.carriers import labels

LABELS: Final = labels(
    ("region", "topology.kubernetes.io/region"),
    ("zone", "topology.kubernetes.io/zone"),
)
