"""
When gangs were complete, bound and whole: the instants from which queue time, gang window and bind span are told.

Symbols as in the benchmarks: quorum exists at t_quo, the first binding of an attempt is acknowledged at t_b1, the one that makes the gang
whole at t_bq, the last at t_bn. Times are seconds on the driver's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.engine.messages import Bind
from scheduler.engine.standing import standing
from scheduler.model.ids import AttemptId, GroupKey, QueueName
from scheduler.model.podgroups import DEFAULT_QUEUE, PodGroup
from scheduler.model.pods import Pod
from scheduler.telemetry.metrics import Metrics


@dataclass(slots=True)
class _Course:
    """One group. `lacking`: bindings that the present attempt still needs to make the gang whole. `told`: the last attempt that ended."""

    complete_at: float | None = None
    has_started: bool = False
    queue: QueueName = DEFAULT_QUEUE
    attempt: AttemptId | None = None
    lacking: int = 0
    first_at: float | None = None
    last_at: float = 0.0
    told: AttemptId | None = None


class Starts:
    """Owns the instants of every group that exists. Told by the chronicle; tells the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._courses: dict[GroupKey, _Course] = {}

    def seen(self, key: GroupKey, group: PodGroup | None, members: Sequence[Pod], now: float) -> None:
        """A group is in this state. A gang that is whole when it is first seen complete was started by somebody before us."""
        course = self._course(key)
        if course.complete_at is not None or group is None or len(members) < group.min_count:
            return
        there = standing(group, members)
        if not there.missing():
            course.complete_at, course.has_started = now, not there.needed

    def gone(self, key: GroupKey) -> None:
        """A group and its members exist no more."""
        self._courses.pop(key, None)

    def binding(self, order: Bind, group: PodGroup | None, members: Sequence[Pod]) -> None:
        """A binding is about to be sent, for a group in this state."""
        course = self._course(order.key)
        if course.attempt != order.attempt and group is not None:
            course.attempt, course.first_at, course.queue = order.attempt, None, group.queue
            course.lacking = standing(group, members).needed

    def bound(self, key: GroupKey, now: float) -> int:
        """A binding of the present attempt was acknowledged. Returns how many more the gang needs; below 0 for more than it needs."""
        course = self._course(key)
        course.first_at = now if course.first_at is None else course.first_at
        course.last_at = now
        course.lacking -= 1
        if course.lacking == 0:
            if not key.is_single_pod:
                self._metrics.gang_whole(now - course.first_at)
            if not course.has_started and course.complete_at is not None:
                self._metrics.gang_started(course.queue, now - course.complete_at)
            course.has_started = True
        return course.lacking

    def ended(self, key: GroupKey, attempt: AttemptId, *, is_committed: bool) -> bool:
        """An attempt ended. Returns whether that is news: a record that was not acknowledged is written, and told, again."""
        course = self._course(key)
        if course.told == attempt:
            return False
        course.told = attempt
        span_s = self.span_s(key, attempt)
        if is_committed and span_s is not None and not key.is_single_pod:
            self._metrics.gang_bound(span_s)
        return True

    def span_s(self, key: GroupKey, attempt: AttemptId) -> float | None:
        """Return the time from the attempt's first binding to its last so far; None when we have sent none."""
        course = self._course(key)
        if course.attempt != attempt or course.first_at is None:
            return None
        return course.last_at - course.first_at

    def _course(self, key: GroupKey) -> _Course:
        return self._courses.setdefault(key, _Course())
