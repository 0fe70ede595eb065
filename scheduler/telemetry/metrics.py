"""
Counters and histograms in a registry of our own, so that a test or a second scheduler in one process starts from nothing.

A label's values come from closed lists, except queues, which users name: after `MAX_QUEUES` different ones the rest is counted as "other".
Next: `health` serves them at /metrics.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from scheduler.model.ids import QueueName
from scheduler.model.plan import Admit, Hold
from scheduler.model.reasons import Reason

MAX_QUEUES: Final = 50
OTHER: Final = "other"
SECONDS_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SECONDS_LONG: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0, 10800.0, 43200.0)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Everything that is counted. One per process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        own = self.registry
        self._decision = Histogram(
            "tutti_decision_seconds", "Time of one decision cycle.", registry=own, buckets=SECONDS_SHORT
        )
        self._planned = Counter("tutti_groups_planned", "Groups that got a plan.", registry=own)
        self._held = Counter(
            "tutti_groups_held", "Groups that got none, by reason.", ["reason"], registry=own
        )
        self._attempts = Counter(
            "tutti_attempts", "Attempts to start a gang, by result.", ["result"], registry=own
        )
        self._bind_span = Histogram(
            "tutti_bind_span_seconds",
            "From a gang's first binding to its last.",
            registry=own,
            buckets=SECONDS_SHORT,
        )
        self._queue_time = Histogram(
            "tutti_queue_time_seconds",
            "From the moment a gang was complete to its last binding.",
            ["queue"],
            registry=own,
            buckets=SECONDS_LONG,
        )
        self._pending = Gauge(
            "tutti_pending_groups",
            "Groups that wait, by queue and reason.",
            ["queue", "reason"],
            registry=own,
        )
        self._requests = Counter(
            "tutti_api_requests", "Requests to the API server.", ["verb", "code"], registry=own
        )
        self._watch_events = Counter(
            "tutti_watch_events", "Changes taken in from watches and lists.", ["kind"], registry=own
        )
        self._lag = Gauge(
            "tutti_watch_lag_seconds", "From an acknowledged write to its sight in the cache.", registry=own
        )
        self._silence = Gauge(
            "tutti_watch_silence_seconds", "Since a watch was last heard of.", ["kind"], registry=own
        )
        self._relists = Gauge(
            "tutti_relists", "Lists that had to be started anew since the start.", registry=own
        )
        self._set_aside = Gauge(
            "tutti_objects_set_aside", "Objects that cannot be read.", ["kind"], registry=own
        )
        self._leader = Gauge("tutti_leader", "1 while this replica leads.", registry=own)
        self._epoch = Gauge("tutti_leader_epoch", "Epoch of this replica's last term.", registry=own)
        self._queues: set[str] = set()

    def render(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self.registry)

    def group_planned(self, admit: Admit) -> None:
        """A cycle found a node for every member. With `group_held`: the engine's `Reporter`; called from its thread."""
        self._planned.inc()

    def group_held(self, hold: Hold) -> None:
        """A cycle left a gang waiting."""
        self._held.labels(str(hold.reason)).inc()

    def decided(self, seconds: float) -> None:
        """One cycle took so long."""
        self._decision.observe(seconds)

    def attempt_ended(self, result: str) -> None:
        """`result` is one of committed, aborted, refused."""
        self._attempts.labels(result if result in {"committed", "aborted", "refused"} else OTHER).inc()

    def gang_bound(self, queue: QueueName, *, span_s: float, queued_s: float) -> None:
        """A gang is bound whole."""
        self._bind_span.observe(max(0.0, span_s))
        self._queue_time.labels(self._bounded(queue)).observe(max(0.0, queued_s))

    def pending(self, groups: Iterable[tuple[QueueName, Reason]]) -> None:
        """Replace the picture of what waits."""
        tally = Tally((self._bounded(queue), str(reason)) for queue, reason in groups)
        self._pending.clear()
        for (queue, reason), count in sorted(tally.items()):
            self._pending.labels(queue, reason).set(count)

    def request_answered(self, verb: str, code: int) -> None:
        """Observer of `kube.transport.Transport`; code 0 stands for no answer."""
        self._requests.labels(verb, str(code)).inc()

    def changes_taken_in(self, kind: str, count: int) -> None:
        """Observer of `kube.feed.Feed`."""
        self._watch_events.labels(kind).inc(count)

    def watches(self, silence_s: Mapping[str, float], relists: int) -> None:
        """State of the watches."""
        for kind, seconds in silence_s.items():
            self._silence.labels(kind).set(seconds)
        self._relists.set(relists)

    def own_write_seen(self, after_s: float) -> None:
        """The cache shows a write of ours, so long after it was acknowledged."""
        self._lag.set(max(0.0, after_s))

    def set_aside(self, kinds: Iterable[str]) -> None:
        """Replace the picture of unreadable objects: one entry per object, by kind."""
        self._set_aside.clear()
        for kind, count in sorted(Tally(kinds).items()):
            self._set_aside.labels(kind).set(count)

    def leading(self, epoch: int | None) -> None:
        """The epoch of the present term, or None when this replica does not lead."""
        self._leader.set(0 if epoch is None else 1)
        if epoch is not None:
            self._epoch.set(epoch)

    def _bounded(self, queue: QueueName) -> str:
        if queue in self._queues or len(self._queues) < MAX_QUEUES:
            self._queues.add(queue)
            return str(queue)
        return OTHER
