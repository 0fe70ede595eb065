"""
From what a watch saw to measures. Pure: times are those at which events arrived at the observer, in seconds.

Every Binding is a write of its own, so a gang that starts whole is half bound for the moment that its bindings take; that moment is
measured and shown as its span. A gang counts as *partial* when it stood half bound for longer than `PARTIAL_AFTER_S`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scheduler.cli.demo.story import GANG_LABEL

PARTIAL_AFTER_S: Final = 5.0
"""Arbitrary, and generous: binding a gang takes tenths of a second here, a gang that hangs hangs for ever."""

ENDED: Final = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Sighting:
    """One pod as one watch event showed it. `node` None: not bound."""

    at: float
    pod: str
    gang: str
    node: str | None
    phase: str
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Measures:
    """What became of one gang. `create_to_bind_s`: from the last create to the first bind; negative if that came before."""

    gang: str
    size: int
    created: int
    bound: int
    running: int
    ended: int
    create_to_bind_s: float | None
    bind_span_s: float | None
    half_bound_s: float
    nodes: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every member was given a node."""
        return self.bound == self.size

    @property
    def is_partial(self) -> bool:
        """Whether it stood half bound for longer than binding it takes."""
        return self.half_bound_s > PARTIAL_AFTER_S


def sighting_of(event: dict[str, Any], at: float) -> Sighting | None:
    """Return what one watch event says of a pod; None for bookmarks and pods of no gang of ours."""
    pod = event.get("object", {})
    labels = pod.get("metadata", {}).get("labels") or {}
    if event.get("type") not in {"ADDED", "MODIFIED", "DELETED"} or GANG_LABEL not in labels:
        return None
    return Sighting(
        at=at,
        pod=str(pod["metadata"]["name"]),
        gang=str(labels[GANG_LABEL]),
        node=pod.get("spec", {}).get("nodeName"),
        phase=str(pod.get("status", {}).get("phase", "Pending")),
        is_gone=event["type"] == "DELETED",
    )


def measures(sightings: Iterable[Sighting], gang: str, size: int, *, until: float) -> Measures:
    """Return the measures of one gang, observed until a moment. Ended members stay bound in this count: they had their start."""
    created: dict[str, float] = {}
    bound: dict[str, tuple[float, str]] = {}
    last: dict[str, Sighting] = {}
    for seen in sightings:
        if seen.gang != gang or seen.at > until:
            continue
        created.setdefault(seen.pod, seen.at)
        if seen.node is not None:
            bound.setdefault(seen.pod, (seen.at, seen.node))
        last[seen.pod] = seen
    times = sorted(at for at, _ in bound.values())
    whole = len(times) >= size
    return Measures(
        gang=gang,
        size=size,
        created=len(created),
        bound=len(bound),
        running=sum(1 for seen in last.values() if seen.phase == "Running" and not seen.is_gone),
        ended=sum(1 for seen in last.values() if seen.phase in ENDED),
        create_to_bind_s=times[0] - max(created.values()) if times else None,
        bind_span_s=times[-1] - times[0] if times else None,
        half_bound_s=((times[-1] if whole else until) - times[0]) if times else 0.0,
        nodes=tuple(sorted(node for _, node in bound.values())),
    )


def occupied(sightings: Sequence[Sighting]) -> dict[str, str]:
    """Return gang by node, for pods that are bound and have not ended."""
    last = {seen.pod: seen for seen in sightings}
    return {
        seen.node: seen.gang
        for seen in last.values()
        if seen.node is not None and not seen.is_gone and seen.phase not in ENDED
    }
