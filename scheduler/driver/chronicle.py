"""
What happens, told in three ways: one log line per decision, metrics, and Kubernetes Events.

The driver tells; nobody here answers back. The engine's `Reporter` is called in the worker thread, so it touches counters only.
"""

from scheduler.engine.extension_points import SILENT, Reporter
from scheduler.engine.messages import (
    AnswerVote,
    Bind,
    BindDone,
    BindFailed,
    Event,
    Evict,
    Instruction,
    Observed,
    Publish,
    Record,
    RecordRefused,
)
from scheduler.kube.cache import Cache
from scheduler.kube.recorder import Recorder, Regarding
from scheduler.model.ids import GroupKey, QueueName
from scheduler.model.plan import Admit, Plan
from scheduler.model.podgroups import AttemptPhase
from scheduler.model.reasons import Reason
from scheduler.telemetry import logs
from scheduler.telemetry.metrics import Metrics

RESULTS = {AttemptPhase.COMMITTED: "committed", AttemptPhase.ABORTED: "aborted"}


class Chronicle:
    """Told by the driver what was decided, asked for and done. Owns the count of cycles and when each gang was complete."""

    def __init__(
        self, metrics: Metrics, recorder: Recorder, cache: Cache, reporter: Reporter = SILENT
    ) -> None:
        self._metrics = metrics
        self._recorder = recorder
        self._cache = cache
        self.reporter = reporter
        self._log = logs.get("driver")
        self.is_leading = False
        self._cycles = 0
        self._complete_at: dict[GroupKey, float] = {}
        self._first_bind_at: dict[GroupKey, float] = {}
        self._waiting: dict[GroupKey, tuple[QueueName, Reason]] = {}

    def leading(self, epoch: int | None) -> None:
        """A term began with this epoch, or ended."""
        self.is_leading = epoch is not None
        self._metrics.leading(epoch)
        self._log.info("leading" if epoch is not None else "leadership ended", epoch=epoch)

    def cycle_ended(self, plan: Plan, *, considered: int, seconds: float) -> None:
        """A cycle ended with this plan."""
        self._cycles += 1
        self._metrics.decided(seconds)
        for decision in plan.decisions:
            line = self._log.bind(cycle=self._cycles, group=str(decision.group))
            if isinstance(decision, Admit):
                domain = (
                    f"{decision.domain.level} {decision.domain.domain}"
                    if decision.domain is not None
                    else "cluster"
                )
                line.info(
                    "placed",
                    members=len(decision.assignments),
                    within=domain,
                    cycle_ms=round(seconds * 1000, 1),
                )
                self._waiting.pop(decision.group, None)
            else:
                line.info(
                    "waits",
                    status=decision.status.value,
                    reason=decision.reason.value,
                    message=decision.message,
                )
                group, _ = self._cache.view(decision.group)
                self._waiting[decision.group] = (
                    group.queue if group is not None else QueueName("default"),
                    decision.reason,
                )
        self._metrics.pending(self._waiting.values())

    def instructed(self, order: Instruction, now: float) -> None:
        """The driver is about to carry this out."""
        match order:
            case Bind(key):
                self._first_bind_at.setdefault(key, now)
            case Record() if not order.attempt.phase.is_open:
                self._attempt_ended(order.key, order.attempt.phase, now)
            case Evict(key, member):
                self._log.warning("evicting", group=str(key), pod=str(member.key))
            case Publish(key, report, _):
                self._tell(key, report.reason, report.message, warning=True)
            case AnswerVote(uid, error) if error:
                self._log.info("vote refused", uid=uid, error=error)
            case _:
                pass

    def happened(self, event: Event, now: float) -> None:
        """An event reached the driver."""
        match event:
            case Observed(key, group, members):
                self._observed(key, exists=group is not None or bool(members), now=now)
            case BindFailed(key, uid, reason, message):
                self._log.warning("not bound", group=str(key), uid=uid, reason=reason.value, message=message)
            case RecordRefused(key, attempt, message):
                self._metrics.attempt_ended("refused")
                self._log.warning("record refused", group=str(key), attempt=attempt, message=message)
            case BindDone(key, _) if key.is_single_pod:
                self._attempt_ended(key, AttemptPhase.COMMITTED, now)
            case _:
                pass

    def _observed(self, key: GroupKey, *, exists: bool, now: float) -> None:
        if exists:
            self._complete_at.setdefault(key, now)
        else:
            for memory in (self._complete_at, self._first_bind_at, self._waiting):
                memory.pop(key, None)

    def _attempt_ended(self, key: GroupKey, phase: AttemptPhase, now: float) -> None:
        first_bind_at = self._first_bind_at.pop(key, now)
        span_s = now - first_bind_at
        self._metrics.attempt_ended(RESULTS.get(phase, phase.value))
        if phase is AttemptPhase.COMMITTED:
            group, members = self._cache.view(key)
            queue = group.queue if group is not None else QueueName("default")
            self._metrics.gang_bound(
                queue, span_s=span_s, queued_s=now - self._complete_at.get(key, first_bind_at)
            )
            self._tell(
                key, Reason.SCHEDULED, f"{len(members)} members, bound within {span_s:.2f} s.", warning=False
            )
        self._log.info("attempt ended", group=str(key), phase=phase.value, bind_span_s=round(span_s, 3))

    def _tell(self, key: GroupKey, reason: Reason, note: str, *, warning: bool) -> None:
        group, members = self._cache.view(key)
        if key.is_single_pod and members:
            about = Regarding("v1", "Pod", key.namespace, members[0].key.name, members[0].uid)
        elif group is not None:
            about = Regarding("scheduling.tutti.dev/v1alpha1", "PodGroup", key.namespace, key.name, group.uid)
        else:
            return
        self._recorder.event(about, reason, note, warning=warning)
