"""What stands in the way of following a kind is told once, with what to do, and when it is over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest
from aiohttp import web

from scheduler.config import ApiSettings
from scheduler.kube.cache import Cache
from scheduler.kube.credentials import Credentials
from scheduler.kube.feed import Feed
from scheduler.kube.transport import Transport
from scheduler.objects import device_slices
from tests.kube.conftest import FakeApiServer

OURS = "/apis/scheduling.tutti.dev/v1alpha1"
PATHS = (
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/persistentvolumeclaims",
    "/api/v1/persistentvolumes",
    "/api/v1/pods",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/apis/storage.k8s.io/v1/csidrivers",
    "/apis/storage.k8s.io/v1/csinodes",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/storage.k8s.io/v1/volumeattachments",
    f"{OURS}/podgroups",
    f"{OURS}/queues",
    f"{OURS}/topologies",
)

SLICES = "resourceslices"

Told = list[tuple[str, str]]


def is_watch(request: web.Request) -> bool:
    return "watch" in request.query


@pytest.fixture
def lists(api_server: FakeApiServer) -> FakeApiServer:
    """Serves an empty list of every kind, and watches on which nothing ever happens."""
    for path in PATHS:
        api_server.put(path, {"kind": "List", "items": []})
    api_server.fault = lambda request, number: "hang" if is_watch(request) else ""
    return api_server


@asynccontextmanager
async def feeding(transport: Transport) -> AsyncIterator[tuple[Feed, Told]]:
    told: Told = []
    cache = Cache(scheduler_names=("tutti",), clock=lambda: 0.0)
    feed = Feed(
        transport,
        cache,
        ApiSettings(),
        rng=Random(1),
        trouble=lambda kind, why: told.append((kind, why)),
    )
    running = asyncio.create_task(feed.run())
    yield feed, told
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_nothing_is_told_while_nothing_is_wrong(lists, transport) -> None:
    async with feeding(transport) as (feed, told):
        await feed.synced(20)
        assert told == []


async def test_a_missing_definition_is_told_at_once_with_the_remedy_and_when_it_is_there(
    lists, transport
) -> None:
    path = f"{OURS}/podgroups"
    missing = lists.objects.pop(path)
    async with feeding(transport) as (feed, told):
        await until(lambda: lists.asked.count(f"GET {path}") >= 2)
        why = "the API server does not know podgroups: run `tutti install --crds-only`"
        assert told == [("podgroups", why)], "once, however often it is tried"
        lists.put(path, missing)
        await feed.synced(20)
        assert told[1:] == [("podgroups", "")]


async def test_a_missing_right_names_the_role(lists, transport) -> None:
    quiet = lists.fault
    lists.fault = lambda request, number: "403" if request.path == "/api/v1/pods" else quiet(request, number)
    async with feeding(transport) as (_, told):
        await until(lambda: told)
        ((kind, why),) = told
        assert kind == "pods"
        assert why.startswith("this identity may not list pods: give it the ClusterRole tutti-reader (GET ")


async def test_a_kind_that_is_not_installed_holds_nobody_up_and_is_no_problem(lists, transport) -> None:
    async with feeding(transport) as (feed, told):
        await feed.synced(20)
        assert (feed.problems, told) == ({}, [])
        assert SLICES not in feed.silence_s(), "nothing is watched, so nothing is silent"


@pytest.mark.parametrize("fault", ["403", "500"])
async def test_an_optional_kind_that_cannot_be_listed_is_told_and_holds_nobody_up(
    lists, transport, fault: str
) -> None:
    quiet = lists.fault
    lists.fault = lambda request, number: fault if request.path.endswith(SLICES) else quiet(request, number)
    async with feeding(transport) as (feed, told):
        await feed.synced(20)
        await until(lambda: told)
        assert [kind for kind, _ in told] == [SLICES]


async def test_an_optional_kind_that_is_there_is_listed_before_the_start(lists, transport) -> None:
    lists.put(
        device_slices.PATH, {"kind": "ResourceSliceList", "items": [{"metadata": {"name": "s", "uid": "u"}}]}
    )
    async with feeding(transport) as (feed, _):
        await feed.synced(20)
        assert feed.resource_versions()[SLICES]


async def test_a_server_that_cannot_be_reached_is_told_once_for_all_kinds() -> None:
    async with (
        Transport(Credentials(server="http://127.0.0.1:1"), ApiSettings()) as nowhere,
        feeding(nowhere) as (feed, told),
    ):
        await until(lambda: len(feed.problems) >= len(PATHS))
        assert len(told) == 1
        assert "The API server at http://127.0.0.1:1 cannot be reached" in told[0][1]


async def test_a_watch_that_breaks_is_told_only_when_it_cannot_be_taken_up_again(lists, transport) -> None:
    quiet, path = lists.fault, "/api/v1/nodes"
    watches: list[int] = []

    def first_watch_fails(request: web.Request, number: int) -> str:
        if request.path != path or not is_watch(request):
            return quiet(request, number)
        watches.append(number)
        return "500" if len(watches) == 1 else "hang"

    lists.fault = first_watch_fails
    async with feeding(transport) as (feed, told):
        await until(lambda: len(watches) == 2)
        assert "nodes" in feed.problems
        assert told == []


async def test_a_watch_that_breaks_again_and_again_is_told_once(lists, transport) -> None:
    quiet, path = lists.fault, "/api/v1/nodes"
    lists.fault = lambda request, number: (
        "500" if request.path == path and is_watch(request) else quiet(request, number)
    )
    async with feeding(transport) as (_, told):
        await until(lambda: lists.asked.count(f"GET {path}") >= 4)
        assert [kind for kind, _ in told] == ["nodes"]
