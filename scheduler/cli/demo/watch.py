"""
A watch of pods that belongs to nobody: its own identity, which may only read, and nothing of Tutti's cache in between.

What it saw, in order, with the moment of arrival, is all that the demo's measures rest on.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Final

from scheduler.cli.demo.timeline import Measures, Sighting, measures, sighting_of
from scheduler.kube.transport import Transport

WATCH_S: Final = 300
SILENCE_S: Final = 120.0  # bookmarks come about every minute


class PodWatch:
    """Follows the pods of one namespace. One task, `run`, writes `sightings`."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self.sightings: list[Sighting] = []
        self.is_watching = asyncio.Event()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled. An expired or broken watch ends the demo: what it missed cannot be claimed."""
        listed = json.loads(await self._transport.get(self._path))
        version = str(listed["metadata"]["resourceVersion"])
        self.is_watching.set()
        while True:
            stream = self._transport.watch(
                self._path, resource_version=version, timeout_s=WATCH_S, silence_s=SILENCE_S
            )
            async for lines in stream:
                at = asyncio.get_running_loop().time()
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise RuntimeError(
                            f"the watch of pods was ended by the API server: {event['object'].get('message')}"
                        )
                    version = event["object"]["metadata"]["resourceVersion"]
                    seen = sighting_of(event, at)
                    if seen is not None:
                        self.sightings.append(seen)
                self._changed.set()

    def of(self, gang: str, size: int) -> Measures:
        """Return the measures of a gang up to now."""
        return measures(self.sightings, gang, size, until=asyncio.get_running_loop().time())

    async def until(self, holds: Callable[[], bool], *, within_s: float) -> bool:
        """Wait until something seen makes the claim true; False when time is up."""
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return holds()
        return True
