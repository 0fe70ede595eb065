"""A pod of ours that cannot be read hears so in its own condition, and nobody else does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from scheduler.kube.cache import Cache
from scheduler.kube.unreadable import UnreadablePods
from tests.kube.conftest import FakeApiServer

PATH = "/api/v1/namespaces/a/pods/bad"


class Leader:
    leads = True

    def __call__(self) -> bool:
        return self.leads


@pytest.fixture
def leader() -> Leader:
    return Leader()


@pytest.fixture
def cache() -> Cache:
    return Cache(scheduler_names=("tutti",), clock=lambda: 0.0)


@pytest.fixture
async def unreadable(transport, cache: Cache, leader: Leader) -> AsyncIterator[UnreadablePods]:
    telling = UnreadablePods(transport, cache, leader, retry_s=0.01)
    running = asyncio.create_task(telling.run())
    yield telling
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def pod(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "bad", "namespace": "a", "uid": "u"},
        "spec": {"schedulerName": "tutti", "containers": 7, **spec},
        "status": {"phase": "Pending"},
    }


def set_aside(cache: Cache, unreadable: UnreadablePods, sentence: str, name: str = "bad") -> None:
    cache.put_aside("pods", ("a", name), sentence)
    unreadable.heard.set()


def said(api_server: FakeApiServer) -> list[dict[str, Any]]:
    return list(api_server.objects[PATH]["status"].get("conditions", []))


def writes(api_server: FakeApiServer) -> int:
    return sum(each.startswith("PATCH") for each in api_server.asked)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_waiting_pod_is_told_once_per_sentence(api_server, cache, unreadable) -> None:
    api_server.put(PATH, pod())
    set_aside(cache, unreadable, "cpu is 'lots'; write 500m.")
    await until(lambda: said(api_server))
    (condition,) = said(api_server)
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "PodScheduled",
        "False",
        "SchedulerError",
    )
    assert (
        condition["message"] == "This pod cannot be read, so it is not scheduled: cpu is 'lots'; write 500m."
    )
    assert api_server.bodies[-1]["metadata"]["uid"] == "u", "never a recreated pod"

    set_aside(cache, unreadable, "cpu is 'lots'; write 500m.")
    api_server.put(PATH.replace("bad", "other"), pod())
    set_aside(cache, unreadable, "x", "other")
    await until(lambda: writes(api_server) == 2)
    assert api_server.asked[-1].endswith("/pods/other/status"), "the first was not told again"

    set_aside(cache, unreadable, "another fault")
    await until(lambda: "another fault" in said(api_server)[0]["message"])


@pytest.mark.parametrize(
    "spec", [{"schedulerName": "default-scheduler"}, {"nodeName": "n1"}], ids=["not-ours", "has-a-node"]
)
async def test_others_are_not_told(api_server, cache, unreadable, spec: dict[str, str]) -> None:
    api_server.put(PATH, pod(**spec))
    set_aside(cache, unreadable, "x")
    await until(lambda: api_server.asked)
    api_server.put(PATH.replace("bad", "mine"), pod())
    set_aside(cache, unreadable, "x", "mine")
    await until(lambda: writes(api_server))
    assert [each for each in api_server.asked if "PATCH" in each] == [
        "PATCH /api/v1/namespaces/a/pods/mine/status"
    ]


async def test_only_the_leader_tells(api_server, cache, unreadable, leader) -> None:
    leader.leads = False
    api_server.put(PATH, pod())
    set_aside(cache, unreadable, "x")
    await until(lambda: not unreadable.heard.is_set())
    assert api_server.asked == []
    leader.leads = True
    await until(lambda: said(api_server))


async def test_what_could_not_be_written_is_tried_again(api_server, cache, unreadable) -> None:
    api_server.put(PATH, pod())
    api_server.fault = lambda request, number: "500" if number < 4 else ""
    set_aside(cache, unreadable, "x")
    await until(lambda: said(api_server))


@pytest.mark.parametrize("found", [None, {"spec": {}}], ids=["gone", "without-identity"])
async def test_a_pod_that_cannot_be_told_holds_up_nobody(api_server, cache, unreadable, found: Any) -> None:
    if found is not None:
        api_server.put(PATH, {**found, "metadata": {}})
    set_aside(cache, unreadable, "x")
    api_server.put(PATH.replace("bad", "mine"), pod())
    set_aside(cache, unreadable, "x", "mine")
    await until(lambda: writes(api_server))
    assert api_server.asked.count(f"GET {PATH}") == 1
