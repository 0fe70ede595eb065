"""kopf gets a session of our identity, and a fresh one when the API server has refused it."""

import asyncio
from typing import Any

import kopf
import pytest
from aiohttp import web

from scheduler.controller import handlers
from scheduler.controller.login import Login
from scheduler.kube.credentials import Credentials, CredentialsError
from tests.controller.building import job
from tests.controller.conftest import FakeApiServer, Json
from tests.kube.conftest import listening


async def heard(server: FakeApiServer, session: kopf.AiohttpSession) -> str | None:
    """Return the authorization that the API server gets to hear from a session, and close the session."""
    said: list[str | None] = []

    def listen(request: web.Request, _: int) -> None:
        said.append(request.headers.get("Authorization"))

    server.after = listen
    async with session.aiohttp_session as opened, opened.get(f"{session.server}/x"):
        pass
    return said[-1]


async def test_first_login_uses_what_is_loaded_and_the_next_what_there_is_then(
    api_server: FakeApiServer,
) -> None:
    loaded = iter(["Bearer second", "Bearer third"])
    first = Credentials(server=api_server.url, authorization="Bearer first", namespace="here")
    login = Login(first, lambda: Credentials(server=api_server.url, authorization=next(loaded)))
    session = await login.log_in()
    assert (session.server, session.default_namespace) == (api_server.url, "here")
    assert await heard(api_server, session) == "Bearer first"
    assert await heard(api_server, await login.log_in()) == "Bearer second"
    assert await heard(api_server, await login.log_in()) == "Bearer third"


async def test_credentials_that_cannot_be_loaded_are_asked_for_again_later() -> None:
    def load() -> Credentials:
        raise CredentialsError("The kubeconfig names the exec plugin x, which gave no credential.")

    login = Login(Credentials(server="http://127.0.0.1:1"), load)
    await (await login.log_in()).aiohttp_session.close()
    with pytest.raises(kopf.TemporaryError, match="exec plugin x"):
        await login.log_in()


def group(name: str) -> Json:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def kind(plural: str, name: str) -> Json:
    verbs = ["get", "list", "watch", "patch"]
    return {"name": plural, "singularName": name.lower(), "namespaced": True, "kind": name, "verbs": verbs}


ANSWERS: dict[str, Json] = {
    "/api": {"versions": ["v1"]},
    "/api/v1": {"resources": [kind("namespaces", "Namespace")]},
    "/apis": {"groups": [group("batch"), group("apiextensions.k8s.io")]},
    "/apis/batch/v1": {"resources": [kind("jobs", "Job")]},
    "/apis/apiextensions.k8s.io/v1": {
        "resources": [kind("customresourcedefinitions", "CustomResourceDefinition")]
    },
    "/apis/batch/v1/jobs": {"items": [job()], "metadata": {"resourceVersion": "7"}},
}


class OneJob:
    """As much of an API server as kopf needs to find one Job; it knows only callers with the present token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.refused = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            self.refused += 1
            return web.json_response({"kind": "Status", "code": 401, "message": "who?"}, status=401)
        if "watch" in request.query:
            stream = web.StreamResponse()
            await stream.prepare(request)
            await asyncio.Event().wait()  # until the caller hangs up
        return web.json_response(
            ANSWERS.get(request.path, {"items": [], "metadata": {"resourceVersion": "7"}})
        )


async def test_kopf_works_on_with_credentials_that_are_loaded_after_a_refusal() -> None:
    server = OneJob("fresh")
    async with listening(server.handle) as url:
        stale, fresh = (
            Credentials(server=url, authorization=f"Bearer {word}") for word in ("stale", "fresh")
        )
        seen, end = asyncio.Event(), asyncio.Event()

        def note(name: str, **_: Any) -> None:
            assert name == "train"
            seen.set()

        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(Login(stale, lambda: fresh).log_in)
        kopf.on.event("batch", "v1", "jobs", registry=registry)(note)
        running = asyncio.create_task(
            kopf.operator(
                registry=registry,
                settings=handlers.settings(),
                clusterwide=True,
                standalone=True,
                stop_flag=end,
            )
        )
        try:
            async with asyncio.timeout(20):
                await seen.wait()
        finally:
            end.set()
            await asyncio.wait({running}, timeout=10)
            running.cancel()
    assert server.refused
