"""
Labels that NVIDIA topograph puts on nodes: ``fabric.topograph.run/tier-N``, tier 0 nearest to the node, as many as the fabric has.

Up to 0.5 it used ``network.topology.nvidia.com/`` with leaf, spine and core; these count where the newer ones are absent.
Source: NVIDIA/topograph docs/reference/node-labels.md.
"""

from collections.abc import Iterable
from typing import Final

from scheduler.model.facts import Level, TopologyFact
from scheduler.model.ids import DomainName, LevelName
from scheduler.model.nodes import Node

TIER: Final = "fabric.topograph.run/tier-"
OLD: Final = "network.topology.nvidia.com/"
ACCELERATOR: Final = "accelerator.topograph.run/domain"
MAX_TIERS: Final = 8  # arbitrary; fabrics have three or four

NAMED: Final = ("rack", "block", "spine")  # tiers 0, 1 and 2; further ones are called by their number

_OLD_LABELS: Final = (("spine", f"{OLD}core"), ("block", f"{OLD}spine"), ("rack", f"{OLD}leaf"))


def tier_level(tier: int) -> LevelName:
    """
    Return the name of a tier.

    >>> tier_level(0), tier_level(4)
    ('rack', 'tier-4')
    """
    return LevelName(NAMED[tier] if tier < len(NAMED) else f"tier-{tier}")


_LABELS: Final = (
    *((tier_level(tier), f"{TIER}{tier}") for tier in reversed(range(MAX_TIERS))),
    *_OLD_LABELS,
    ("clique", ACCELERATOR),
    ("clique", f"{OLD}accelerator"),
)


def facts(nodes: Iterable[Node]) -> tuple[tuple[Level, ...], tuple[TopologyFact, ...]]:
    """Return every level with the label that carries it, outermost first within each generation, and what is said of each node."""
    levels = tuple(Level(LevelName(level), label) for level, label in _LABELS)
    found: list[TopologyFact] = []
    for node in nodes:
        labels = node.labels
        told: set[str] = set()
        for level, label in _LABELS:
            value = labels.get(label)
            if value and level not in told:
                told.add(level)
                found.append(TopologyFact(node.name, LevelName(level), DomainName(value), label))
    return levels, tuple(found)
