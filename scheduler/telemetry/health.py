"""
Probes and metrics over HTTP, on their own listener: /livez, /readyz, /readyz?leader=1, /metrics.

Only reads, no request bodies, nothing about groups or pods. A port that is taken is one sentence.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from scheduler.config import ProbeSettings
from scheduler.telemetry.metrics import CONTENT_TYPE, Metrics

MAX_BODY_BYTES = 1024


class ProbeError(Exception):
    """The listener cannot be opened; one sentence that names address and remedy."""


def _fine() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Checks:
    """
    Each returns why not, or an empty string. `remark`: what /readyz says beside yes or no.

    `prepare` brings gauges up to date before they are read.
    """

    live: Callable[[], str] = _fine
    ready: Callable[[], str] = _fine
    leading: Callable[[], str] = _fine
    remark: Callable[[], str] = _fine
    prepare: Callable[[], None] = lambda: None


@asynccontextmanager
async def serve(settings: ProbeSettings, metrics: Metrics, checks: Checks) -> AsyncGenerator[str, None]:
    """Serve until left; yields the address as ``http://host:port``. Raises ProbeError when the port is taken."""

    def answer(why_not: str, remark: str = "") -> web.Response:
        said = "; ".join(filter(None, (why_not or "ok", remark)))
        return web.Response(text=f"{said}\n", status=503 if why_not else 200)

    async def livez(_: web.Request) -> web.Response:
        return answer(checks.live())

    async def readyz(request: web.Request) -> web.Response:
        must_lead = request.query.get("leader", "") not in {"", "0", "false"}
        return answer(checks.ready() or (checks.leading() if must_lead else ""), checks.remark())

    async def show(_: web.Request) -> web.Response:
        checks.prepare()
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", show)])
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=1.0, keepalive_timeout=15.0
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as problem:
            raise ProbeError(
                f"The probes cannot listen on {settings.host}:{settings.port}: {problem.strerror or problem}; "
                "set probes.port to a free port."
            ) from problem
        host, port = runner.addresses[0][:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()
