"""
Keeps the cache true: one reflector per kind, carried out against the API server until cancelled.

The pump around the state machine is thin: ask it what to do, do it, hand back the answer. Translation is cut into slices of a few
milliseconds, so that a list of thousands never holds up a Lease renewal or a binding.
Next: `reflector` decides, `ingest` translates, `cache` keeps.
"""

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from scheduler.config import ApiSettings
from scheduler.kube import errors
from scheduler.kube.cache import Cache, SetAside
from scheduler.kube.ingest import Ingest, Resource
from scheduler.kube.reflector import Change, List, Put, Reflector, Wait, Watch
from scheduler.kube.transport import Transport

SLICE_S: Final = 0.005

Observer = Callable[[str, int], None]
"""Told a kind and how many of its changes were just taken in."""

Trouble = Callable[[str, str], None]
"""Told a kind and why it cannot be followed, with what to do; an empty text: it can be again."""


class Feed:
    """Runs all reflectors of one cache. `run` must be running for `synced` to return."""

    def __init__(
        self,
        transport: Transport,
        cache: Cache,
        settings: ApiSettings,
        *,
        rng: Random | None = None,
        observer: Observer | None = None,
        tell: Callable[[SetAside], None] = lambda aside: None,
        trouble: Trouble = lambda kind, why: None,
    ) -> None:
        self._transport = transport
        self._cache = cache
        self._settings = settings
        self._ingest = Ingest(cache, tell=tell)
        self._observer = observer
        self._trouble = trouble
        self._told: dict[str, str] = {}
        rng = rng or Random()  # noqa: S311  jitter, not a secret
        self._reflectors = {
            resource.kind: (resource, Reflector(page_size=settings.page_size, rng=Random(rng.random())))  # noqa: S311
            for resource in self._ingest.resources()
        }
        self._heard_at: dict[str, float] = {}
        self._answered: set[str] = set()  # listed completely, or optional and answered in any way
        self._synced = asyncio.Event()
        self.problems: dict[str, str] = {}

    async def run(self) -> None:
        """List and watch every kind until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for resource, reflector in self._reflectors.values():
                tasks.create_task(self._follow(resource, reflector), name=f"reflector {resource.kind}")

    async def synced(self, timeout_s: float) -> None:
        """Return once every kind has been listed completely. Raises errors.Unavailable that names what is missing, and why."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._synced.wait()
        except TimeoutError as problem:
            missing = [kind for kind in self._reflectors if kind not in self._answered]
            told = dict.fromkeys(self.problems[kind].rstrip(".") for kind in missing if kind in self.problems)
            raise errors.Unavailable(
                f"Not listed within {timeout_s:g} s: {', '.join(missing)} ({'; '.join(told) or 'no answer yet'})."
            ) from problem

    @property
    def required(self) -> tuple[Resource, ...]:
        """What `synced` waits for."""
        return tuple(resource for resource, _ in self._reflectors.values() if not resource.is_optional)

    @property
    def relists(self) -> int:
        """How many lists had to be started anew."""
        return sum(reflector.relists for _, reflector in self._reflectors.values())

    def resource_versions(self) -> dict[str, str]:
        """Return, per kind, the version up to which the cache holds everything."""
        return {kind: reflector.resource_version for kind, (_, reflector) in self._reflectors.items()}

    def silence_s(self) -> dict[str, float]:
        """Return, per kind, for how long nothing has been heard, bookmarks included. Above a minute or so a watch is suspect."""
        now = asyncio.get_running_loop().time()
        return {kind: now - heard for kind, heard in self._heard_at.items()}

    async def _follow(self, resource: Resource, reflector: Reflector) -> None:
        while True:
            try:
                await self._step(resource, reflector)
            except errors.ApiError as problem:
                if resource.is_optional and isinstance(problem, errors.NotFound):
                    await self._take_in(resource, reflector.absent())
                    self._heard_at.pop(resource.kind, None)
                    self._note_well(resource)
                else:
                    self._note_problem(resource, self._advice(resource, problem))
                    reflector.failed(problem)
                if resource.is_optional:
                    self._note_answered(resource)

    async def _step(self, resource: Resource, reflector: Reflector) -> None:
        match reflector.next_request():
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case List(limit, token):
                page = await self._transport.page(resource.path, limit=limit, continue_token=token)
                await self._take_in(resource, reflector.page(page))
                if reflector.is_synced:
                    self._note_synced(resource)
            case Watch(version, timeout_s):
                await self._watch(resource, reflector, version, timeout_s)

    async def _watch(self, resource: Resource, reflector: Reflector, version: str, timeout_s: int) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        silence_s = self._settings.watch_silence_s
        stream = self._transport.watch(
            resource.path, resource_version=version, timeout_s=timeout_s, silence_s=silence_s
        )
        try:
            async for lines in stream:
                self._heard_at[resource.kind] = loop.time()
                self._note_well(resource)
                heard = reflector.events(lines)
                await self._take_in(resource, heard.changes)
                if heard.problem is not None:
                    raise heard.problem
        finally:
            await stream.aclose()
        reflector.closed(loop.time() - begun)

    async def _take_in(self, resource: Resource, changes: Sequence[Change]) -> None:
        loop = asyncio.get_running_loop()
        slice_end = loop.time() + SLICE_S
        for change in changes:
            if isinstance(change, Put):
                self._ingest.put(resource, change)
            else:
                self._ingest.gone(resource, change)
            if loop.time() > slice_end:
                await asyncio.sleep(0)
                slice_end = loop.time() + SLICE_S
        if self._observer is not None and changes:
            self._observer(resource.kind, len(changes))

    def _note_synced(self, resource: Resource) -> None:
        self._note_well(resource)
        self._heard_at[resource.kind] = asyncio.get_running_loop().time()
        self._note_answered(resource)

    def _note_answered(self, resource: Resource) -> None:
        """What is optional holds nobody up: any answer will do for the start."""
        self._answered.add(resource.kind)
        if not self._synced.is_set() and self._answered >= self._reflectors.keys():
            self._cache.mark_synced()
            self._synced.set()

    def _note_problem(self, resource: Resource, why: str) -> None:
        """Tell what is new and lasts: not that a watch broke once, nor of every kind that the same server does not answer."""
        kind, reflector = resource.kind, self._reflectors[resource.kind][1]
        lasts = not reflector.is_synced or kind in self.problems
        self.problems[kind] = why
        if lasts and why not in self._told.values():
            self._told[kind] = why
            self._trouble(kind, why)

    def _note_well(self, resource: Resource) -> None:
        self.problems.pop(resource.kind, None)
        if self._told.pop(resource.kind, None) is not None:
            self._trouble(resource.kind, "")

    @staticmethod
    def _advice(resource: Resource, problem: errors.ApiError) -> str:
        if isinstance(problem, errors.NotFound) and "tutti" in resource.path:
            return f"the API server does not know {resource.kind}: run `tutti install --crds-only`"
        if isinstance(problem, errors.Forbidden):
            return f"this identity may not list {resource.kind}: give it the ClusterRole tutti-reader ({problem})"
        return str(problem)
