"""The operator's parts against an API server of a few lines; what our own reflectors would show is put into the cache by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from scheduler.config import Settings
from scheduler.controller.board import Board
from scheduler.controller.explainer import Explainer
from scheduler.controller.job_groups import JobGroups
from scheduler.kube.cache import Cache
from scheduler.kube.recorder import Recorder
from scheduler.kube.transport import Transport
from tests.kube.conftest import FakeApiServer, served, transport

__all__ = ["transport"]

GROUPS = "/apis/scheduling.tutti.dev/v1alpha1/namespaces/team/podgroups"
QUEUES = "/apis/scheduling.tutti.dev/v1alpha1/queues"
PATIENCE_S = 20.0

Json = dict[str, Any]


class ApplyingServer(FakeApiServer):
    """
    Knows of server-side apply that conditions are a map by type, in which everybody's own stand side by side, and that what was applied
    before and is not applied any more goes.
    """

    def _carry_out(self, request: web.Request, body: Json) -> web.Response:
        found = self.objects.get(request.path.removesuffix("/status"))
        if request.method == "PATCH" and request.query.get("fieldManager") and found is not None:
            said = {each["type"]: each for each in found.get("status", {}).get("conditions", [])}
            said |= {each["type"]: each for each in body["status"]["conditions"]}
            found.get("status", {}).pop("explanation", None)
            body = {**body, "status": {**body["status"], "conditions": list(said.values())}}
        return super()._carry_out(request, body)


@pytest.fixture
async def api_server() -> AsyncIterator[FakeApiServer]:
    async with served(ApplyingServer()) as server:
        yield server


class Operator:
    """A board and its parts at work, without kopf: tests say what was seen."""

    def __init__(self, server: FakeApiServer, transport: Transport) -> None:
        self.server = server
        self.cache = Cache(scheduler_names=("tutti",), clock=lambda: 0.0)
        self.recorder = Recorder(transport, "test")
        self.job_groups = JobGroups(transport, self.cache, self.recorder, ("tutti",))
        self.told_the_time = 0  # once per explanation
        self.clock_is_broken = False
        self.explainer = Explainer(self.cache, Settings(), self.tell_the_time)
        self.board = Board(transport, self.cache, self.job_groups, self.explainer)

    def tell_the_time(self) -> float:
        """Return the time, and count how often it was asked for."""
        self.told_the_time += 1
        if self.clock_is_broken:
            raise OSError("the clock is broken")
        return 0.0

    def stored(self, path: str, obj: Json | None = None) -> Json:
        """Store an object, as its author would, and return it as the API server has it."""
        if obj is not None:
            self.server.put(path, obj)
        found: Json = json.loads(json.dumps(self.server.objects[path]))
        return found

    def status(self, path: str) -> Json:
        """Return the status of a stored object."""
        found: Json = self.server.objects[path].get("status", {})
        return found

    def condition(self, path: str, kind: str = "Accepted") -> Json:
        """Return a condition of a stored object; empty when it has none of this type."""
        said = self.status(path).get("conditions", [])
        return next((each for each in said if each["type"] == kind), {})

    def asked(self, *words: str) -> list[str]:
        """Return the requests that hold all these words."""
        return [each for each in self.server.asked if all(word in each for word in words)]

    def notes(self) -> list[str]:
        """Return the texts of the events that were written."""
        pairs = zip(self.server.asked, self.server.bodies, strict=True)
        return [
            body["note"] for asked, body in pairs if asked.startswith("POST") and asked.endswith("events")
        ]

    async def until(self, claim: Callable[[], object]) -> None:
        """Wait until the claim holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not claim():
                await asyncio.sleep(0.02)


@pytest.fixture
async def operator(api_server: FakeApiServer, transport: Transport) -> AsyncIterator[Operator]:
    made = Operator(api_server, transport)
    parts = (
        made.board.run(),
        made.job_groups.run(),
        made.recorder.run(),
        made.explainer.run(made.board.explained),
    )
    running = [asyncio.create_task(part) for part in parts]
    yield made
    for task in running:
        assert not task.done(), task
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
