"""
When to say how a gang stands: on change, after a short delay, and at most twice a minute per gang; that its time is over, at once.

A gang that is being created passes through "3 of 8 members exist" in milliseconds; telling each step would cost more writes than
binding it. Pods hear the reason once per reason, not per message: a gang of a thousand would otherwise cost a thousand writes each
time another gang takes a GPU.
"""

from dataclasses import dataclass, field

from scheduler.engine.messages import Publish, Report
from scheduler.engine.sentences import given_up
from scheduler.model.ids import GroupKey, PodUid
from scheduler.model.plan import Hold
from scheduler.model.podgroups import MemberRef, PodGroup
from scheduler.model.pods import Pod
from scheduler.model.reasons import Reason
from scheduler.model.status import Status

WRITES_PER_WINDOW = 2
WINDOW_S = 60.0
ARRIVING = 2.0  # delays that a gang must be quiet for before it is told who is missing
PATIENCE = 15.0  # delays after which it is told all the same


def times_out_at(group: PodGroup | None) -> float | None:
    """Return when the group has waited for too long, in seconds since 1970; None without a limit."""
    if group is None or group.schedule_timeout_s is None:
        return None
    return group.created_at + group.schedule_timeout_s


def report_of(hold: Hold, group: PodGroup | None, wall_now: float) -> Report:
    """Return what conditions shall say of a gang that waits for its first start; None: of whatever does not time out."""
    due_at = times_out_at(group)
    if group is not None and due_at is not None and due_at <= wall_now and hold.reason is not Reason.TIMEOUT:
        if group.fail_on_timeout:
            return Report(Status.UNRESOLVABLE, Reason.TIMEOUT, given_up(group))
        return Report(
            hold.status, Reason.TIMEOUT, f"Not placed within {group.schedule_timeout_s:.0f} s: {hold.message}"
        )
    return Report(hold.status, hold.reason, hold.message)


def heard_by_members(report: Report, hold: Hold) -> Report:
    """Return what the members that wait hear: that the gang is whole is none of theirs."""
    if report.status is not Status.SUCCESS:
        return report
    return Report(hold.status, hold.reason, hold.message, report.generation)


@dataclass(slots=True)
class Notice:
    """What one gang was told, and what it shall be told. Owned by `NoticeBoard`."""

    wanted: Report | None = None
    hold: Hold | None = None
    due_at: float | None = None
    wanted_since: float = 0.0
    said: Report | None = None
    said_at: list[float] = field(default_factory=list)
    told: dict[PodUid, Reason] = field(default_factory=dict)

    def has_said(self, reason: Reason) -> bool:
        """Whether what was said last gave this reason."""
        return self.said is not None and self.said.reason is reason


class NoticeBoard:
    """Keeps a `Notice` per gang and yields `Publish` when one is due. Its owner forgets gangs that have gone."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._notices: dict[GroupKey, Notice] = {}

    def want(self, key: GroupKey, report: Report, hold: Hold, now: float, *, at_once: bool = False) -> None:
        """Ask for this report to be published when its time has come; `at_once` without waiting whether it holds."""
        notice = self._notices.setdefault(key, Notice())
        heard = heard_by_members(report, hold)
        untold = any(notice.told.get(uid) is not heard.reason for uid in hold.members)
        if report == notice.said and not untold:
            notice.wanted = notice.due_at = None
            return
        if notice.wanted is None or notice.due_at is None:
            notice.wanted_since = now
        if report != notice.wanted:
            settled_at = now if at_once else self._settled_at(notice, report, now)
            is_verdict = report.reason is Reason.TIMEOUT and not notice.has_said(Reason.TIMEOUT)
            notice.due_at = now if is_verdict else max(settled_at, self._earliest(notice, now))
        notice.wanted, notice.hold = report, hold

    def _settled_at(self, notice: Notice, report: Report, now: float) -> float:
        # Members that keep arriving change what is missing: then it is told once they pause, or after a while all the same. Telling
        # earlier would write to every pod just before it is bound.
        if report.status is Status.WAIT:
            return min(now + ARRIVING * self._delay_s, notice.wanted_since + PATIENCE * self._delay_s)
        return min(now, notice.wanted_since) + self._delay_s

    def withdraw(self, key: GroupKey) -> None:
        """The gang does not wait any more: what was not said yet stays unsaid, and a later wait is news again."""
        notice = self._notices.get(key)
        if notice is not None:
            notice.wanted = notice.due_at = notice.said = None
            notice.told.clear()

    def forget(self, key: GroupKey) -> None:
        """Drop everything about a gang that has gone."""
        self._notices.pop(key, None)

    def next_due(self) -> float | None:
        """Return when the next report is due."""
        return min((n.due_at for n in self._notices.values() if n.due_at is not None), default=None)

    def due(self, now: float) -> list[tuple[GroupKey, Report]]:
        """Return the gangs whose report is due, in order of name."""
        ready = [
            (k, n.wanted)
            for k, n in self._notices.items()
            if n.wanted and n.due_at is not None and n.due_at <= now
        ]
        return sorted(ready, key=lambda pair: pair[0])

    def publish(self, key: GroupKey, members: tuple[Pod, ...], now: float) -> Publish | None:
        """Return the instruction for a due report, and remember that it was given."""
        notice = self._notices[key]
        report, hold = notice.wanted, notice.hold
        notice.wanted = notice.due_at = None
        if report is None or hold is None:
            return None
        waiting, heard = set(hold.members), heard_by_members(report, hold)
        untold = tuple(
            MemberRef(p.key, p.uid)
            for p in members
            if p.uid in waiting and not p.is_bound and notice.told.get(p.uid) is not heard.reason
        )
        notice.said = report
        notice.said_at = [*notice.said_at[-(WRITES_PER_WINDOW - 1) :], now]
        alive = {p.uid for p in members}
        notice.told = {uid: reason for uid, reason in notice.told.items() if uid in alive}
        notice.told.update((ref.uid, heard.reason) for ref in untold)
        return Publish(key, report, untold, heard if heard != report else None)

    @staticmethod
    def _earliest(notice: Notice, now: float) -> float:
        if len(notice.said_at) < WRITES_PER_WINDOW:
            return now
        return notice.said_at[-WRITES_PER_WINDOW] + WINDOW_S
