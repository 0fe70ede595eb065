"""Bounds of the search that users may wish otherwise."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What a decision may cost."""

    max_domains_tried: Annotated[int, Interval(ge=1, le=100_000)] = 64
    """Domains; default 64. For gangs of unlike pods: how many are searched before the answer is "not found within the bound".
    Raising it finds more and costs time in proportion. Gangs of equal pods need no search and no bound."""
