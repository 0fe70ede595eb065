"""
How long after its acknowledgement a binding of ours is seen in the cache: the lag of the watch, from a bounded sample.

A watch that stands still shows nothing here; its silence has a metric of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scheduler.engine.messages import Bind
from scheduler.kube.cache import Cache
from scheduler.model.ids import PodKey, PodUid

SAMPLE: Final = 32  # bindings followed at once, so that a look costs microseconds however large a gang is


@dataclass(slots=True)
class _Followed:
    pod: PodKey
    acknowledged_at: float | None = None


class Sightings:
    """Owns the bindings that are followed. Times are seconds on one clock; `observe` is told the lags."""

    def __init__(self, cache: Cache, observe: Callable[[float], None]) -> None:
        self._cache = cache
        self._observe = observe
        self._followed: dict[PodUid, _Followed] = {}

    def sent(self, order: Bind) -> None:
        """A binding is about to be sent."""
        if len(self._followed) < SAMPLE:
            self._followed[order.assignment.uid] = _Followed(order.assignment.pod)

    def acknowledged(self, uid: PodUid, now: float) -> None:
        """A binding was acknowledged."""
        followed = self._followed.get(uid)
        if followed is not None:
            followed.acknowledged_at = now
            self._look_at(uid, followed, now)

    def failed(self, uid: PodUid) -> None:
        """A binding was refused."""
        self._followed.pop(uid, None)

    def look(self, now: float) -> None:
        """The cache has taken in changes."""
        for uid, followed in list(self._followed.items()):
            self._look_at(uid, followed, now)

    def _look_at(self, uid: PodUid, followed: _Followed, now: float) -> None:
        pod = self._cache.pod(followed.pod)
        if pod is None or pod.uid != uid:
            del self._followed[uid]
        elif pod.is_bound and followed.acknowledged_at is not None:
            del self._followed[uid]
            self._observe(now - followed.acknowledged_at)
