"""Reservations: what a plan holds from the moment it was decided until the API server shows it."""

from dataclasses import dataclass

from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.pods import PodShape


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """Room for one member on one node. It ends when the pod is seen bound, or gone."""

    pod: PodKey
    uid: PodUid
    node: NodeName
    shape: PodShape


@dataclass(frozen=True, slots=True)
class Reservation:
    """The room held by one open attempt. Has no time to live: an unknown outcome still occupies."""

    group: GroupKey
    attempt: AttemptId
    slots: tuple[HeldSlot, ...]
