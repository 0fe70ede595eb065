"""A pod that the API server takes and we cannot read says so itself, with the rights that the scheduler has."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from scheduler.kube import credentials
from scheduler.kube.cache import Cache
from scheduler.kube.feed import Feed
from scheduler.kube.transport import Transport
from scheduler.kube.unreadable import UnreadablePods
from scheduler.localcluster import LocalCluster
from scheduler.objects.labels import MAX_LABELS
from tests.live.kube.conftest import SETTINGS, World

pytestmark = pytest.mark.live


async def test_pod_with_more_labels_than_are_read_is_told_and_its_peer_is_not(
    world: World, cluster: LocalCluster
) -> None:
    labels = {f"l{number}": "x" for number in range(MAX_LABELS + 1)}
    odd = await world.pod("odd")
    await world.patch(world.pod_path("odd"), {"metadata": {"labels": labels}})
    await world.pod("fine")

    async def condition(name: str) -> dict[str, Any]:
        status = (await world.read(world.pod_path(name)))["status"]
        return next((each for each in status.get("conditions", []) if each["type"] == "PodScheduled"), {})

    identity = credentials.load(cluster.kubeconfig("tutti-scheduler"))
    async with Transport(identity, SETTINGS) as transport:
        cache = Cache(scheduler_names=("tutti",), clock=lambda: 0.0)
        telling = UnreadablePods(transport, cache, lambda: True)
        feed = Feed(transport, cache, SETTINGS, tell=lambda _: telling.heard.set())
        running = [asyncio.create_task(work) for work in (feed.run(), telling.run())]
        try:
            async with asyncio.timeout(30):
                while not await condition("odd"):
                    await asyncio.sleep(0.05)
        finally:
            for task in running:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
    told = await condition("odd")
    assert (told["status"], told["reason"]) == ("False", "SchedulerError")
    assert f"metadata.labels has {MAX_LABELS + 2} entries" in told["message"]
    assert (await world.read(world.pod_path("odd")))["metadata"]["uid"] == odd["metadata"]["uid"]
    assert await condition("fine") == {}
