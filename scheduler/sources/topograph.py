"""
Labels that NVIDIA topograph puts on nodes, in two generations of names.

``fabric.topograph.run/tier-N`` names switches, tier 0 nearest to the node, as many as the fabric has. ``accelerator.topograph.run/domain``
is an NVLink domain, or on some providers a partition of one, and ``sub-domain`` a partition of that. Up to 0.5 it used
``network.topology.nvidia.com/`` with leaf, spine and core, and accelerator for the domain; these count where the newer ones are absent.
A value of more than 63 characters is its hash; equal ones stay equal.
Source: NVIDIA/topograph docs/reference/node-labels.md.
"""

from typing import Final

from scheduler.model.ids import LevelName
from scheduler.sources.carriers import labels

TIER: Final = "fabric.topograph.run/tier-"
ACCELERATOR: Final = "accelerator.topograph.run/"
OLD: Final = "network.topology.nvidia.com/"
MAX_TIERS: Final = 8  # arbitrary; fabrics have three or four

NAMED: Final = ("rack", "block", "spine")  # tiers 0, 1 and 2; further ones are called by their number


def tier_level(tier: int) -> LevelName:
    """
    Return the name of a tier.

    >>> tier_level(0), tier_level(4)
    ('rack', 'tier-4')
    """
    return LevelName(NAMED[tier] if tier < len(NAMED) else f"tier-{tier}")


LABELS: Final = labels(
    *((tier_level(tier), f"{TIER}{tier}") for tier in reversed(range(MAX_TIERS))),
    ("spine", f"{OLD}core"),
    ("block", f"{OLD}spine"),
    ("rack", f"{OLD}leaf"),
    ("nvlink", f"{ACCELERATOR}domain"),
    ("nvlink", f"{OLD}accelerator"),
    ("clique", f"{ACCELERATOR}sub-domain"),
)
