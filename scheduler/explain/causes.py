"""
Why a gang waits, without any number that changes while the cause stays: what may stand in a status that is written only on change.

Sizes that the spec gives may stand here; what is free, and how many nodes there are, may not.
"""

import numpy as np

from scheduler.engine.standing import Standing
from scheduler.explain.ground import Ground
from scheduler.explain.questions import WHOLE_CLUSTER, Question
from scheduler.model.plan import Hold
from scheduler.model.reasons import MEANING, Reason
from scheduler.model.resources import PODS


def cause_of(held: Hold, there: Standing | None, ground: Ground, question: Question | None) -> str:
    """Return the cause in a sentence."""
    size = there.group.min_count if there is not None else 0
    match held.reason:
        case Reason.GANG_INCOMPLETE:
            return f"Fewer members exist than the {size} that start together."
        case Reason.INSUFFICIENT_RESOURCES if question is not None:
            return f"Too little {_short(ground, question)} is free for {_members(size)} at once, on the nodes that may run them."
        case Reason.NO_DOMAIN_FITS if question is not None:
            return _no_domain(ground, question, size)
        case Reason.SCHEDULING_GATED | Reason.ABOVE_MAX_COUNT | Reason.NO_ELIGIBLE_NODE | Reason.NODE_REFUSED:
            return MEANING[held.reason]
        case Reason.NOT_FOUND_WITHIN_BOUND:
            return MEANING[held.reason]
        case _:
            return held.message


def _members(size: int) -> str:
    return "1 member" if size == 1 else f"{size} members"


def _no_domain(ground: Ground, question: Question, size: int) -> str:
    slices = ", slices kept whole" if question.slices else ""
    if question.required in {None, WHOLE_CLUSTER}:
        return f"The nodes have no room for {_members(size)} together{slices}."
    level = ground.tree.levels[question.required or WHOLE_CLUSTER]
    return f"No {level} has room for {_members(size)} at once{slices}."


def _short(ground: Ground, question: Question) -> str:
    """Return the resources of which there is too little whatever is free of the others; "room" where only all together lack."""
    found = []
    for name in sorted({name for kind in question.kinds for name in kind.shape.requests}):
        free = ground.free(name)
        for kind in question.kinds:
            amount = kind.shape.requests[name]
            if amount <= 0:
                continue
            copies = np.minimum(free[ground.eligible(kind.shape)] // amount, kind.count)
            if int(copies.sum()) < kind.count and name not in found:
                found.append(name)
    plain = [name for name in found if name != PODS] or found
    return " and ".join(plain) if plain else "room"
