"""
How long a gang may stand in part, and what the commit record alone says of that.

Whoever reads a record sees an attempt under way or one that should long have ended, also when its scheduler is dead: `status.attempt`
carries the moment at which it is given up, and from it follows when it began.
"""

from typing import Final

from scheduler.model.podgroups import AttemptPhase, PodGroup

USUAL_S: Final = 1.0  # with the next, how long binding a gang takes without faults: S1 of the commit protocol
USUAL_PER_MEMBER_S: Final = 1 / 500
SLOW: Final = 10.0  # times as long: an API server under load binds slowly, and that is no news yet


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
