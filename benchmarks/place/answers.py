"""What anybody can say to a question: three answers, never two."""

from dataclasses import dataclass
from enum import StrEnum

from benchmarks.place.questions import Shares


class Verdict(StrEnum):
    """What an answer is."""

    PLACED = "placed"
    REFUSED = "refused"
    GAVE_UP = "gave up"


@dataclass(frozen=True, eq=False)
class Answer:
    """What somebody says, and how long it took. `shares` where it is placed."""

    verdict: Verdict
    seconds: float
    shares: Shares | None = None
