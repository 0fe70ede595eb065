"""
What waits, and why: gauges when somebody asks, and a log line when a reason changes.

A gang waits until its last member that counts has a node, also while it has a plan: a plan may come to nothing, time after time. It is
shown as Placed then, or with what its last plan came to nothing for. Thousands of gangs wait through thousands of cycles, so what was
logged already is said again at debug level only; texts that differ in their numbers count as the same.
Owned by the chronicle.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from scheduler.kube.cache import Cache
from scheduler.model.ids import GroupKey, QueueName
from scheduler.model.podgroups import DEFAULT_QUEUE
from scheduler.model.pods import Pod
from scheduler.model.reasons import Reason
from scheduler.telemetry.logs import Log

NUMBERS: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a group waits. `has_failed`: its last plan came to nothing. `said`: what was logged of it, without numbers."""

    reason: Reason
    has_failed: bool = False
    said: str = ""


class Waits:
    """Told by the chronicle which gangs wait and which do not any more."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._waiting: dict[GroupKey, Waiting] = {}

    def held(self, key: GroupKey, reason: Reason, message: str, log: Log) -> None:
        """A cycle found no place for this gang; told to `log` at level info."""
        tell = log.info if self._is_news(key, Waiting(reason), message) else log.debug
        tell("waits", reason=reason.value, message=message)

    def failed(self, key: GroupKey, reason: Reason, message: str, log: Log) -> None:
        """A plan came to nothing; told to `log` as a warning."""
        tell = log.warning if self._is_news(key, Waiting(reason, has_failed=True), message) else log.debug
        tell("attempt failed", reason=reason.value, message=message)

    def placed(self, key: GroupKey) -> bool:
        """A gang has a plan. Returns whether that is news: not after a plan that came to nothing."""
        before = self._waiting.get(key)
        if before is not None and before.has_failed:
            return False
        self._waiting[key] = Waiting(Reason.PLACED)
        return True

    def seen(self, key: GroupKey, members: Sequence[Pod]) -> None:
        """A gang has these members now, or has gone."""
        if key in self._waiting and not any(_waits(pod) for pod in members):
            del self._waiting[key]

    def all(self) -> Iterator[tuple[QueueName, Reason, int]]:
        """Yield queue, reason, and the GPUs that waiting members ask for, per gang. Cost: O(members of the gangs that wait)."""
        for key, waiting in self._waiting.items():
            group, members = self._cache.view(key)
            gpus = sum(pod.shape.requests.gpus for pod in members if _waits(pod))
            yield group.queue if group is not None else DEFAULT_QUEUE, waiting.reason, gpus

    def _is_news(self, key: GroupKey, waiting: Waiting, message: str) -> bool:
        said = f"{waiting.reason}: {NUMBERS.sub('#', message)}"
        before = self._waiting.get(key)
        self._waiting[key] = Waiting(waiting.reason, waiting.has_failed, said)
        return before is None or before.said != said


def _waits(pod: Pod) -> bool:
    return pod.counts_for_quorum and not pod.is_bound
