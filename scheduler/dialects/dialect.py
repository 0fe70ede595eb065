"""What a pod group API must answer."""

from typing import Protocol

from scheduler.model.ids import GroupKey
from scheduler.model.podgroups import Attempt, PodGroup
from scheduler.objects import structs


class Dialect(Protocol):
    """One pod group API."""

    @property
    def name(self) -> str:
        """The word that stands in `GroupKey.dialect`."""
        ...

    def group_of(self, pod: structs.Pod) -> GroupKey | None:
        """Return the group that this pod names in this API; None when it names none."""
        ...

    def role_of(self, pod: structs.Pod) -> str | None:
        """Return the part that this pod plays in its group; None when it names none."""
        ...

    def parse(self, raw: bytes) -> PodGroup:
        """
        Return the group as a value; what contradicts itself or cannot be read is said in `refusal`.

        Raises: BadObject when not even its identity can be read.
        """
        ...

    def attempt_status(self, attempt: Attempt) -> dict[str, object]:
        """Return the commit record as it stands in the object's status. Fields that say nothing are left out."""
        ...
