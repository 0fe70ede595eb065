"""Levels that an operator has chosen, by a Topology object: each is carried by the label that it names, and nothing else counts."""

from collections.abc import Sequence

from scheduler.model.facts import HOST_LEVEL, Level
from scheduler.sources.carriers import Carrier


def carriers(levels: Sequence[Level]) -> tuple[Carrier, ...]:
    """Return what carries the declared levels, outermost first; the host is the node itself, whatever its label says."""
    return tuple(Carrier(level.name, level.node_label) for level in levels if level.name != HOST_LEVEL)
