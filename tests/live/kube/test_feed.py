"""The cache stays true to the real API server, also when watches break, expire and miss deletions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest

from scheduler.kube import errors
from scheduler.kube.cache import Cache
from scheduler.kube.credentials import Credentials
from scheduler.kube.feed import Feed
from scheduler.kube.transport import Transport
from scheduler.model.ids import PodUid
from tests.live.kube.conftest import OURS, SETTINGS
from tests.live.kube.fault_proxy import FaultProxy, fault_proxy

pytestmark = pytest.mark.live


@asynccontextmanager
async def feeding(transport: Transport) -> AsyncIterator[tuple[Cache, Feed]]:
    cache = Cache(scheduler_names=("tutti",), clock=lambda: 0.0)
    feed = Feed(transport, cache, SETTINGS, rng=Random(1))
    running = asyncio.create_task(feed.run())
    try:
        await feed.synced(20)
        yield cache, feed
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def through_proxy(upstream: Credentials) -> AsyncIterator[tuple[FaultProxy, Cache, Feed]]:
    async with (
        fault_proxy(upstream) as proxy,
        Transport(Credentials(server=proxy.url), SETTINGS) as transport,
        feeding(transport) as (cache, feed),
    ):
        yield proxy, cache, feed


async def test_groups_members_and_usage_arrive(world, eventually) -> None:
    async with feeding(world.transport) as (cache, _):
        assert cache.is_synced
        assert set(world.nodes) <= set(cache.snapshot().nodes)
        await world.group()
        await world.pod("x")
        await world.pod("foreign", group=None, schedulerName="other", nodeName=world.nodes[0])
        await eventually(
            lambda: cache.view(world.key())[0] is not None and len(cache.view(world.key())[1]) == 1
        )
        await eventually(lambda: cache.snapshot().nodes[world.nodes[0]].requested["cpu"] >= 10)
        await world.delete_pod("x")
        await eventually(lambda: cache.view(world.key())[1] == ())


async def test_what_was_deleted_while_the_watch_was_expired_is_deleted_from_the_cache(
    world, upstream, eventually
) -> None:
    async with through_proxy(upstream) as (proxy, cache, feed):
        pods = [await world.pod(name) for name in ("stays", "goes", "recreated")]
        await eventually(lambda: len(cache.view(world.key())[1]) == 3)
        proxy.hold_watches.clear()
        lists = feed.relists
        proxy.fault = lambda verb, path: "503" if verb == "GET" and path == "/api/v1/pods" else ""
        proxy.expire_watches()
        await eventually(lambda: "503" in feed.problems.get("pods", ""))
        await world.delete_pod("goes")
        await world.delete_pod("recreated")
        successor = await world.pod("recreated")
        assert cache.knows(PodUid(pods[1]["metadata"]["uid"])), "nobody has told the cache yet"
        proxy.fault = lambda verb, path: ""
        proxy.hold_watches.set()
        await eventually(lambda: cache.knows(PodUid(successor["metadata"]["uid"])))
        await eventually(lambda: len(cache.view(world.key())[1]) == 2)
        assert not cache.knows(PodUid(pods[1]["metadata"]["uid"]))
        assert not cache.knows(PodUid(pods[2]["metadata"]["uid"]))
        assert feed.relists > lists


async def test_a_version_that_the_server_has_forgotten_is_told_as_gone(world) -> None:
    # The server's history of a custom resource begins when its definition was made, well after version 1.
    stream = world.transport.watch(f"{OURS}/podgroups", resource_version="1", timeout_s=5, silence_s=5.0)
    try:
        lines = await anext(stream)
    except errors.Gone:
        return
    assert b'"code":410' in lines[0]


async def test_pages_are_put_together(world) -> None:
    for number in range(5):
        await world.pod(f"x-{number}")
    path = f"/api/v1/namespaces/{world.namespace}/pods"
    first = await world.transport.page(path, limit=2)
    second = await world.transport.page(path, limit=2, continue_token=first.metadata.continue_)
    third = await world.transport.page(path, limit=2, continue_token=second.metadata.continue_)
    assert [len(page.items or []) for page in (first, second, third)] == [2, 2, 1]
    assert third.metadata.continue_ == ""
    with pytest.raises((errors.Gone, errors.Invalid)):
        await world.transport.page(path, limit=2, continue_token="nonsense")


async def test_an_object_that_cannot_be_read_is_set_aside_and_the_others_arrive(world, eventually) -> None:
    async with feeding(world.transport) as (cache, _):
        await world.group("fine")
        await world.group("odd", priorityClassName="no-such-class")
        await eventually(lambda: {world.key("fine"), world.key("odd")} <= set(cache.keys()))
        group = cache.view(world.key("odd"))[0]
        assert group is not None
        assert group.refusal == "PriorityClass no-such-class does not exist."
        fine = cache.view(world.key("fine"))[0]
        assert fine is not None
        assert fine.refusal == ""
