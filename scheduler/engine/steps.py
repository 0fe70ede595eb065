"""
The steps of one attempt, which `scheduler.engine.lifecycle` takes when an event calls for them.

Each step changes one gang and appends to `out`, the instructions of the event being handled. Which step an event leads to is the
lifecycle's knowledge; what a step consists of is known here only.
"""

from dataclasses import dataclass, replace

from scheduler.engine.attempts import Gang, SlotState, State
from scheduler.engine.messages import (
    Abandoned,
    AnswerVote,
    Bind,
    Decide,
    Evict,
    Instruction,
    Prepare,
    Record,
    Release,
    Report,
    Reserve,
    Wake,
)
from scheduler.engine.publishing import NoticeBoard, report_of
from scheduler.engine.repairs import LAST_TRY_S, spent_unseen_s, stamped, step_s
from scheduler.engine.sentences import kept_in_part, silence
from scheduler.model.ids import AttemptId, PodUid
from scheduler.model.plan import Admit, Hold
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberFailure, MemberRef
from scheduler.model.reasons import Reason
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.status import Status


@dataclass(frozen=True, slots=True)
class LifecycleSettings:
    """
    `needs_votes`: a plan waits until kube-scheduler asks to bind every member (extender mode).
    `barrier_timeout_s`: how long it waits; must end before kube-scheduler's own HTTP timeout.
    `volume_timeout_s`: how long a plan waits for volumes to be made on its nodes; as long as kube-scheduler does by default.
    `publish_delay_s`: how long a reason must stand before it is written. `backoff_*`: pause after a failed attempt, doubled each time.
    """

    needs_votes: bool = False
    barrier_timeout_s: float = 30.0
    volume_timeout_s: float = 600.0
    publish_delay_s: float = 1.0
    backoff_initial_s: float = 1.0
    backoff_max_s: float = 60.0


