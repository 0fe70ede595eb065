"""
An HTTP proxy between our code and a real API server that misbehaves on request: it forwards a write and swallows the answer, delivers a
write twice, refuses, cuts watches, or announces that their version has expired.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from scheduler.kube.credentials import Credentials

Fault = Callable[[str, str], str]
"""
Given verb and path: "" forwards; "lose" forwards, then says nothing; "drop" says nothing; "twice" forwards twice; "late" says nothing and
forwards after a while; a status refuses.
"""

EXPIRED = b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","code":410,"message":"too old resource version"}}\n'


class FaultProxy:
    """What was asked, and what to do to it."""

    def __init__(self, upstream: Credentials, session: aiohttp.ClientSession) -> None:
        self.fault: Fault = lambda verb, path: ""
        self.asked: list[tuple[str, str]] = []
        self.url = ""
        self.hold_watches = asyncio.Event()
        self.hold_watches.set()
        self._upstream = upstream
        self._session = session
        self._watches: set[web.StreamResponse] = set()
        self._expire = asyncio.Event()
        self._late: set[asyncio.Task[bytes]] = set()

    def expire_watches(self) -> None:
        """Tell every open watch that its version has expired."""
        self._expire.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        verb, path = request.method, request.path
        self.asked.append((verb, path))
        if request.query.get("watch") == "true":
            return await self._watch(request)
        body = await request.read()
        fault = self.fault(verb, path)
        assert request.transport is not None
        if fault.isdecimal():
            return web.json_response({"message": "as the test wants it"}, status=int(fault))
        if fault in {"drop", "late"}:
            request.transport.abort()
            if fault == "late":
                self._late.add(asyncio.create_task(self._late_copy(request, body)))
            return web.Response()
        status, answer = await self._forward(request, body)
        if fault == "twice":
            status, answer = await self._forward(request, body)
        if fault == "lose":
            request.transport.abort()
        return web.Response(status=status, body=answer, content_type="application/json")

    async def late_copies(self) -> list[bytes]:
        """Wait until every write that was forwarded late has been answered; return the answers."""
        return list(await asyncio.gather(*self._late))

    async def _late_copy(self, request: web.Request, body: bytes) -> bytes:
        await asyncio.sleep(0.2)
        _, answer = await self._forward(request, body)
        return answer

    async def _forward(self, request: web.Request, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json"), **self._headers()}
        url = self._upstream.server + request.path_qs
        async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
            return answer.status, await answer.read()

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await self.hold_watches.wait()
        async with self._session.get(
            self._upstream.server + request.path_qs, headers=self._headers()
        ) as upstream:
            response.set_status(upstream.status)
            await response.prepare(request)
            self._expire.clear()
            chunks = aiter(upstream.content.iter_any())
            expired = asyncio.create_task(self._expire.wait())
            while True:
                chunk = asyncio.ensure_future(anext(chunks))
                done, _ = await asyncio.wait({chunk, expired}, return_when=asyncio.FIRST_COMPLETED)
                if expired in done:
                    chunk.cancel()
                    await response.write(EXPIRED)
                    return response
                try:
                    await response.write(chunk.result())
                except StopAsyncIteration:
                    expired.cancel()
                    return response

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self._upstream.authorization} if self._upstream.authorization else {}


@asynccontextmanager
async def fault_proxy(upstream: Credentials) -> AsyncIterator[FaultProxy]:
    """Run a proxy on a free port of loopback."""
    connector = aiohttp.TCPConnector(ssl=upstream.tls or False, limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        proxy = FaultProxy(upstream, session)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield proxy
        finally:
            await runner.cleanup()
