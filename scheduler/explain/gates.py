"""The gates a gang passes on its way to a plan, in order; the first that fails is the reason it waits."""

from dataclasses import dataclass
from typing import Final

from scheduler.model.reasons import Reason

GATES: Final = ("accepted", "members", "constraints", "eligibility", "resources", "topology")

FAILED_AT: Final = {
    Reason.INVALID_SPEC: "accepted",
    Reason.PRIORITY_CLASS_NOT_FOUND: "accepted",
    Reason.POD_GROUP_NOT_FOUND: "members",
    Reason.GANG_INCOMPLETE: "members",
    Reason.SCHEDULING_GATED: "members",
    Reason.ABOVE_MAX_COUNT: "members",
    Reason.UNEVALUATED_CONSTRAINT: "constraints",
    Reason.NOT_ACTED_UPON: "constraints",
    Reason.TOPOLOGY_LEVEL_NOT_FOUND: "constraints",
    Reason.NO_ELIGIBLE_NODE: "eligibility",
    Reason.INSUFFICIENT_RESOURCES: "resources",
    Reason.NODE_REFUSED: "resources",
    Reason.NO_DOMAIN_FITS: "topology",
    Reason.NOT_FOUND_WITHIN_BOUND: "topology",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate. `passed` None: not reached."""

    name: str
    passed: bool | None
    text: str = ""


def gates(reason: Reason | None, text: str) -> tuple[Gate, ...]:
    """Return all gates for a decision that failed for this reason; None: it did not fail."""
    if reason is None:
        return tuple(Gate(name, True) for name in GATES)
    failed = GATES.index(FAILED_AT.get(reason, "resources"))
    return tuple(
        Gate(name, number < failed if number <= failed else None, text if number == failed else "")
        for number, name in enumerate(GATES)
    )
