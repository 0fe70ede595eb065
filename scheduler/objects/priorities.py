"""Priority classes, from the wire to what we need of them."""

from typing import NamedTuple

from scheduler.objects import structs
from scheduler.objects.labels import required


class Priority(NamedTuple):
    """A named priority. `is_default`: for pods that name none."""

    name: str
    value: int
    is_default: bool


def priority_from(obj: structs.PriorityClass) -> Priority:
    """Return the class as a value. Raises: BadObject."""
    return Priority(required(obj.metadata.name, "metadata.name"), obj.value, obj.global_default)
