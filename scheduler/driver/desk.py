"""
Where kube-scheduler's questions meet the lifecycle (extender mode): which node, and may this member be bound?

A `/filter` call may wait a little for a plan, because kube-scheduler retries a refused pod only after its own back-off. It waits only
while waiting can help: members of the gang keep arriving, or its decision is under way. kube-scheduler asks for one pod at a time, so
waiting holds up every other pod of this kube-scheduler; hence the patience is bounded per call and by a share of the wall clock.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from scheduler.engine.attempts import Slot
from scheduler.engine.lifecycle import Lifecycle
from scheduler.engine.messages import (
    AnswerVote,
    CapacityChanged,
    Event,
    NodeRefused,
    Voted,
    VoteWithdrawn,
    Wake,
)
from scheduler.engine.standing import standing
from scheduler.kube.cache import Cache
from scheduler.model.ids import GroupKey, NodeName, PodUid
from scheduler.model.podgroups import MemberRef
from scheduler.model.reasons import MEANING, Reason

QUIET_S = 0.1  # no new member for so long: the rest is not coming right now
WAITING_SHARE = 0.25  # of the wall clock, at most, spent in waiting /filter calls
FIRST_REFUSAL_S = 0.5  # doubled with each further one of the same gang, up to the setting
REMEMBERED = (
    65_536  # refused pods; kube-scheduler tries one that was forgotten by itself, within five minutes
)
SAVINGS_S = 2.0  # unspent patience that may be saved for a burst


@dataclass(frozen=True, slots=True)
class Refusal:
    """No node for this member now, and why."""

    reason: Reason
    message: str


class VoteDesk:
    """Answers kube-scheduler's questions from the lifecycle's memory. Owned by the driver; all calls on its event loop."""

    def __init__(self, cache: Cache, clock: Callable[[], float], *, refused_ttl_s: float) -> None:
        self._cache = cache
        self._clock = clock
        self._refused_ttl_s = refused_ttl_s
        self._lifecycle: Lifecycle | None = None
        self._post: Callable[[Event], None] = lambda event: None
        self._votes: dict[PodUid, asyncio.Future[str]] = {}
        self._unplanned: OrderedDict[PodUid, None] = OrderedDict()
        self._arrivals: dict[GroupKey, float] = {}
        self._refusals: dict[GroupKey, int] = {}
        self._moved = asyncio.Event()
        self.opened = asyncio.Event()
        self._patience_s = SAVINGS_S
        self._patience_at = self._since = clock()
        self.heard_at: float | None = None

    # --- for the driver --------------------------------------------------------------------------------------------------

    def open(self, lifecycle: Lifecycle, post: Callable[[Event], None]) -> None:
        """Begin to answer: this replica leads."""
        self._lifecycle, self._post = lifecycle, post
        self.opened.set()

    def close(self, error: str) -> None:
        """Answer every waiting call and stop leading."""
        self._lifecycle = None
        for uid in sorted(self._votes):
            self.answer(AnswerVote(uid, error))
        self.moved()

    def answer(self, order: AnswerVote) -> None:
        """Hand the lifecycle's answer to the waiting call; nobody waits any more when the caller has gone."""
        future = self._votes.pop(order.uid, None)
        if future is not None and not future.done():
            future.set_result(order.error)

    def arrived(self, key: GroupKey, *, exists: bool) -> None:
        """Note that the view of this gang changed; one that has gone is forgotten."""
        if exists:
            self._arrivals[key] = self._clock()
        else:
            self._arrivals.pop(key, None)
            self._refusals.pop(key, None)

    def moved(self) -> None:
        """Plans or reasons may have changed: waiting /filter calls look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    def to_wake(self, order: Wake) -> tuple[MemberRef, ...]:
        """Return those members that were refused before there was this plan; they are forgotten here."""
        woken = tuple(member for member in order.members if member.uid in self._unplanned)
        for member in woken:
            del self._unplanned[member.uid]
        return woken

    def silence_s(self) -> float:
        """Return for how long kube-scheduler has not called; since the start, where it never has."""
        return self._clock() - (self._since if self.heard_at is None else self.heard_at)

    # --- for the extender ------------------------------------------------------------------------------------------------

    def heard(self) -> None:
        """Take note that kube-scheduler calls, whatever about."""
        self.heard_at = self._clock()

    @property
    def is_leading(self) -> bool:
        """Whether questions may be answered here."""
        return self._lifecycle is not None

    def knows(self, uid: PodUid) -> bool:
        """Whether this is a pod of ours that the watch has shown."""
        return self._cache.knows(uid)

    async def planned_node(self, ref: MemberRef, patience_s: float) -> NodeName | Refusal:
        """Return the planned node, or why there is none; waits up to `patience_s` while that may change soon."""
        asked_at = self._clock()
        self._earn_patience(asked_at)
        deadline = asked_at + min(patience_s, self._patience_s)
        while True:
            slot = self._slot(ref)
            if slot is not None:
                break
            now = self._clock()
            if now >= deadline or not self._may_change_soon(ref, now):
                break
            try:
                await asyncio.wait_for(self._moved.wait(), min(deadline - now, QUIET_S))
            except TimeoutError:
                continue
        self._patience_s -= self._clock() - asked_at
        self.heard()  # an answer that had to wait for its plan was asked for after it
        if slot is not None:
            return slot.assignment.node
        self._note_unplanned(ref.uid)
        return self._refusal(ref)

    def node_not_offered(self, ref: MemberRef, offered: frozenset[NodeName]) -> None:
        """kube-scheduler's own filters dropped the planned node: plan again with what it offered, for every member of this shape."""
        pod = self._cache.pod(ref.key)
        if pod is None or pod.uid != ref.uid or pod.group is None or self._lifecycle is None:
            return
        refused = frozenset(self._cache.snapshot().nodes) - offered
        pause_s = self._pause_after_refusal(pod.group)
        for member in self._cache.view(pod.group)[1]:
            if member.shape is pod.shape or member.shape == pod.shape:
                self._cache.refuse(member.uid, refused, self._clock() + pause_s)
        self._note_unplanned(ref.uid)
        self._post(NodeRefused(pod.group, ref.uid))
        asyncio.get_running_loop().call_later(pause_s, self._post, CapacityChanged())

    def _pause_after_refusal(self, key: GroupKey) -> float:
        # The two caches may merely have seen a deletion at different moments, so the first refusal is believed for a moment only.
        count = self._refusals.get(key, 0)
        self._refusals[key] = min(count + 1, 16)
        return min(self._refused_ttl_s, FIRST_REFUSAL_S * 2.0**count)

    async def vote(self, ref: MemberRef, node: NodeName) -> str | None:
        """Wait until the gang is whole and this member is bound; return None then, else why not. Cancelled when the caller has gone."""
        pod = self._cache.pod(ref.key)
        if pod is None or pod.uid != ref.uid or pod.group is None:
            return f"{Reason.MEMBER_CHANGED}: {ref.key} is not the pod that was asked about; try again"
        if self._lifecycle is None:
            return f"{Reason.NOT_LEADER}: {MEANING[Reason.NOT_LEADER]}"
        self.answer(AnswerVote(ref.uid, "a later call for the same pod took over"))
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._votes[ref.uid] = future
        self._post(Voted(pod.group, ref, node))
        try:
            return await future or None
        except asyncio.CancelledError:
            if self._votes.get(ref.uid) is future:
                del self._votes[ref.uid]
                self._post(VoteWithdrawn(pod.group, ref.uid))
            raise

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _slot(self, ref: MemberRef) -> Slot | None:
        pod = self._cache.pod(ref.key)
        if pod is None or pod.uid != ref.uid or pod.group is None or self._lifecycle is None:
            return None
        return self._lifecycle.planned_slot(pod.group, ref.uid)

    def _note_unplanned(self, uid: PodUid) -> None:
        self._unplanned[uid] = None
        self._unplanned.move_to_end(uid)
        if len(self._unplanned) > REMEMBERED:
            self._unplanned.popitem(last=False)

    def _may_change_soon(self, ref: MemberRef, now: float) -> bool:
        if self._lifecycle is None:
            return False
        if self._cache.unreadable(ref.key):
            return False
        pod = self._cache.pod(ref.key)
        if pod is None or pod.group is None:
            return True  # kube-scheduler's watch is ahead of ours; the pod will appear in a moment
        if self._lifecycle.is_being_decided(pod.group):
            return True
        return now - self._arrivals.get(pod.group, 0.0) < QUIET_S

    def _refusal(self, ref: MemberRef) -> Refusal:
        pod = self._cache.pod(ref.key)
        if self._lifecycle is None:
            return Refusal(Reason.NOT_LEADER, MEANING[Reason.NOT_LEADER])
        unreadable = self._cache.unreadable(ref.key)
        if unreadable:
            return Refusal(Reason.INVALID_SPEC, unreadable)
        if pod is None or pod.uid != ref.uid or pod.group is None:
            return Refusal(Reason.GANG_INCOMPLETE, f"{ref.key} has not been seen by the scheduler yet.")
        hold = self._lifecycle.hold_of(pod.group)
        if hold is not None:
            return Refusal(hold.reason, hold.message)
        group, members = self._cache.view(pod.group)
        if group is None:
            return Refusal(Reason.POD_GROUP_NOT_FOUND, f"PodGroup {pod.group} does not exist.")
        missing = standing(group, members).missing()
        return Refusal(
            Reason.GANG_INCOMPLETE, f"{missing}." if missing else f"The plan for {pod.group} is being made."
        )

    def _earn_patience(self, now: float) -> None:
        self._patience_s = min(SAVINGS_S, self._patience_s + (now - self._patience_at) * WAITING_SHARE)
        self._patience_at = now
