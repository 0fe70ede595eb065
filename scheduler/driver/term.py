"""One term of leadership, from the Lease to the last open write; the same for both modes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from scheduler.config import Settings
from scheduler.driver.children import unless
from scheduler.driver.chronicle import Chronicle
from scheduler.driver.desk import VoteDesk
from scheduler.driver.driver import Driver, Hands
from scheduler.driver.memory import settle
from scheduler.engine.extension_points import PolicySet
from scheduler.engine.lifecycle import Lifecycle
from scheduler.engine.steps import LifecycleSettings
from scheduler.kube.feed import Feed
from scheduler.kube.leases import Elector

SYNC_TIMEOUT_S = 120.0


class LeadershipLostError(RuntimeError):
    """The Lease went to somebody else, or could not be renewed in time. The process must end."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The object graph of a scheduler, made by `scheduler.wiring`."""

    settings: Settings
    clock: Callable[[], float]
    feed: Feed
    elector: Elector
    hands: Hands
    policies: PolicySet
    chronicle: Chronicle


async def lead(parts: Parts, stop: asyncio.Event, desk: VoteDesk | None = None) -> None:
    """
    Wait for the cache, then for the Lease, then lead until `stop` is set.

    Raises: LeadershipLostError when the term ends otherwise. A clean stop finishes open attempts and gives the Lease back.
    """
    async with asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(parts.feed.run())]
        try:
            await unless(stop, parts.feed.synced(SYNC_TIMEOUT_S))
            settle()
            term = None if stop.is_set() else await unless(stop, parts.elector.acquire())
            if term is None:
                return
            parts.chronicle.leading(term.epoch)
            wall_offset_s = time.time() - parts.clock()
            lifecycle = Lifecycle(
                _lifecycle_settings(parts.settings, needs_votes=desk is not None),
                epoch=term.epoch,
                wall_offset_s=wall_offset_s,
            )
            driver = Driver(
                lifecycle,
                parts.policies,
                parts.hands,
                term,
                clock=parts.clock,
                wall_offset_s=wall_offset_s,
                settings=parts.settings.cycle,
                chronicle=parts.chronicle,
                desk=desk,
            )
            stopper = tasks.create_task(_stop_when(stop, driver))
            background.append(stopper)
            try:
                await driver.run()
            finally:
                parts.chronicle.leading(None)
            if not term.is_held():
                raise LeadershipLostError(
                    "The Lease was lost; this process ends so that it cannot write as a second leader."
                )
            await term.release()
        finally:
            for task in background:
                task.cancel()


async def _stop_when(stop: asyncio.Event, driver: Driver) -> None:
    await stop.wait()
    driver.stop()


def _lifecycle_settings(settings: Settings, *, needs_votes: bool) -> LifecycleSettings:
    return LifecycleSettings(
        needs_votes=needs_votes,
        barrier_timeout_s=settings.extender.barrier_timeout_s,
        publish_delay_s=settings.cycle.publish_delay_s,
        backoff_initial_s=settings.cycle.backoff_initial_s,
        backoff_max_s=settings.cycle.backoff_max_s,
    )