class Steps:
    """Owned by one `Lifecycle`. `out` collects the instructions of the event being handled, in order."""

    def __init__(self, settings: LifecycleSettings, *, epoch: int, wall_offset_s: float) -> None:
        self.settings = settings
        self._epoch = epoch
        self._wall_offset_s = wall_offset_s
        self._attempts = 0
        self.notices = NoticeBoard(settings.publish_delay_s)
        self.out: list[Instruction] = []

    def want_decision(self, gang: Gang, now: float) -> None:
        # An incomplete gang is decided too, for its reason, but without haste: the next member may be milliseconds away.
        due = now if gang.is_complete() else now + self.settings.publish_delay_s
        gang.decide_at = due if gang.decide_at is None else min(gang.decide_at, due)
        if due <= now and gang.not_before <= now and not gang.unseen:
            self.out.append(Decide())

    def take(self, gang: Gang, admit: Admit, now: float) -> None:
        attempt = gang.open_attempt(admit, self._fresh_id(), self._epoch)
        gang.take_plan(admit, attempt)
        self.notices.withdraw(gang.key)
        pods = {pod.uid: pod for pod in gang.members}
        slots = tuple(
            HeldSlot(a.pod, a.uid, a.node, pods[a.uid].shape, pods[a.uid].labels, pods[a.uid].claims)
            for a in admit.assignments
        )
        self.out.append(Reserve(Reservation(gang.key, attempt.id, slots)))
        if self.settings.needs_votes:
            gang.state = State.RESERVED
            gang.barrier_at = now + self.settings.barrier_timeout_s
            self.out.append(Wake(gang.key, tuple(MemberRef(a.pod, a.uid) for a in admit.assignments)))
        elif admit.provisions:
            self.prepare(gang, admit, attempt.id, now)
        else:
            self.commit(gang, now)

    def prepare(self, gang: Gang, admit: Admit, attempt: AttemptId, now: float) -> None:
        """Have volumes made before anything is recorded or bound. What was asked for stands in the claims, should we end here."""
        gang.state, gang.provisions = State.RESERVED, admit.provisions
        gang.barrier_at = now + self.settings.volume_timeout_s
        self.out.append(Prepare(gang.key, attempt, admit.provisions))
        made = "1 volume is" if len(admit.provisions) == 1 else f"{len(admit.provisions)} volumes are"
        text = f"A plan is there; {made} being made on its nodes first."
        self.tell(gang, Status.WAIT, Reason.VOLUME_BEING_MADE, text, now)

    def unprepared(self, gang: Gang, text: str, now: float) -> None:
        """Volumes were not made: let the plan go, and try again later. What is made by then counts."""
        self.abandon(gang, Reason.VOLUME_NOT_READY, text)
        self.tell(
            gang,
            Status.UNSCHEDULABLE,
            Reason.VOLUME_NOT_READY,
            f"Nobody was bound: {text}. It is tried again.",
            now,
        )
        self.back_off(gang, now)

    def commit(self, gang: Gang, now: float) -> None:
        if gang.provisions:
            self.notices.withdraw(gang.key)
            gang.provisions = ()
        gang.barrier_at = None
        if gang.key.is_single_pod:
            self.bind_all(gang, now)
            return
        gang.state = State.RECORDING
        self.record(gang, now)

    def record(self, gang: Gang, now: float) -> None:
        if gang.attempt is None:
            raise AssertionError(f"{gang.key} has no attempt to record")
        patience_s = gang.group.repair_timeout_s if gang.group is not None else 0.0
        spent_s = now - gang.repair_since if gang.repair_since is not None else 0.0
        gang.attempt = stamped(gang.attempt, patience_s, spent_s, now + self._wall_offset_s)
        if gang.repair_since is not None:
            gang.repair_since = now
        placement = gang.placement if gang.attempt.phase is AttemptPhase.COMMITTED else None
        self.out.append(
            Record(
                gang.key,
                gang.attempt,
                gang.resource_version,
                gang.closing_report,
                gang.planned_for,
                placement,
            )
        )

    def bind_all(self, gang: Gang, now: float) -> None:
        if gang.attempt is None:
            raise AssertionError(f"{gang.key} has no attempt to bind")
        gang.state = State.BINDING
        pods = gang.unbound()
        gang.outstanding = pods.keys() & gang.slots.keys()
        for uid, slot in gang.slots.items():
            pod = pods.get(uid)
            if pod is None:
                slot.state, slot.error = (
                    SlotState.FAILED,
                    f"{Reason.MEMBER_CHANGED}: the pod has gone or changed; try again",
                )
                self.out.append(Release(gang.key, (uid,)))
                self.answer(gang, uid, slot.error)
            else:
                slot.state = SlotState.BINDING
                self.out.append(
                    Bind(gang.key, gang.attempt.id, self._epoch, slot.assignment, pod.resource_version)
                )
        self.settle(gang, now)

    def settle(self, gang: Gang, now: float) -> None:
        if gang.state is not State.BINDING or gang.outstanding:
            return
        bound = len(gang.bound())
        refused = next((slot.error for slot in gang.slots.values() if slot.error), "")
        if gang.key.is_single_pod:
            gang.state, gang.attempt, gang.slots = State.WAITING, None, {}
            if not bound:
                self.could_not_bind(gang, refused, now)
                self.back_off(gang, now)
        elif bound >= gang.min_count():
            self.close(gang, AttemptPhase.COMMITTED, self.scheduled(gang), now)
        elif bound == 0:
            self.close(gang, AttemptPhase.ABORTED, None, now)
            self.could_not_bind(gang, refused, now)
        else:
            gang.state, gang.slots = State.WAITING, {}
            self.mind_repair(gang, now)
            self.want_decision(gang, now)

    def close(self, gang: Gang, phase: AttemptPhase, report: Report | None, now: float) -> None:
        if gang.attempt is None:
            raise AssertionError(f"{gang.key} has no attempt to close")
        gang.state, gang.closing_report = State.CLOSING, report
        gang.attempt = replace(gang.attempt, phase=phase)
        self.record(gang, now)
        gang.retry_at = None
        self.stop_repair_clock(gang)

    def abandon(self, gang: Gang, reason: Reason, text: str) -> None:
        """Take a plan back before anything was bound: slots are released and every waiting call is answered."""
        released = gang.drop_plan()
        if released:
            self.out.append(Release(gang.key, released))
        for uid in sorted(gang.votes):
            self.answer(gang, uid, f"{reason}: {text}")
        self.out.append(Abandoned(gang.key, reason, text))
        gang.state, gang.provisions = State.WAITING, ()
        if not gang.bound():
            gang.attempt = None

    def tell(self, gang: Gang, status: Status, reason: Reason, message: str, now: float) -> None:
        """Let the group and its waiting members say at once why an attempt came to nothing."""
        waiting = tuple(sorted(gang.unbound()))
        hold = Hold(gang.key, status, reason, message, waiting)
        report = self.report(gang, hold, now, may_time_out=False)
        self.notices.want(gang.key, report, hold, now, at_once=True)

    def report(self, gang: Gang, hold: Hold, now: float, *, may_time_out: bool = True) -> Report:
        """
        Return what the group shall say when members of it wait for this reason: nothing of it where the others make the gang.

        `may_time_out`: the reason may be that it has waited for too long; a gang that has started waits for no first start.
        """
        if gang.is_whole() and not gang.key.is_single_pod:
            return self.scheduled(gang)
        timed = gang.group if may_time_out and not gang.bound() else None
        report = report_of(hold, timed, now + self._wall_offset_s)
        return replace(report, generation=gang.group.generation if gang.group is not None else 0)

    def could_not_bind(self, gang: Gang, refused: str, now: float) -> None:
        text = f"Nobody could be bound; {refused}."
        self.out.append(Abandoned(gang.key, Reason.BIND_FAILED, text))
        self.tell(gang, Status.ERROR, Reason.BIND_FAILED, text, now)

    def votes_missing(self, gang: Gang, heard_at: float | None, now: float) -> None:
        """The barrier has passed. `heard_at`: when kube-scheduler last called about any pod; None: never."""
        planned_at = (gang.barrier_at or now) - self.settings.barrier_timeout_s
        if not gang.has_been_voted_on and (heard_at is None or heard_at < planned_at):
            text = silence(len(gang.slots), now, heard_at, self._wall_offset_s)
            advice = ": is it running with this configuration? `tutti scheduler-config` prints it."
            status = (
                Status.ERROR
            )  # not Unschedulable: an autoscaler would add nodes, and they wake no kube-scheduler
        else:
            text = f"{len(gang.slots) - len(gang.votes)} of {len(gang.slots)} members did not reach binding in time"
            advice = "; `kubectl describe pod` of these says what kube-scheduler lacks."
            status = Status.UNSCHEDULABLE
        self.abandon(gang, Reason.VOTES_MISSING, text)
        self.tell(gang, status, Reason.VOTES_MISSING, text + advice, now)
        self.back_off(gang, now)

    def back_off(self, gang: Gang, now: float) -> None:
        pause = min(self.settings.backoff_initial_s * 2.0**gang.failures, self.settings.backoff_max_s)
        gang.failures = min(gang.failures + 1, 16)
        gang.not_before = now + pause
        gang.decide_at = now

    def retry_later(self, gang: Gang, now: float) -> None:
        gang.failures = min(gang.failures + 1, 16)
        gang.retry_at = now + min(
            self.settings.backoff_initial_s * 2.0 ** (gang.failures - 1), self.settings.backoff_max_s
        )

    def retry(self, gang: Gang, now: float) -> None:
        if gang.state in {State.CLOSING, State.ABORTING}:
            self.record(gang, now)
        elif gang.state is State.EVICTING:
            self.continue_evicting(gang, now)

    def mind_repair(self, gang: Gang, now: float) -> None:
        """Start the repair clock of a gang that stands below its minimum, and stop it when it does not any more."""
        if not gang.is_below_minimum():
            self.stop_repair_clock(gang)
        elif gang.repair_since is None and gang.group is not None:
            patience_s, first_s = gang.group.repair_timeout_s, 0.0
            if gang.attempt is not None and gang.attempt.epoch != self._epoch:
                gang.attempt = self._taken_over(gang.attempt, patience_s, now)
                first_s = LAST_TRY_S
            left_s = patience_s - (gang.attempt.repair_spent_s if gang.attempt is not None else 0.0)
            if gang.attempt is None and gang.group.on_member_failure is MemberFailure.EVICT:
                left_s = 0.0
            gang.repair_since = now
            gang.repair_at = now + max(first_s, left_s)
            gang.note_at = now + (first_s or step_s(patience_s))

    def _taken_over(self, record: Attempt, patience_s: float, now: float) -> Attempt:
        """Return a predecessor's attempt as ours, with the time that went by since it was recorded."""
        unseen_s = spent_unseen_s(record, patience_s, now + self._wall_offset_s)
        return replace(record, epoch=self._epoch, repair_spent_s=record.repair_spent_s + unseen_s)

    @staticmethod
    def stop_repair_clock(gang: Gang) -> None:
        gang.repair_at = gang.repair_since = gang.note_at = None

    def note_repair(self, gang: Gang, now: float) -> None:
        """Write down for whoever leads next how long the gang has stood below its minimum; one that was whole gets an attempt for it."""
        gang.note_at = None
        if gang.group is None or gang.repair_at is None:
            return  # it has been given up
        gang.note_at = now + step_s(gang.group.repair_timeout_s)
        gang.attempt = gang.attempt_of_bound(self._fresh_id(), self._epoch, AttemptPhase.COMMITTING)
        gang.planned_for = gang.group.uid
        gang.state = State.NOTING
        self.record(gang, now)

    def give_up_repair(self, gang: Gang, now: float) -> None:
        """The gang stood below its minimum for too long: take it down, unless that would lose pods nobody recreates."""
        if gang.group is None:
            return
        bound = gang.bound()
        kept = len(bound) - len(gang.evictable())
        if kept and gang.group.on_member_failure is not MemberFailure.EVICT:
            hold = gang.hold
            message = kept_in_part(len(bound), gang.min_count(), len(gang.unbound()), kept)
            waiting = Hold(
                gang.key,
                Status.UNSCHEDULABLE,
                Reason.BELOW_MIN_COUNT,
                message,
                hold.members if hold is not None else (),
            )
            report = self.report(gang, waiting, now, may_time_out=False)
            self.notices.want(gang.key, report, waiting, now)
            return
        if gang.state is State.RESERVED:
            text = "the gang could not be completed in time and is being taken down"
            self.abandon(gang, Reason.REPAIRING, text)
        attempt = gang.attempt or gang.attempt_of_bound(self._fresh_id(), self._epoch, AttemptPhase.ABORTING)
        gang.planned_for = gang.group.uid
        gang.attempt = replace(attempt, phase=AttemptPhase.ABORTING, reason=Reason.BELOW_MIN_COUNT.value)
        gang.state, gang.retry_at = State.ABORTING, None
        self.record(gang, now)
        self.stop_repair_clock(gang)

    def continue_evicting(self, gang: Gang, now: float) -> None:
        evict_all = gang.group is not None and gang.group.on_member_failure is MemberFailure.EVICT
        left = tuple(MemberRef(p.key, p.uid) for p in gang.bound()) if evict_all else gang.evictable()
        if not left:
            self.close(gang, AttemptPhase.ABORTED, None, now)
        elif gang.retry_at is None:
            self.out.extend(Evict(gang.key, member) for member in left)
            self.retry_later(gang, now)

    def answer(self, gang: Gang, uid: PodUid, error: str) -> None:
        if uid in gang.votes:
            gang.votes.discard(uid)
            self.out.append(AnswerVote(uid, error))

    def scheduled(self, gang: Gang) -> Report:
        judged = gang.attempt or gang.group
        generation = judged.generation if judged is not None else 0
        text = f"{len(gang.bound())} members are bound, {gang.min_count()} make the gang."
        return Report(Status.SUCCESS, Reason.SCHEDULED, text, generation)

    def tell_whole(self, gang: Gang, now: float) -> None:
        """Nobody of the gang waits: let its group say that it is scheduled, unless it does."""
        if gang.must_be_told_whole():
            report = self.scheduled(gang)
            self.notices.want(
                gang.key, report, Hold(gang.key, report.status, report.reason, report.message), now
            )
        else:
            self.notices.withdraw(gang.key)

    def _fresh_id(self) -> AttemptId:
        self._attempts += 1
        return AttemptId(f"e{self._epoch}-{self._attempts}")
