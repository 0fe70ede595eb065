"""Names to policies: the one visible list."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from scheduler.engine.extension_points import GroupOrder, PolicySet
from scheduler.engine.settings import EngineSettings
from scheduler.policies.group_order import priority_then_age
from scheduler.policies.placement import preferred_nodes
from scheduler.policies.settings import PolicySettings

GROUP_ORDERS: Final[Mapping[str, GroupOrder]] = MappingProxyType({"PriorityThenAge": priority_then_age})


def default_policies(
    settings: PolicySettings | None = None,
    engine: EngineSettings | None = None,
    *,
    holds_unevaluated: bool = True,
) -> PolicySet:
    """Return a fresh set of policies; it must not be shared between threads that decide at once."""
    del settings  # nothing to choose yet; callers pass what the configuration holds
    return PolicySet(
        GROUP_ORDERS["PriorityThenAge"], preferred_nodes, engine or EngineSettings(), holds_unevaluated
    )
