"""
Counters and histograms in a registry of our own, so that a test or a second scheduler in one process starts from nothing.

A label's values come from closed lists, except queues, which users name: after `MAX_QUEUES` different ones the rest is counted as "other".
Next: `health` serves them at /metrics.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

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
from scheduler.model.podgroups import DEFAULT_QUEUE
from scheduler.model.reasons import Reason
from scheduler.telemetry.gpus import GpuUse

MAX_QUEUES: Final = 50
OTHER: Final = "other"
SECONDS_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SECONDS_WIDE: Final = (*SECONDS_SHORT, 15.0, 60.0, 300.0)
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
        self._failed = Counter(
            "tutti_attempts_failed",
            "Plans that came to nothing, with nobody bound by them, by reason; each gang is tried again.",
            ["reason"],
            registry=own,
        )
        self._evictions = Counter(
            "tutti_evictions",
            "Evictions asked for of members of gangs that stood below their minimum for too long, by result: evicted or refused.",
            ["result"],
            registry=own,
        )
        self._gang_window = Histogram(
            "tutti_gang_window_seconds",
            "From the first acknowledged binding of a gang's attempt to the one that made the gang whole: how long early members hold "
            "GPUs without their peers. Gangs of one are left out.",
            registry=own,
            buckets=SECONDS_WIDE,
        )
        self._bind_span = Histogram(
            "tutti_bind_span_seconds",
            "From the first acknowledged binding of a gang's attempt to its last. Gangs of one are left out.",
            registry=own,
            buckets=SECONDS_WIDE,
        )
        self._queue_time = Histogram(
            "tutti_queue_time_seconds",
            "From when this process first saw enough ungated members of a gang to the acknowledged binding that made the gang whole. "
            "First starts only: repairs, growth, and gangs found bound are left out.",
            ["queue"],
            registry=own,
            buckets=SECONDS_LONG,
        )
        self._pending = Gauge(
            "tutti_pending_groups",
            "Groups of which members wait for a node, by queue and reason. With a plan they still wait: as Placed, or for what their last "
            "plan came to nothing.",
            ["queue", "reason"],
            registry=own,
        )
        self._pending_gpus = Gauge(
            "tutti_pending_gpus",
            "GPUs that the waiting members of these groups ask for, by queue and reason.",
            ["queue", "reason"],
            registry=own,
        )
        self._partial = Gauge(
            "tutti_partial_groups",
            "Groups of which some members hold nodes, fewer than the gang needs, by queue: being bound, being repaired, or left so.",
            ["queue"],
            registry=own,
        )
        self._requests = Counter(
            "tutti_api_requests", "Requests to the API server.", ["verb", "code"], registry=own
        )
        self._watch_events = Counter(
            "tutti_watch_events", "Changes taken in from watches and lists.", ["kind"], registry=own
        )
        self._lag = Histogram(
            "tutti_watch_lag_seconds",
            "From an acknowledged binding to its sight in the cache, for a sample of the bindings; 0 where the watch was first.",
            registry=own,
            buckets=SECONDS_WIDE,
        )
        self._delay = Histogram(
            "tutti_loop_delay_seconds",
            "How late a timer of the event loop fired that is due four times a second.",
            registry=own,
            buckets=SECONDS_SHORT,
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
        self._partial_queues: set[str] = {str(DEFAULT_QUEUE)}  # an alert needs a zero to end at
        self._gpu_gauges: tuple[
            Gauge, ...
        ] = ()  # none in a process that does not count GPUs: it must not show zero

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

    def attempt_failed(self, reason: Reason) -> None:
        """A plan came to nothing with nobody bound by it."""
        self._failed.labels(str(reason)).inc()

    def eviction_answered(self, result: Literal["evicted", "refused"]) -> None:
        """The API server has answered an eviction."""
        self._evictions.labels(result).inc()

    def gang_whole(self, window_s: float) -> None:
        """A binding made a gang of several whole, so long after the attempt's first."""
        self._gang_window.observe(max(0.0, window_s))

    def gang_started(self, queue: QueueName, queued_s: float) -> None:
        """A gang is whole for the first time, so long after it was complete."""
        self._queue_time.labels(self._bounded(queue)).observe(max(0.0, queued_s))

    def gang_bound(self, span_s: float) -> None:
        """An attempt of a gang of several has bound its last member, so long after its first."""
        self._bind_span.observe(max(0.0, span_s))

    def pending(self, groups: Iterable[tuple[QueueName, Reason, int]]) -> None:
        """Replace the picture of what waits: queue, reason, and GPUs that the waiting members ask for."""
        counts: Tally[tuple[str, str]] = Tally()
        gpus: Tally[tuple[str, str]] = Tally()
        for queue, reason, wanted in groups:
            labels = self._bounded(queue), str(reason)
            counts[labels] += 1
            gpus[labels] += wanted
        self._pending.clear()
        self._pending_gpus.clear()
        for labels in sorted(counts):
            self._pending.labels(*labels).set(counts[labels])
            self._pending_gpus.labels(*labels).set(gpus[labels])

    def partial(self, queues: Iterable[QueueName]) -> None:
        """Replace the picture of what stands in part: the queue of each such group. A queue that was shown once stays, at zero."""
        counts = Tally(self._bounded(queue) for queue in queues)
        self._partial_queues.update(counts)
        for queue in sorted(self._partial_queues):
            self._partial.labels(queue).set(counts[queue])

    def gpus(self, use: GpuUse) -> None:
        """Replace the picture of the cluster's GPUs."""
        self._gpu_gauges = self._gpu_gauges or _gpu_gauges(self.registry)
        shown = (use.allocatable, use.allocated, use.allocation, use.fragmentation)
        for gauge, value in zip(self._gpu_gauges, shown, strict=True):
            gauge.set(value)

    def kube_scheduler_silence(self, silence_s: Callable[[], float]) -> None:
        """Show from now on how long ago kube-scheduler last called, as this tells when asked (extender mode)."""
        Gauge(
            "tutti_kube_scheduler_silence_seconds",
            "Since kube-scheduler last called about any pod, or since the start. Grows also while no pod waits; together with "
            "tutti_pending_groups of reason Placed or VotesMissing it means that kube-scheduler hangs or is not there.",
            registry=self.registry,
        ).set_function(silence_s)

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

    def own_binding_seen(self, after_s: float) -> None:
        """The cache shows a binding of ours, so long after it was acknowledged."""
        self._lag.observe(max(0.0, after_s))

    def loop_delayed(self, late_s: float) -> None:
        """Observer of `delay.sample`."""
        self._delay.observe(late_s)

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


def _gpu_gauges(registry: CollectorRegistry) -> tuple[Gauge, ...]:
    return tuple(
        Gauge(name, text, registry=registry)
        for name, text in (
            ("tutti_gpus_allocatable", "GPUs of nodes that are ready and not cordoned."),
            ("tutti_gpus_allocated", "Of these, GPUs that bound pods of any scheduler ask for."),
            ("tutti_gpu_allocation_ratio", "Allocated GPUs by allocatable GPUs; 0 without GPUs."),
            (
                "tutti_gpu_fragmentation_ratio",
                "Free GPUs on nodes of which a part is in use, by all free GPUs: the share that a gang of whole nodes cannot use.",
            ),
        )
    )
