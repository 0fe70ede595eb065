"""
An explanation as it stands in a group's status: the cause, what blocks, and the cheapest sort of change; no number that changes by itself.

Equal causes give equal summaries, byte for byte, so that a status is written only when the cause changes. `tutti explain group` has the
numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from scheduler.explain.blocking import BlockingSet
from scheduler.explain.changes import Change
from scheduler.explain.constraints import Constraint, Sort
from scheduler.explain.costs import COSTS, ChangeKind
from scheduler.explain.explanation import Explanation

# The bounds of status.explanation in the definition of PodGroup.
MOST_SETS: Final = 8
MOST_CONSTRAINTS: Final = 16
MAX_NAME: Final = 512
MAX_MESSAGE: Final = 4096
MAX_SHORT: Final = 1024

UNDER_WAY: Final = "room reserved for gangs that are being bound"  # whose it is changes within seconds


def summary(told: Explanation) -> Mapping[str, Any] | None:
    """Return what status.explanation should say; None for a gang that does not wait, or is about to start."""
    failed = next((gate for gate in told.gates if gate.passed is False), None)
    if failed is None or not told.reason:
        return None
    message = f"{failed.cause} {told.outsized}".strip()
    found: dict[str, Any] = {"gate": failed.name.capitalize(), "message": message[:MAX_MESSAGE]}
    sets = _sets(told.blocking.sets)
    if sets:
        found["blockingSets"] = sets
    cheapest = _cheapest(told.changes)
    if cheapest is not None:
        found["cheapestChange"] = {"kind": cheapest.kind.value, "message": cheapest.advice[:MAX_SHORT]}
    elif told.advice:
        found["cheapestChange"] = {"message": told.advice[0][:MAX_SHORT]}
    return found


def _sets(sets: Sequence[BlockingSet]) -> list[dict[str, Any]]:
    named: dict[tuple[str, ...], bool] = {}
    for each in sets:
        named.setdefault(tuple(dict.fromkeys(map(_name, each.constraints))), each.is_irreducible)
    return [
        {"constraints": list(names[:MOST_CONSTRAINTS]), "message": _message(names, least)[:MAX_SHORT]}
        for names, least in list(named.items())[:MOST_SETS]
    ]


def _name(constraint: Constraint) -> str:
    return UNDER_WAY if constraint.sort is Sort.ATTEMPT else constraint.name[:MAX_NAME]


def _message(names: Sequence[str], is_irreducible: bool) -> str:
    listed = ", ".join(names)
    if len(names) == 1:
        return f"Without this alone the gang would start: {listed}."
    rest = "it waits if any of them stays" if is_irreducible else "whether fewer would do was not found out"
    return f"Without all of these the gang would start, and {rest}: {listed}."


def _cheapest(changes: Sequence[Change]) -> Change | None:
    """Return the change of the sort that is cheapest to begin with; how much of it is needed changes by itself."""
    order = list(ChangeKind)
    return min(changes, key=lambda each: (COSTS[each.kind].base, order.index(each.kind)), default=None)
