"""
Explains the groups that wait, one after the other in a worker thread, and tells whose explanation has changed.

Nothing here is urgent and nothing may be held up by it: the event loop only takes a snapshot and starts the thread. `turns` says who is
next. The thread sees frozen values, and what is remembered of nodes between two explanations is used by one thread at a time.
Next: `board` writes ``status.explanation`` with the rest of the status; `scheduler.explain.summary` says what stands there.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.config import Settings
from scheduler.controller.turns import Turns
from scheduler.engine.extension_points import PolicySet
from scheduler.explain import explain
from scheduler.explain.summary import summary
from scheduler.kube.cache import Cache
from scheduler.model.ids import GroupKey
from scheduler.model.snapshot import Snapshot
from scheduler.policies.registry import default_policies
from scheduler.telemetry import logs

Written = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What an explanation depends on beside the cluster: the group's generation, and what the scheduler says of it."""

    generation: int
    reason: str = ""
    holds_unevaluated: bool = False


@dataclass(frozen=True, slots=True)
class Explained:
    """What was found for one generation of a group; `written` None: it does not wait for anything that can be explained."""

    generation: int
    written: Written | None


class Explainer:
    """Owns the explanations. `waits`, `ends` and `of` are called by the board; `run` is the loop; all on one event loop."""

    def __init__(self, cache: Cache, settings: Settings, wall_clock: Callable[[], float] = time.time) -> None:
        self._cache = cache
        self._settings = settings
        self._wall_clock = wall_clock
        self._turns = Turns()
        self._about: dict[GroupKey, About] = {}
        self._found: dict[GroupKey, Explained] = {}
        self._policies: dict[bool, PolicySet] = {}
        self._wake = asyncio.Event()
        self._log = logs.get("controller")

    def waits(self, key: GroupKey, about: About) -> None:
        """This group waits, as far as the board sees."""
        if self._about.get(key) != about:
            self._about[key] = about
            self._turns.waits(key, about, asyncio.get_running_loop().time())
            self._wake.set()

    def ends(self, key: GroupKey) -> None:
        """This group does not wait any more, or is gone."""
        self._turns.ends(key)
        self._about.pop(key, None)
        self._found.pop(key, None)

    def of(self, key: GroupKey) -> Explained | None:
        """Return what was found last; None while this group has not had its turn yet."""
        return self._found.get(key)

    async def run(self, tell: Callable[[GroupKey], None]) -> None:
        """Explain until cancelled. `tell` is called for each group of which something else is found than before."""
        loop = asyncio.get_running_loop()
        while True:
            key = self._turns.take(loop.time())
            if key is None:
                await self._sleep()
                continue
            begun, about = loop.time(), self._about[key]
            found = await self._explained(key, about)
            is_news = found is not None and self._found.get(key) != found
            self._turns.done(key, begun, loop.time(), has_changed=is_news or found is None)
            if found is not None and is_news and key in self._about:  # else it has started meanwhile
                self._found[key] = found
                tell(key)

    async def _explained(self, key: GroupKey, about: About) -> Explained | None:
        group, _ = self._cache.view(key)
        if group is None or group.generation != about.generation:
            return None  # the board and the cache do not show the same yet
        try:
            written = await asyncio.to_thread(
                self._in_thread, self._cache.snapshot(), key, about.holds_unevaluated, self._wall_clock()
            )
        except Exception:  # a fault of ours in what only explains must not end what keeps the statuses
            self._log.exception("a group could not be explained", group=str(key))
            return None
        return Explained(about.generation, written)

    def _in_thread(
        self, snapshot: Snapshot, key: GroupKey, holds_unevaluated: bool, now: float
    ) -> Written | None:
        policies = self._policies.get(holds_unevaluated)
        if policies is None:
            settings = self._settings
            policies = self._policies[holds_unevaluated] = default_policies(
                settings.policies, settings.engine, holds_unevaluated=holds_unevaluated
            )
        return summary(explain(snapshot, key, policies, now=now))

    async def _sleep(self) -> None:
        due = self._turns.next_at()
        loop = asyncio.get_running_loop()
        timer = loop.call_at(due, self._wake.set) if due is not None else None
        await self._wake.wait()
        self._wake.clear()
        if timer is not None:
            timer.cancel()
