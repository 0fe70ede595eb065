"""
How long a gang may stand in part, and what the commit record alone says of that.

Theory of operation. The time spent below the minimum is added up in the record, so that neither a chain of leaders nor a wall clock that
jumps resets it. It is written with whatever else is, and `NOTES` times per repair for its own sake. A new leader counts what went by since
the last writing as well; how long that was only wall clocks know, so it is believed up to one step. The record's deadline is the moment,
as seen when it was written, at which the time will be spent: others conclude from it when an attempt began, and that one should long have
ended, also when its scheduler is dead.
"""

from dataclasses import replace
from typing import Final

from scheduler.model.podgroups import Attempt, AttemptPhase, PodGroup

USUAL_S: Final = 1.0  # with the next, how long binding a gang takes without faults: S1 of the commit protocol
USUAL_PER_MEMBER_S: Final = 1 / 500
SLOW: Final = 10.0  # times as long: an API server under load binds slowly, and that is no news yet
NOTES: Final = 4  # writes of the clock per repair, the one that gives up included
LAST_TRY_S: Final = (
    1.0  # what a new leader has at least, to see whether the gang can be made whole before it is taken down
)


def whole_by(group: PodGroup) -> float:
    """
    Return until when a gang that stands in part is being bound, in seconds since 1970; 0 when it is not.

    At the latest the record's deadline, and earlier where a long repair time would hide for that long that binding has stuck. An attempt
    that is being taken down, that has spent repair time, or that carries no deadline promises nothing.
    """
    attempt = group.attempt
    if attempt is None or not attempt.phase.is_open or attempt.phase is AttemptPhase.ABORTING:
        return 0.0
    if attempt.repair_spent_s > USUAL_S or attempt.deadline_s is None:
        return 0.0
    usual_s = USUAL_S + USUAL_PER_MEMBER_S * len(attempt.members)
    left_s = max(0.0, group.repair_timeout_s - attempt.repair_spent_s)
    return attempt.deadline_s - left_s + max(usual_s, min(left_s, SLOW * usual_s))


def step_s(patience_s: float) -> float:
    """Return how much repair time may go by unrecorded, of so much in all."""
    return max(LAST_TRY_S, patience_s / NOTES)


def spent_unseen_s(record: Attempt, patience_s: float, wall_now: float) -> float:
    """Return the repair time that went by since this record was written, by wall clocks, which are believed up to one step."""
    if record.deadline_s is None:
        return 0.0
    written_at = record.deadline_s - (patience_s - record.repair_spent_s)
    return max(0.0, min(wall_now - written_at, step_s(patience_s)))


def stamped(record: Attempt, patience_s: float, spent_s: float, wall_now: float) -> Attempt:
    """Return the record as it is to be written now, after so much more repair time. One that ends the attempt has no new deadline."""
    spent_s = round(record.repair_spent_s + spent_s, 3)
    if not record.phase.is_open:
        return replace(record, repair_spent_s=spent_s)
    left_s = max(0.0, patience_s - spent_s)
    return replace(record, repair_spent_s=spent_s, deadline_s=round(wall_now + left_s, 3))
