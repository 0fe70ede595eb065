"""A session for a library that makes its own requests carries our identity, renews it, and takes it nowhere else."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from scheduler.extender import pki
from scheduler.kube.bearer import Bearer
from scheduler.kube.credentials import Credentials, CredentialsError, Identity
from scheduler.kube.sessions import open_session


@asynccontextmanager
async def served(handler: object, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def echo(request: web.Request) -> web.Response:
    return web.Response(text=request.headers.get("Authorization", "nobody"))


async def test_requests_carry_the_authorization() -> None:
    async with (
        served(echo) as url,
        open_session(Credentials(server=url, authorization="Bearer secret")) as session,
        session.get(f"{url}/x") as answer,
    ):
        assert await answer.text() == "Bearer secret"


async def test_a_redirect_does_not_carry_it_elsewhere() -> None:
    async with served(echo) as elsewhere:

        async def redirect(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{elsewhere}/x")

        async with (
            served(redirect) as url,
            open_session(Credentials(server=url, authorization="Bearer secret")) as session,
            session.get(f"{url}/x") as answer,
        ):
            assert await answer.text() == "nobody"


async def test_certificates_and_tls_name_are_those_of_the_identity(tmp_path: Path) -> None:
    keys = pki.make(tmp_path, "kubernetes.example")
    wanted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys.authority))
    wanted.load_cert_chain(keys.server_certificate, keys.server_key)
    wanted.verify_mode = ssl.CERT_REQUIRED
    ours = ssl.create_default_context(cafile=str(keys.authority))
    ours.load_cert_chain(keys.client_certificate, keys.client_key)
    async with served(echo, wanted) as url:
        identity = Credentials(server=url, tls=ours, tls_server_name="kubernetes.example")
        async with open_session(identity) as session, session.get(f"{url}/x") as answer:
            assert answer.status == 200


async def test_a_token_is_kept_for_its_life_unless_it_was_refused() -> None:
    kept = Bearer(
        Credentials(
            server="http://x", authorization="Bearer first", renew=lambda _: Identity("Bearer second")
        )
    )
    assert await kept.value() == "Bearer first"
    kept.distrust()
    assert await kept.value() == "Bearer second"


async def test_a_token_that_cannot_be_renewed_is_kept() -> None:
    def renew(is_refused: bool) -> Identity:
        raise CredentialsError("The plugin gave nothing.")

    kept = Bearer(Credentials(server="http://x", authorization="Bearer first", renew=renew))
    kept.distrust()
    assert await kept.value() == "Bearer first"
