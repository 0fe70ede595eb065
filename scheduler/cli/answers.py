"""
One answer about a group, from two who know different things: what the scheduler last wrote, and what the engine says at this moment.

The scheduler knows more (what kube-scheduler refused, room held by attempts under way, that it has given up), but it wrote earlier; the
engine sees the cluster as it is now, and nothing else. Where they differ, the scheduler's word is the answer and the engine's stands
beside it; but that a gang is whole is never taken from an earlier word. Pure: plain values in, plain values out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from scheduler.model.ids import GroupKey
from scheduler.model.podgroups import AttemptPhase
from scheduler.model.reasons import Reason

Document = dict[str, Any]

ONLY_WITH_KUBE_SCHEDULER: Final = frozenset({Reason.VOTES_MISSING, Reason.NODE_REFUSED})
ABOUT_ROOM: Final = frozenset(
    {
        Reason.NO_ELIGIBLE_NODE,
        Reason.POD_CONSTRAINTS_NOT_MET,
        Reason.INSUFFICIENT_RESOURCES,
        Reason.NO_DOMAIN_FITS,
        Reason.NOT_FOUND_WITHIN_BOUND,
    }
)
"""Reasons that a scheduler which holds unevaluated constraints never comes to, for a gang that has some."""

GIVEN_UP: Final = "Change its spec or create it anew: with onTimeout: Fail the scheduler does not try again."
UNTRIED: Final[Document] = {
    "gates": (),
    "domains": (),
    "relaxations": (),
    "blockingSets": (),
    "outsized": "",
    "changes": (),
    "advice": (),
    "notes": (),
}
"""Nothing of what the engine makes of a gang that waits: it does not, or not for room."""

HAS_ROOM: Final = "There is room for every member that waits, as far as the engine sees."
SILENCE: Final = "The scheduler has not said anything of this group yet; does Tutti run?"


@dataclass(frozen=True, slots=True)
class Said:
    """
    What the scheduler last wrote of a group. `since`: from when on the status, True or False, has been so.

    `bound` of `planned` members: of the attempt that is under way; `planned` 0: none is.
    """

    status: str
    reason: str
    message: str
    since: str
    is_of_this_spec: bool = True
    has_given_up: bool = False
    planned: int = 0
    bound: int = 0

    @property
    def is_true(self) -> bool:
        """Whether it says that every member the gang needs is bound."""
        return self.status == "True"

    @property
    def evaluates_everything(self) -> bool:
        """Whether it shows that kube-scheduler evaluates what the engine does not, as in extender mode."""
        return self.is_true or self.reason in ONLY_WITH_KUBE_SCHEDULER | ABOUT_ROOM


def said_of(group: Mapping[str, Any]) -> Said | None:
    """Return what the scheduler last wrote to a PodGroup, given as the API server has it; None: nothing."""
    status = group.get("status") or {}
    found = _condition(status, "Scheduled")
    attempt = status.get("attempt") or {}
    members, bound = attempt.get("members") or (), int((status.get("members") or {}).get("bound", 0))
    is_open = attempt.get("phase") in {phase.value for phase in AttemptPhase if phase.is_open}
    is_stuck = (
        _condition(status, "Degraded").get("status") == "True"
        or attempt.get("phase") == AttemptPhase.ABORTING
    )
    is_under_way = is_open and not is_stuck and len(members) > bound
    if not found and not is_open:
        return None
    reason = str(found.get("reason", ""))
    is_of_this_spec = found.get("observedGeneration", 0) >= group.get("metadata", {}).get("generation", 0)
    fails = (group.get("spec") or {}).get("onTimeout") == "Fail"
    return Said(
        status=str(found.get("status", "Unknown")),
        reason=reason,
        message=str(found.get("message", "")),
        since=str(found.get("lastTransitionTime", "")),
        is_of_this_spec=is_of_this_spec,
        has_given_up=fails and reason == Reason.TIMEOUT and is_of_this_spec,
        planned=len(members) if is_under_way else 0,
        bound=bound,
    )


def combined(key: GroupKey, said: Said | None, engine: Mapping[str, Any], *, at: str) -> Document:
    """Return the answer. `engine` is its explanation as plain values, made `at` that time."""
    asked = {"at": at, **{name: engine[name] for name in ("placed", "headline", "reason")}}
    document = {"group": str(key), "source": "engine", **engine, "scheduler": _shown(said), "engine": asked}
    if said is None or not said.is_of_this_spec or (said.is_true and not _stands(engine)):
        return document
    if said.planned:
        return {**document, **UNTRIED, "gates": document.get("gates", ()), **_being_bound(said)}
    if said.has_given_up:
        document |= {**UNTRIED, "advice": (GIVEN_UP,)}
    if (said.is_true, said.reason if not said.is_true else "") == (engine["placed"], engine["reason"]):
        return document
    if not engine["placed"] and not engine["reason"]:
        asked["headline"] = (
            HAS_ROOM  # what happens next is the scheduler's to say, and it says something else
        )
    return {
        **document,
        "source": "scheduler",
        "placed": said.is_true,
        "headline": said.message,
        "reason": said.reason,
    }


def from_status(key: GroupKey, group: Mapping[str, Any]) -> Document:
    """Return what is written on the group, for people who may not list nodes."""
    said = said_of(group)
    refused, degraded = (_condition(group.get("status") or {}, kind) for kind in ("Accepted", "Degraded"))
    words: dict[str, Any] = {"placed": False, "headline": SILENCE, "reason": None}
    if refused.get("status") == "False":
        words = {"placed": False, "headline": refused.get("message", ""), "reason": refused.get("reason")}
    elif said is not None and said.planned:
        words = _being_bound(said)
    elif degraded.get("status") == "True" and (said is None or said.is_true or not said.reason):
        words = {"placed": False, "headline": degraded.get("message", ""), "reason": degraded.get("reason")}
    elif said is not None:
        words = {"placed": said.is_true, "headline": said.message, "reason": said.reason}
    written = (group.get("status") or {}).get("explanation")
    document = {
        "group": str(key),
        **words,
        "source": "status",
        "scheduler": _shown(said),
        "engine": None,
        "explanation": written,
    }
    return {**document, "advice": (GIVEN_UP,)} if said is not None and said.has_given_up else document


def _stands(engine: Mapping[str, Any]) -> bool:
    """Whether, as far as the engine counts members at all, enough hold a node or have ended well."""
    counted = [gate["numbers"] for gate in engine["gates"] if gate["name"] == "members"]
    numbers = counted[0] if counted else {}
    return not numbers or numbers["bound"] + numbers["ended"] >= numbers["needed"]


def _being_bound(said: Said) -> Document:
    return {
        "source": "scheduler",
        "placed": False,
        "headline": f"{said.planned} members have been given nodes and are being bound; {said.bound} are.",
        "reason": Reason.PLACED.value,
    }


def _shown(said: Said | None) -> Document | None:
    if said is None:
        return None
    shown = asdict(said)
    return {
        "scheduled": said.status,
        **{name: shown[name] for name in ("reason", "message", "since")},
        "isOfThisSpec": said.is_of_this_spec,
        "hasGivenUp": said.has_given_up,
    }


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions") or () if each.get("type") == kind), {})
