"""Parameters of the policies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """Parameters of the policies. None yet: the order and the placement of this version have nothing to choose."""
