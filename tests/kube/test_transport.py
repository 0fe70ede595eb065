"""Every failure is one class of error, and nothing a server sends is larger or longer than allowed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from scheduler.config import ApiSettings
from scheduler.kube import errors
from scheduler.kube.credentials import Credentials, Identity
from scheduler.kube.transport import Transport


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Invalid),
        (401, errors.Forbidden),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.Gone),
        (422, errors.Invalid),
        (429, errors.TooManyRequests),
        (500, errors.OutcomeUnknown),
        (504, errors.OutcomeUnknown),
    ],
)
async def test_a_refused_write_is_raised_as_what_it_means(
    api_server, transport, status: int, kind: type[Exception]
) -> None:
    api_server.fault = lambda request, number: str(status)
    with pytest.raises(kind, match="as the test wants it") as raised:
        await transport.post("/x", b"{}")
    assert raised.value.status == status


async def test_a_read_that_fails_changed_nothing(api_server, transport) -> None:
    api_server.fault = lambda request, number: "500"
    with pytest.raises(errors.Unavailable):
        await transport.get("/x")


async def test_a_write_that_never_left_is_not_in_doubt() -> None:
    async with Transport(Credentials(server="http://127.0.0.1:9"), ApiSettings()) as transport:
        with pytest.raises(errors.Unavailable, match=r"127\.0\.0\.1:9 cannot be reached"):
            await transport.post("/x", b"{}")


async def test_a_write_whose_connection_broke_is_in_doubt(api_server, transport) -> None:
    api_server.fault = lambda request, number: "lose"
    with pytest.raises(errors.OutcomeUnknown):
        await transport.patch("/x/status", json.dumps({"metadata": {}}).encode())


async def test_requests_are_counted_by_verb_and_code(api_server) -> None:
    seen: list[tuple[str, int]] = []
    observer = lambda verb, code: seen.append((verb, code))  # noqa: E731
    async with Transport(Credentials(server=api_server.url), ApiSettings(), observer) as transport:
        with pytest.raises(errors.NotFound):
            await transport.get("/nothing")
        api_server.fault = lambda request, number: "lose"
        with pytest.raises(errors.OutcomeUnknown):
            await transport.put("/x", json.dumps({"metadata": {}}).encode())
    assert seen == [("GET", 404), ("PUT", 0)]


async def test_a_token_is_sent_and_a_redirect_does_not_carry_it_elsewhere(api_server) -> None:
    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:9/elsewhere")

    async for url in served(redirect):
        async with Transport(
            Credentials(server=url, authorization="Bearer secret"), ApiSettings()
        ) as transport:
            with pytest.raises(errors.Invalid) as raised:
                await transport.get("/x")
        assert raised.value.status == 302


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "with-length"])
async def test_an_answer_beyond_the_limit_is_refused_without_being_kept(chunked: bool) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if not chunked:
            response.content_length = 2_000_000
        await response.prepare(request)
        for _ in range(200):
            await response.write(b"x" * 10_000)
        return response

    async for url in served(endless):
        async with Transport(Credentials(server=url), ApiSettings(max_response_bytes=1_048_576)) as transport:
            with pytest.raises(errors.Invalid, match="larger than 1048576 bytes"):
                await transport.get("/x")


async def test_a_watch_that_says_nothing_is_dead() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"BOOKMARK"}\n{"half')
        assert request.transport is not None
        while not request.transport.is_closing():
            await asyncio.sleep(0.01)
        return response

    async for url in served(silent):
        async with Transport(Credentials(server=url), ApiSettings()) as transport:
            stream = transport.watch("/x", resource_version="1", timeout_s=300, silence_s=0.2)
            assert await anext(stream) == [b'{"type":"BOOKMARK"}']
            with pytest.raises(errors.Unavailable, match=r"silent for 0\.2 s"):
                await anext(stream)


async def test_a_token_file_that_rotates_is_read_again(api_server, tmp_path: Path) -> None:
    tokens = iter(["Bearer second"])
    credentials = Credentials(
        server=api_server.url, authorization="Bearer first", renew=lambda _: Identity(next(tokens))
    )
    sent: list[str | None] = []
    api_server.after = lambda request, number: sent.append(request.headers.get("Authorization"))
    api_server.fault = lambda request, number: "401" if number == 2 else ""
    async with Transport(credentials, ApiSettings()) as transport:
        for _ in range(3):
            try:
                await transport.get("/x")
            except errors.ApiError:
                continue
    assert sent == ["Bearer first", "Bearer second"], "refused once with the first, then renewed"


async def served(handler: object) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_write_that_waited_while_the_lead_was_lost_is_not_sent(api_server) -> None:
    leads = True
    async with Transport(
        Credentials(server=api_server.url), ApiSettings(), may_write=lambda: leads
    ) as transport:
        api_server.put("/api/v1/namespaces/a/pods/p", {"metadata": {"name": "p"}})
        await transport.patch("/api/v1/namespaces/a/pods/p", b'{"metadata":{}}')
        leads = False
        for write in (transport.post, transport.put, transport.patch, transport.delete):
            with pytest.raises(errors.NotLeading):
                await write("/api/v1/namespaces/a/pods/p", b"{}")
        assert api_server.asked == ["PATCH /api/v1/namespaces/a/pods/p"]
        await transport.get("/api/v1/namespaces/a/pods/p")
