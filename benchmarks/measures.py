"""
What the figures mean: one function per row of the metrics table, over raw records.

Times are seconds on one clock. Source of the definitions: `benchmarks.md`, section 1, of the design notes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class PodRecord:
    """One pod as the audit log shows it: when its create was answered, and when its binding was (None: never)."""

    namespace: str
    name: str
    gang: str
    created_s: float
    bound_s: float | None
    bound_by: str = ""


def decision_gap_s(pods: Sequence[PodRecord]) -> float:
    """Return first bind minus last create: negative when somebody was bound before everybody existed."""
    return min(_bound(pods)) - max(pod.created_s for pod in pods)


def bind_span_s(pods: Sequence[PodRecord]) -> float:
    """Return last bind minus first bind."""
    times = _bound(pods)
    return max(times) - min(times)


def bind_rate(pods: Sequence[PodRecord]) -> float:
    """Return pods bound per second of the bind span; 0 for a span of nothing."""
    times = _bound(pods)
    span = max(times) - min(times)
    return (len(times) - 1) / span if span > 0 else 0.0


def create_rate(pods: Sequence[PodRecord]) -> float:
    """Return pods created per second, from the first to the last create."""
    times = [pod.created_s for pod in pods]
    span = max(times) - min(times)
    return (len(times) - 1) / span if span > 0 else 0.0


def end_to_end_s(pods: Sequence[PodRecord]) -> float:
    """Return last bind minus first create."""
    return max(_bound(pods)) - min(pod.created_s for pod in pods)


def after_last_create_s(pods: Sequence[PodRecord]) -> float:
    """Return last bind minus last create."""
    return max(_bound(pods)) - max(pod.created_s for pod in pods)


def widest_gang_window_s(pods: Sequence[PodRecord]) -> float:
    """Return the longest time between first and last bind within one gang."""
    gangs: dict[str, list[float]] = {}
    for pod in pods:
        if pod.bound_s is not None:
            gangs.setdefault(pod.gang, []).append(pod.bound_s)
    return max(max(times) - min(times) for times in gangs.values())


def unbound(pods: Iterable[PodRecord]) -> int:
    """Return how many pods were never bound."""
    return sum(1 for pod in pods if pod.bound_s is None)


@dataclass(frozen=True, slots=True)
class Summary:
    """Median and range of n repeats."""

    n: int
    median: float
    low: float
    high: float


def summary(values: Sequence[float]) -> Summary:
    """Return median and range. Raises ValueError when there are no values: a figure without runs does not exist."""
    if not values:
        raise ValueError("no repeats to summarise")
    return Summary(len(values), round(median(values), 3), round(min(values), 3), round(max(values), 3))


def _bound(pods: Sequence[PodRecord]) -> list[float]:
    times = [pod.bound_s for pod in pods if pod.bound_s is not None]
    if not times:
        raise ValueError("nobody was bound")
    return times
