"""An API server of a few lines, for faults that a real one cannot be asked for: lost answers, throttling, endless bodies."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from scheduler.config import ApiSettings
from scheduler.kube.credentials import Credentials
from scheduler.kube.transport import Transport

Fault = Callable[[web.Request, int], str]
"""
Given a request and its number (from 1): "" carries it out, "lose" carries it out and says nothing, "hang" never answers, a status
refuses it.
"""


class FakeApiServer:
    """Objects by path; every write is a compare-and-set where it names a version. Records what was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.fault: Fault = lambda request, number: ""
        self.after: Callable[[web.Request, int], None] = lambda request, number: None
        self.url = ""
        self._version = 100

    def put(self, path: str, obj: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        obj["metadata"] = {**obj.get("metadata", {}), "resourceVersion": str(self._version)}
        self.objects[path] = obj
        return obj

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read() or b"null")
        self.asked.append(f"{request.method} {request.path}")
        self.bodies.append(body)
        number = len(self.asked)
        fault = self.fault(request, number)
        if fault.isdecimal():
            return self._status(int(fault), "as the test wants it")
        if fault == "hang":
            await asyncio.Event().wait()  # until the caller hangs up
        answer = self._carry_out(request, body)
        self.after(request, number)
        if fault == "lose":
            assert request.transport is not None
            request.transport.abort()
        return answer

    def _carry_out(self, request: web.Request, body: dict[str, Any]) -> web.Response:  # noqa: PLR0911  one return per verb
        path, _, action = request.path.rpartition("/")
        if request.method == "GET":
            found = self.objects.get(request.path)
            return web.json_response(found) if found is not None else self._status(404, "not found")
        if request.method == "POST" and action in {"binding", "eviction"}:
            found = self.objects.get(path)
            if found is None:
                return self._status(404, "not found")
            return self._bind(path, found, body) if action == "binding" else self._evict(path, found, body)
        if request.method == "POST":
            target = f"{request.path}/{body['metadata']['name']}"
            if target in self.objects:
                return self._status(409, "already exists")
            return web.json_response(self.put(target, body), status=201)
        target = path if action == "status" else request.path
        found = self.objects.get(target)
        if found is None:
            return self._status(404, "not found")
        if (
            body["metadata"].get("resourceVersion", found["metadata"]["resourceVersion"])
            != found["metadata"]["resourceVersion"]
        ):
            return self._status(409, "the object has been modified")
        return web.json_response(self.put(target, merged(found, body)))

    def _bind(self, path: str, pod: dict[str, Any], body: dict[str, Any]) -> web.Response:
        asked, has = body["metadata"], pod["metadata"]
        if (
            asked["uid"] != has["uid"]
            or asked["resourceVersion"] != has["resourceVersion"]
            or pod["spec"].get("nodeName")
        ):
            return self._status(409, "precondition failed")
        pod["spec"]["nodeName"] = body["target"]["name"]
        has["annotations"] = asked["annotations"]
        self.put(path, pod)
        return self._status(201, "")

    def _evict(self, path: str, pod: dict[str, Any], body: dict[str, Any]) -> web.Response:
        if body["deleteOptions"]["preconditions"]["uid"] != pod["metadata"]["uid"]:
            return self._status(409, "uid")
        del self.objects[path]
        return self._status(201, "")

    @staticmethod
    def _status(code: int, message: str) -> web.Response:
        headers = {"Retry-After": "0"} if code == 429 else {}
        return web.json_response(
            {"kind": "Status", "code": code, "message": message}, status=code, headers=headers
        )


def merged(old: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@asynccontextmanager
async def listening(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Let a handler answer every request until left; yields the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def served(server: FakeApiServer) -> AsyncIterator[FakeApiServer]:
    """Let it listen until left."""
    async with listening(server.handle) as server.url:
        yield server


@pytest.fixture
async def api_server() -> AsyncIterator[FakeApiServer]:
    async with served(FakeApiServer()) as server:
        yield server


@pytest.fixture
async def transport(api_server: FakeApiServer) -> AsyncIterator[Transport]:
    async with Transport(Credentials(server=api_server.url), ApiSettings(request_timeout_s=2.0)) as connected:
        yield connected
