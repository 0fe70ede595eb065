"""Reservations: what a plan holds from the moment it was decided until the API server shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.neighbours import Resident
from scheduler.model.nodes import no_labels
from scheduler.model.pods import PodShape
from scheduler.model.volumes import ClaimKey, ClaimUse


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """Room for one member on one node. It ends when the pod is seen bound, or gone."""

    pod: PodKey
    uid: PodUid
    node: NodeName
    shape: PodShape
    labels: Mapping[str, str] = field(default_factory=no_labels)
    claims: tuple[ClaimUse, ...] = ()

    @property
    def claim_keys(self) -> tuple[ClaimKey, ...]:
        """The volume claims that the member uses."""
        return tuple(ClaimKey(self.pod.namespace, use.name) for use in self.claims)

    def as_resident(self) -> Resident:
        """Return what others' rules may depend on; they see the member as if it stood there already."""
        return Resident(self.pod.namespace, self.labels, self.shape.rules)


@dataclass(frozen=True, slots=True)
class Reservation:
    """The room held by one open attempt. Has no time to live: an unknown outcome still occupies."""

    group: GroupKey
    attempt: AttemptId
    slots: tuple[HeldSlot, ...]
