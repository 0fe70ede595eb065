"""
What a build or a start tells while it runs. Values only: the command line draws them, tests ignore them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One line of progress. `estimate_s` is how long the whole step is expected to take, None where nobody knows."""

    what: str
    elapsed_s: float = 0.0
    estimate_s: float | None = None
    done: bool = False


Progress = Callable[[Step], None]


def silent(_: Step) -> None:
    """Tell nobody."""
