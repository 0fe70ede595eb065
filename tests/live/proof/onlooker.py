"""Somebody who looks on: follows pods by a watch that belongs to nobody, and remembers which gangs stood partly bound, and for how long."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.live.api import Api, Json, pods

GROUP_LABEL = "scheduling.tutti.dev/pod-group"


class Onlooker:
    """
    Sees one namespace from `async with` to its end; every gang in it has `size` members.

    `most`: by gang, the most members that were ever bound at once. `longest_partial_s`: the longest time for which any gang stood
    partly bound, counted until the end where it still did.
    """

    def __init__(self, observer: Api, namespace: str, size: int) -> None:
        self._observer = observer
        self._namespace = namespace
        self._size = size
        self._bound: dict[str, set[str]] = {}
        self._partial_since: dict[str, float] = {}
        self._following: asyncio.Task[None]
        self.most: dict[str, int] = {}
        self.longest_partial_s = 0.0

    async def __aenter__(self) -> Self:
        version = (await self._observer.get(pods(self._namespace)))["metadata"]["resourceVersion"]
        self._following = asyncio.create_task(self._follow(version))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._following.cancel()
        with suppress(asyncio.CancelledError):
            await self._following
        for gang in tuple(self._partial_since):
            self._note(gang, 0)

    async def _follow(self, version: str) -> None:
        while True:  # the API server ends the watch of who does not read fast enough; going on from where it was loses nothing
            watch = self._observer.watch(pods(self._namespace), resource_version=version)
            async for event in watch:
                assert event["type"] != "ERROR", event["object"]
                version = event["object"]["metadata"]["resourceVersion"]
                self._see(event)

    def _see(self, event: Json) -> None:
        pod = event["object"]
        gang = pod["metadata"].get("labels", {}).get(GROUP_LABEL)
        if gang is None:
            return
        bound = self._bound.setdefault(gang, set())
        if event["type"] == "DELETED":
            bound.clear()  # the round is over; its pods go one by one
        elif pod["spec"].get("nodeName") and "deletionTimestamp" not in pod["metadata"]:
            bound.add(pod["metadata"]["uid"])
        self._note(gang, len(bound))

    def _note(self, gang: str, bound: int) -> None:
        now = asyncio.get_running_loop().time()
        self.most[gang] = max(bound, self.most.get(gang, 0))
        partial = 0 < bound < self._size
        since = self._partial_since.setdefault(gang, now) if partial else self._partial_since.pop(gang, now)
        self.longest_partial_s = max(self.longest_partial_s, now - since)
