"""Conditions as values, as the API wants them, and whether an object says already what it should."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from scheduler.model.reasons import Reason

MAX_MESSAGE: Final = 32_768  # of the definitions
NOT_ACTED_UPON: Final = "Kept but not acted upon by this version"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition without its times."""

    type: str
    holds: bool
    reason: Reason
    message: str


Finding = tuple[Reason, str]
"""Something to be said of a spec: the word for programs, and the sentence for people."""


def accepted(findings: Iterable[Finding], *, holds: bool, otherwise: str) -> Condition:
    """Return the condition Accepted: the first finding's reason and every sentence, or `otherwise` when there are none."""
    said = tuple(findings)
    if not said:
        return Condition("Accepted", holds, Reason.ACCEPTED, otherwise)
    return Condition("Accepted", holds, said[0][0], " ".join(sentence for _, sentence in said))


def not_acted_upon(fields: Iterable[str]) -> tuple[Finding, ...]:
    """Return the finding that names these fields of the spec; none without any."""
    paths = ", ".join(f"spec.{field}" for field in fields)
    return ((Reason.NOT_ACTED_UPON, f"{NOT_ACTED_UPON}: {paths}."),) if paths else ()


def timed(
    conditions: Iterable[Condition], status: Mapping[str, Any], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """Return conditions as the API wants them. The transition time moves only with the condition's status; `status` is the present one."""
    before = {each.get("type"): each for each in status.get("conditions") or ()}
    made = []
    for condition in conditions:
        word = "True" if condition.holds else "False"
        old = before.get(condition.type, {})
        stands = old.get("status") == word and "lastTransitionTime" in old
        made.append(
            {
                "type": condition.type,
                "status": word,
                "reason": condition.reason.value,
                "message": condition.message[:MAX_MESSAGE],
                "observedGeneration": generation,
                "lastTransitionTime": old["lastTransitionTime"]
                if stands
                else now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )
    return made


def shows(present: Mapping[str, Any], wanted: Mapping[str, Any], removable: Sequence[str] = ()) -> bool:
    """
    Whether a status says already all that is wanted; what others say in it does not matter.

    `removable` names fields of ours that must not stand there when they are not wanted.
    """
    if any(name in present and name not in wanted for name in removable):
        return False
    conditions = {each.get("type"): each for each in present.get("conditions") or ()}
    for name, value in wanted.items():
        if name == "conditions":
            if any(conditions.get(each["type"]) != each for each in value):
                return False
        elif present.get(name) != value:
            return False
    return True
