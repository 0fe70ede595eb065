"""
The room held by open attempts: one slot per member, from the plan until the pod is seen bound or gone.

Has no time to live: a binding whose outcome is unknown still occupies. A gang of a thousand is settled pod by pod, so each step costs O(1);
the frozen reservations are made only when a snapshot asks for them.
Owned by `cache`, which knows when a pod is settled.
"""

from collections.abc import Iterable

from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodUid
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.resources import NOTHING, Resources


class Ledger:
    """Slots by group and member. A member has one slot at most."""

    def __init__(self) -> None:
        self._attempts: dict[GroupKey, AttemptId] = {}
        self._slots: dict[GroupKey, dict[PodUid, HeldSlot]] = {}
        self._holder: dict[PodUid, GroupKey] = {}
        self._held_on: dict[NodeName, Resources] = {}

    def hold(self, group: GroupKey, attempt: AttemptId, slots: Iterable[HeldSlot]) -> None:
        """Add slots for this attempt; a member that already has one gets this one instead."""
        for slot in slots:
            self.settle(slot.uid)  # also one that another group held before the pod was given to this one
            self._slots.setdefault(group, {})[slot.uid] = slot
            self._holder[slot.uid] = group
            self._held_on[slot.node] = self.held_on(slot.node) + slot.shape.requests
        if group in self._slots:
            self._attempts[group] = attempt

    def release(self, group: GroupKey, uids: Iterable[PodUid]) -> bool:
        """Give back the slots of these members of the group. Returns whether there were any."""
        released = False
        for uid in uids:
            if self._holder.get(uid) == group:
                released = self.settle(uid) is not None or released
        return released

    def settle(self, uid: PodUid) -> HeldSlot | None:
        """Drop the slot of this member and return it; None when it had none."""
        group = self._holder.pop(uid, None)
        if group is None:
            return None
        slot = self._slots[group].pop(uid)
        self._held_on[slot.node] = self.held_on(slot.node) - slot.shape.requests
        if not self._held_on[slot.node]:
            del self._held_on[slot.node]
        if not self._slots[group]:
            del self._slots[group], self._attempts[group]
        return slot

    def slot_of(self, uid: PodUid) -> HeldSlot | None:
        """Return the slot that this member holds."""
        group = self._holder.get(uid)
        return self._slots[group][uid] if group is not None else None

    def held_on(self, node: NodeName) -> Resources:
        """Return what all slots on this node ask for."""
        return self._held_on.get(node, NOTHING)

    def reservations(self) -> tuple[Reservation, ...]:
        """Return what is held, in order of group. Cost: O(slots)."""
        return tuple(
            Reservation(group, self._attempts[group], tuple(self._slots[group].values()))
            for group in sorted(self._slots)
        )
