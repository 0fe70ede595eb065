"""
A live cluster, read once: the user's own identity, one complete list of everything a cycle may know, no watch afterwards.

The same feed and cache as the scheduler's, so what is shown or saved is what would be decided over.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from scheduler.config import Settings, load
from scheduler.kube import credentials, errors
from scheduler.kube.cache import Cache, SetAside
from scheduler.kube.feed import Feed
from scheduler.kube.ingest import Resource
from scheduler.kube.transport import Transport
from scheduler.model.snapshot import Snapshot

LISTED_WITHIN_S: Final = 60.0
FORBIDDEN: Final = 403

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one complete list has shown. `set_aside`: objects that could not be read, and why."""

    snapshot: Snapshot
    set_aside: tuple[SetAside, ...]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run one command's work to its end."""
    return asyncio.run(work)


@contextlib.asynccontextmanager
async def connected(
    kubeconfig: Path | None, context: str | None, settings: Settings
) -> AsyncIterator[Transport]:
    """One connection with the user's identity."""
    async with Transport(credentials.load(kubeconfig, context), settings.api) as transport:
        yield transport


async def seen(transport: Transport, settings: Settings) -> Seen:
    """List everything once. Raises kube.errors.ApiError when the identity may not, or the API server does not answer."""
    cache = Cache(scheduler_names=settings.scheduler_names, clock=time.monotonic)
    feed = Feed(transport, cache, settings.api)
    await _try_each(transport, feed.required)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(feed.run())
        try:
            await feed.synced(LISTED_WITHIN_S)
        finally:
            following.cancel()
    return Seen(cache.snapshot(), cache.set_aside)


async def _try_each(transport: Transport, resources: Sequence[Resource]) -> None:
    """Say at once, and in one sentence for all kinds, what the feed would keep trying. Raises: kube.errors.ApiError."""
    unknown, forbidden = [], []
    for each in resources:
        try:
            await transport.get(each.path, {"limit": "1"})
        except errors.NotFound:
            unknown.append(each.kind)
        except errors.Forbidden as problem:
            if problem.status != FORBIDDEN:  # nor will the others know who asks
                raise
            forbidden.append(each.kind)
    if forbidden:
        raise errors.Forbidden(may_not_list(*forbidden), FORBIDDEN)
    if unknown:
        raise errors.NotFound(does_not_know(*unknown), 404)


def may_not_list(*kinds: str) -> str:
    """Return what to tell an identity that may not list these of the whole cluster."""
    return f"This identity may not list {', '.join(kinds)} of the whole cluster; give it the ClusterRole tutti-reader."


def does_not_know(*kinds: str) -> str:
    """Return what to tell where definitions of ours are missing."""
    return f"The API server does not know {', '.join(kinds)}; run `tutti install --crds-only`."


def settings_of(config: Path | None) -> Settings:
    """Return the settings of a file and the environment."""
    return load(config, os.environ)
