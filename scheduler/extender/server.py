"""
The listener: uvicorn inside our own event loop, with mutual TLS.

Signals belong to whoever runs the process, so uvicorn's handlers are left out. Leaving the block first lets the desk answer what
waits.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from scheduler.config import ExtenderSettings
from scheduler.extender.descriptors import LARGEST_GANG, OTHERS, make_room
from scheduler.extender.pki import Pki
from scheduler.telemetry import logs

KEEP_ALIVE_S = 300  # Go keeps idle connections for 90 s; the side that closes first loses requests
CALLS_AT_ONCE = 2 * LARGEST_GANG  # each member waits in a call of its own
GRACE_S = 2


class ListenError(Exception):
    """The listener cannot be opened; one sentence that names address and remedy."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the extender listens."""

    host: str
    port: int


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def serve(app: FastAPI, settings: ExtenderSettings, pki: Pki) -> AsyncGenerator[Address, None]:
    """Serve until left. Raises: ListenError when the port is taken."""
    room = make_room(CALLS_AT_ONCE)
    if room < LARGEST_GANG:
        logs.get("extender").warning(
            f"open files are limited: a gang of more than {room} members cannot vote; "
            f"raise the hard limit of the process (ulimit -Hn) to {LARGEST_GANG + OTHERS}"
        )
    listener = _listen(settings)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=CALLS_AT_ONCE,
        ssl_certfile=str(pki.server_certificate),
        ssl_keyfile=str(pki.server_key),
        ssl_ca_certs=str(pki.authority),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
        ssl_context_factory=_without_tickets,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.num_tickets = (
            0  # kube-scheduler resumes no session, and making two tickets is a third of each handshake
        )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise ListenError("The extender's listener ended while it was starting.")
            await asyncio.sleep(0.01)
        host, port = listener.getsockname()[:2]
        yield Address(host, port)
    finally:
        server.should_exit = True
        await serving


def _without_tickets(_: uvicorn.Config, usual: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """kube-scheduler opens a connection for each member and resumes no session; making two tickets is a third of each handshake."""
    context = usual()
    context.num_tickets = 0
    return context


def _listen(settings: ExtenderSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError as problem:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        why = problem.strerror or problem
        raise ListenError(
            f"The extender cannot listen on {where}: {why}; set extender.port to a free port."
        ) from problem
    return listener
