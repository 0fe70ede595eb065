"""
What happens, told in three ways: one log line per decision, metrics, and Kubernetes Events.

The driver tells; nobody here answers back. The engine's `Reporter` is called in the worker thread, so it touches counters only.
Next: `starts` keeps the instants of each gang, `sightings` the lag of the watch.
"""

from collections.abc import Callable

from scheduler.driver.partials import Partials
from scheduler.driver.sightings import Sightings
from scheduler.driver.starts import Starts
from scheduler.driver.waits import Waits
from scheduler.engine.extension_points import SILENT, Reporter
from scheduler.engine.messages import (
    Abandoned,
    AnswerVote,
    Bind,
    BindDone,
    BindFailed,
    Event,
    Evict,
    Evicted,
    EvictionRefused,
    Instruction,
    Observed,
    Publish,
    Record,
    RecordRefused,
)
from scheduler.kube.cache import Cache
from scheduler.kube.recorder import Recorder, Regarding, about_pod
from scheduler.model.ids import AttemptId, GroupKey
from scheduler.model.plan import Admit, Plan
from scheduler.model.podgroups import AttemptPhase, MemberRef
from scheduler.model.reasons import Reason
from scheduler.model.status import Status
from scheduler.telemetry import logs
from scheduler.telemetry.metrics import Metrics

RESULTS = {AttemptPhase.COMMITTED: "committed", AttemptPhase.ABORTED: "aborted"}


