"""Priority, then age: the order that needs no explanation."""

from typing import Any

from scheduler.model.podgroups import PodGroup


def priority_then_age(group: PodGroup, *, now: float) -> tuple[Any, ...]:
    """Return a key that puts higher priority first; the engine appends creation time, so the older of two equals goes first."""
    return (-group.priority,)
