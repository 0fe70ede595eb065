"""
Equal questions within one cycle are answered once.

Thousands of gangs may wait for the same: so many pods of one shape, with the same constraint. While nothing more is taken they all get the
answer of the first, word for word. A gang that is placed changes what is taken, so only refusals are remembered.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scheduler.engine import gang, ruled_gangs, sentences
from scheduler.engine.gang import Batch, NotPlaced, Placed, Where
from scheduler.engine.trial import Trial
from scheduler.model.reasons import Reason
from scheduler.model.status import Status

NOT_KEPT = np.zeros(0, dtype=np.int64)  # whoever asks for the largest of it hears that there is none


@dataclass(slots=True)
class _Refused:
    """A gang that found no place within `max_domains`, and what was said of it, once it was."""

    failed: NotPlaced
    max_domains: int
    told: tuple[Status, Reason, str] | None = None


def place(trial: Trial, wanted: Sequence[Batch], where: Where, max_domains: int) -> Placed | NotPlaced:
    """
    Answer as `gang.place` does, or as `ruled_gangs.place` where rules on other pods concern a member.

    Cost: of a question that was refused while the same was taken, its hash.
    """
    question = _question(wanted, where)
    known = trial.recall(question)
    if isinstance(known, _Refused) and known.max_domains == max_domains:
        return replace(known.failed, batches=tuple(wanted))
    is_ruled = any(batch.profile is not None for batch in wanted)
    find = ruled_gangs.place if is_ruled else gang.place
    found = find(trial, wanted, where, max_domains)
    if isinstance(found, NotPlaced):
        trial.remember(question, _Refused(_without_nodes(found), max_domains))
    return found


def not_placed(trial: Trial, failed: NotPlaced) -> tuple[Status, Reason, str]:
    """Answer as `sentences.not_placed` does."""
    known = trial.recall(_question(failed.batches, failed.where))
    if not isinstance(known, _Refused):
        return sentences.not_placed(trial, failed)
    if known.told is None:
        known.told = sentences.not_placed(trial, failed)
    return known.told


def _question(wanted: Sequence[Batch], where: Where) -> Hashable:
    return (*((batch.shape, batch.refused, batch.profile, len(batch.pods)) for batch in wanted), where)


def _without_nodes(failed: NotPlaced) -> NotPlaced:
    """Return it with what explanations read: the layers up to the required one, which seldom have many domains."""
    read = failed.where.required + 1
    rooms = tuple((*rooms[:read], *(NOT_KEPT for _ in rooms[read:])) for rooms in failed.rooms)
    return replace(failed, rooms=rooms)
