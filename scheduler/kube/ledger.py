"""
The room held by open attempts: one slot per member, from the plan until the pod is seen bound or gone.

Has no time to live: a binding whose outcome is unknown still occupies. A gang of a thousand is settled pod by pod, so each step costs O(1);
the frozen reservations are made only when a snapshot asks for them.
Owned by `cache`, which knows when a pod is settled.
"""

from collections.abc import Iterable

from scheduler.model.ids import AttemptId, GroupKey, PodUid
from scheduler.model.reservations import HeldSlot, Reservation


class Ledger:
    """Slots by group and member. A member has one slot at most."""

    def __init__(self) -> None:
        self._attempts: dict[GroupKey, AttemptId] = {}
        self._slots: dict[GroupKey, dict[PodUid, HeldSlot]] = {}
        self._holder: dict[PodUid, GroupKey] = {}

    def hold(self, group: GroupKey, attempt: AttemptId, slots: Iterable[HeldSlot]) -> None:
        """Add slots for this attempt; a member that already has one gets this one instead."""
        held = self._slots.setdefault(group, {})
        for slot in slots:
            held[slot.uid] = slot
            self._holder[slot.uid] = group
        self._attempts[group] = attempt
        self._drop_if_empty(group)

    def release(self, group: GroupKey, uids: Iterable[PodUid]) -> bool:
        """Give back the slots of these members of the group. Returns whether there were any."""
        released = False
        for uid in uids:
            if self._holder.get(uid) == group:
                released = self.settle(uid) or released
        return released

    def settle(self, uid: PodUid) -> bool:
        """Drop the slot of this member. Returns whether it had one."""
        group = self._holder.pop(uid, None)
        if group is None:
            return False
        del self._slots[group][uid]
        self._drop_if_empty(group)
        return True

    def reservations(self) -> tuple[Reservation, ...]:
        """Return what is held, in order of group. Cost: O(slots)."""
        return tuple(
            Reservation(group, self._attempts[group], tuple(self._slots[group].values()))
            for group in sorted(self._slots)
        )

    def _drop_if_empty(self, group: GroupKey) -> None:
        if not self._slots[group]:
            del self._slots[group], self._attempts[group]