class Chronicle:
    """Told by the driver what was decided, asked for and done. Owns the count of cycles."""

    def __init__(
        self, metrics: Metrics, recorder: Recorder, cache: Cache, reporter: Reporter = SILENT
    ) -> None:
        self._metrics = metrics
        self._recorder = recorder
        self._cache = cache
        self.reporter = reporter
        self._log = logs.get("driver")
        self._silence_s: Callable[[], float] | None = None
        self.is_leading = False
        self._cycles = 0
        self._starts = Starts(metrics)
        self._sightings = Sightings(cache, metrics.own_binding_seen)
        self._waits = Waits(cache)
        self._partials = Partials()

    def listen(self, silence_s: Callable[[], float]) -> None:
        """Extender mode: `silence_s` tells how long ago kube-scheduler last called."""
        self._metrics.kube_scheduler_silence(silence_s)
        self._silence_s = silence_s

    def remark(self) -> str:
        """Return what readiness shall say beside yes or no; empty when nothing."""
        return (
            "" if self._silence_s is None else f"kube-scheduler has not called for {self._silence_s():.0f} s"
        )

    def leading(self, epoch: int | None) -> None:
        """A term began with this epoch, or ended."""
        self.is_leading = epoch is not None
        self._partials.clear()
        self._metrics.leading(epoch)
        self._log.info("leading" if epoch is not None else "leadership ended", epoch=epoch)

    def cycle_ended(self, plan: Plan, *, considered: int, seconds: float) -> None:
        """A cycle ended with this plan."""
        self._cycles += 1
        self._metrics.decided(seconds)
        cycle_ms = round(seconds * 1000, 1)
        for decision in plan.decisions:
            line = self._log.bind(cycle=self._cycles, group=str(decision.group))
            if isinstance(decision, Admit):
                domain = (
                    f"{decision.domain.level} {decision.domain.domain}"
                    if decision.domain is not None
                    else "cluster"
                )
                tell = line.info if self._waits.placed(decision.group) else line.debug
                tell("placed", members=len(decision.assignments), within=domain, cycle_ms=cycle_ms)
            else:
                line = line.bind(status=decision.status.value)
                self._waits.held(decision.group, decision.reason, decision.message, line)
        placed = len(plan.admitted)
        self._log.debug(
            "cycle ended",
            cycle=self._cycles,
            considered=considered,
            placed=placed,
            wait=len(plan.decisions) - placed,
            cycle_ms=cycle_ms,
        )

    def instructed(self, order: Instruction, now: float) -> None:
        """The driver is about to carry this out."""
        match order:
            case Bind(key):
                self._starts.binding(order, *self._cache.view(key))
                self._sightings.sent(order)
            case Record() if not order.attempt.phase.is_open:
                self._attempt_ended(order.key, order.attempt.id, order.attempt.phase)
            case Record(key, attempt) if attempt.phase is AttemptPhase.ABORTING:
                note = f"Fewer than {attempt.min_count} members are bound and the time for repair is spent: these are evicted."
                self._tell(key, Reason.BELOW_MIN_COUNT, note, warning=True)
            case Evict(key, member):
                self._log.warning("evicting", group=str(key), pod=str(member.key))
                note = f"PodGroup {key} stood below its minimum for too long; it starts anew when all of it has room."
                self._recorder.event(about_pod(member), "Evicting", note, warning=True)
            case Abandoned(key, reason, message):
                self._metrics.attempt_failed(reason)
                self._waits.failed(key, reason, message, self._log.bind(group=str(key)))
            case Publish(key, report):
                if report.reason is Reason.TIMEOUT:
                    gives_up = report.status is Status.UNRESOLVABLE
                    self._log.warning("timed out", group=str(key), gives_up=gives_up, message=report.message)
                heard = order.members_report or report
                is_warning = heard.status is not Status.SUCCESS
                if not key.is_single_pod:  # a pod is told with its condition
                    self._tell(key, heard.reason, heard.message, warning=is_warning)
            case AnswerVote(uid, error) if error:
                self._log.debug(
                    "vote refused", uid=uid, error=error
                )  # one per member; the attempt has its own line
            case _:
                pass

    def happened(self, event: Event, now: float) -> None:
        """An event reached the driver; `now` is when it happened, which may be a turn ago."""
        match event:
            case Observed(key, None, ()):
                self._starts.gone(key)
                self._waits.seen(key, ())
                self._partials.seen(key, None, ())
            case Observed(key, group, members):
                self._starts.seen(key, group, members, now)
                self._waits.seen(key, members)
                self._partials.seen(key, group, members)
            case BindDone(key, uid):
                self._partials.bound(key, self._cache.declared_group(key), self._starts.bound(key, now))
                self._sightings.acknowledged(uid, now)
                if key.is_single_pod:
                    self._attempt_ended(key, AttemptId(uid), AttemptPhase.COMMITTED)
            case BindFailed(key, uid, reason, message):
                self._sightings.failed(uid)
                self._log.warning("not bound", group=str(key), uid=uid, reason=reason.value, message=message)
            case Evicted():
                self._metrics.eviction_answered("evicted")
            case EvictionRefused(key, uid, message):
                self._metrics.eviction_answered("refused")
                self._log.warning("eviction refused", group=str(key), uid=uid, message=message)
                self._tell(
                    key, Reason.BELOW_MIN_COUNT, f"A member cannot be evicted: {message}", warning=True
                )
            case RecordRefused(key, attempt, message):
                self._metrics.attempt_ended("refused")
                self._log.warning("record refused", group=str(key), attempt=attempt, message=message)
            case _:
                pass

    def cache_changed(self, now: float) -> None:
        """The cache has taken in changes; `now` is on the driver's clock."""
        self._sightings.look(now)

    def show_waiting(self) -> None:
        """Bring the gauges of what waits, and of what stands in part, up to date."""
        self._metrics.pending(self._waits.all())
        self._metrics.partial(self._partials.queues())

    def _attempt_ended(self, key: GroupKey, attempt: AttemptId, phase: AttemptPhase) -> None:
        is_committed = phase is AttemptPhase.COMMITTED
        if not self._starts.ended(key, attempt, is_committed=is_committed):
            return
        self._metrics.attempt_ended(RESULTS.get(phase, phase.value))
        span_s = self._starts.span_s(key, attempt)
        if is_committed:
            members = self._cache.view(key)[1]
            note = f"{len(members)} members, bound within {span_s or 0.0:.3f} s."
            self._tell(key, Reason.SCHEDULED, "Bound." if key.is_single_pod else note, warning=False)
        self._log.info(
            "attempt ended",
            group=str(key),
            phase=phase.value,
            bind_span_s=round(span_s, 3) if span_s is not None else None,
        )

    def _tell(self, key: GroupKey, reason: Reason, note: str, *, warning: bool) -> None:
        group, members = self._cache.view(key)
        if key.is_single_pod and members:
            about = about_pod(MemberRef(members[0].key, members[0].uid))
        elif group is not None:
            about = Regarding("scheduling.tutti.dev/v1alpha1", "PodGroup", key.namespace, key.name, group.uid)
        else:
            return
        self._recorder.event(about, reason, note, warning=warning)
