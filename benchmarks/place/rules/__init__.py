"""
Placement rules of other schedulers, one per file, each re-implemented from its description.

For: answering the same questions as the engine, by rules that are in use elsewhere. `RULES` is the one visible list.
May not: import anything of `scheduler`.
"""

from typing import Final

from benchmarks.place.rules import (
    dry_run_by_tier,
    first_value_of_label,
    hardest_first_pack,
    largest_pod_filter,
    pod_by_pod_pack,
    pod_by_pod_spread,
    tightest_then_largest,
)
from benchmarks.place.rules.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    pod_by_pod_spread.RULE,
    pod_by_pod_pack.RULE,
    hardest_first_pack.RULE,
    tightest_then_largest.RULE,
    largest_pod_filter.RULE,
    first_value_of_label.RULE,
    dry_run_by_tier.RULE,
)

__all__ = ["RULES", "Rule"]
