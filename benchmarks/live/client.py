"""A plain client: as many creates, deletes and binds at once as it is told, and nothing clever."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from scheduler.kube.credentials import load

CONNECTIONS = 64  # where the API server of a two-core machine is at its best; more only queue


class RefusedError(RuntimeError):
    """The API server refused a request of the benchmark itself, so the run cannot count."""


class Client:
    """One identity's connections to the API server. Async context manager."""

    def __init__(self, kubeconfig: Path, *, connections: int = CONNECTIONS) -> None:
        credentials = load(kubeconfig)
        self._base = credentials.server
        self._tls = credentials.tls
        self._connections = connections

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._tls or False, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(
        self,
        verb: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        accept: tuple[int, ...] = (200, 201),
    ) -> bytes:
        """Send one request and return the body of the answer. Raises: RefusedError on a status not in `accept`."""
        data = json.dumps(body, separators=(",", ":")).encode() if body is not None else None
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        async with self._session.request(verb, self._base + path, data=data, headers=headers) as answer:
            content = await answer.read()
            if answer.status not in accept:
                raise RefusedError(
                    f"{verb} {path} was answered {answer.status}: {content[:3000].decode(errors='replace')}"
                )
            return content

    async def get(self, path: str) -> dict[str, Any]:
        """Return one object or list."""
        content: dict[str, Any] = json.loads(await self.send("GET", path))
        return content

    async def each(self, work: Iterable[Callable[[], Awaitable[object]]]) -> None:
        """Do all of it, in order of start, `connections` at a time. The first failure ends it."""
        pending = iter(work)

        async def worker() -> None:
            for step in pending:
                await step()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._connections):
                tasks.create_task(worker())
