"""Who we are is renewed when it can have changed, without asking plugins more often than needed, and reaches the wire."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from scheduler.config import ApiSettings
from scheduler.kube import credentials, errors
from scheduler.kube.credentials import Credentials, CredentialsError
from scheduler.kube.sessions import open_session
from scheduler.kube.transport import Transport
from scheduler.localcluster import access
from scheduler.localcluster.identities import Identity
from tests.kube.kubeconfigs import Plugin, kubeconfig


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.fixture
def keys(tmp_path: Path) -> access.Access:
    """One authority, a server and two clients."""
    clients = tuple(Identity(name, f"the {name} client") for name in ("first", "second"))
    return access.make(tmp_path / "keys", clients, endpoint="https://127.0.0.1:6443")


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def renewed(loaded: Credentials, *, is_refused: bool = False) -> str | None:
    assert loaded.renew is not None
    return loaded.renew(is_refused).authorization


def test_plugin_is_not_asked_again_while_its_token_is_good(tmp_path: Path, plugin: Plugin) -> None:
    plugin.give(token="first", expirationTimestamp=in_minutes(30))
    loaded = credentials.load(kubeconfig(tmp_path / "config", plugin.user))
    plugin.give(token="second")
    assert renewed(loaded) == "Bearer first"
    assert plugin.asked == 1


def test_plugin_is_asked_again_before_its_token_ends(tmp_path: Path, plugin: Plugin) -> None:
    plugin.give(token="first", expirationTimestamp=in_minutes(1))
    loaded = credentials.load(kubeconfig(tmp_path / "config", plugin.user))
    plugin.give(token="second", expirationTimestamp=in_minutes(30))
    assert [renewed(loaded), renewed(loaded)] == ["Bearer second"] * 2
    assert plugin.asked == 2


def test_token_without_an_end_is_good_until_it_is_refused(tmp_path: Path, plugin: Plugin) -> None:
    plugin.give(token="first")
    loaded = credentials.load(kubeconfig(tmp_path / "config", plugin.user))
    plugin.give(token="second")
    assert renewed(loaded) == "Bearer first"
    assert renewed(loaded, is_refused=True) == "Bearer second"


def test_plugin_that_fails_later_is_one_sentence_and_is_asked_again(tmp_path: Path, plugin: Plugin) -> None:
    plugin.give(token="first", expirationTimestamp=in_minutes(1))
    loaded = credentials.load(kubeconfig(tmp_path / "config", plugin.user))
    plugin.fail()
    with pytest.raises(CredentialsError, match="which gave no credential"):
        renewed(loaded)
    plugin.give(token="second")
    assert renewed(loaded) == "Bearer second"


def test_nothing_is_renewed_that_cannot_change(tmp_path: Path, keys: access.Access) -> None:
    assert credentials.load(keys.kubeconfig("first")).renew is None


# --- client certificates, on the wire -------------------------------------------------------------------------------------


class Server:
    """An API server that knows clients by certificate, until it does not any more."""

    def __init__(self) -> None:
        self.url = ""
        self.refused: set[str] = set()

    async def handle(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        subject = request.transport.get_extra_info("peercert")["subject"]
        name = dict(pair for part in subject for pair in part)["commonName"]
        return web.Response(text=name, status=401 if name in self.refused else 200)


@asynccontextmanager
async def serving(keys: access.Access) -> AsyncIterator[Server]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys.authority))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(keys.certificate("kube-apiserver"), keys.key("kube-apiserver"))
    server, app = Server(), web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    server.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def pair(keys: access.Access, name: str) -> dict[str, str]:
    return {
        "clientCertificateData": keys.certificate(name).read_text(),
        "clientKeyData": keys.key(name).read_text(),
    }


def identity_at(server: Server, keys: access.Access, plugin: Plugin, directory: Path) -> Credentials:
    cluster = {"server": server.url, "certificate-authority": str(keys.authority)}
    return credentials.load(kubeconfig(directory / "config", plugin.user, cluster))


async def test_renewed_client_certificate_of_a_plugin_is_used_at_once(
    tmp_path: Path, keys: access.Access, plugin: Plugin
) -> None:
    plugin.give(**pair(keys, "first"))
    async with serving(keys) as server:
        identity = identity_at(server, keys, plugin, tmp_path)
        async with Transport(identity, ApiSettings()) as transport:
            assert await transport.get("/x") == b"the first client"
            plugin.give(**pair(keys, "second"))
            assert await transport.get("/x") == b"the first client", "nothing was refused"
            server.refused.add("the first client")
            with pytest.raises(errors.Forbidden):
                await transport.get("/x")
            assert [await transport.get("/x") for _ in range(2)] == [b"the second client"] * 2
        assert plugin.asked == 2


async def test_session_for_a_library_uses_the_renewed_client_certificate(
    tmp_path: Path, keys: access.Access, plugin: Plugin
) -> None:
    plugin.give(**pair(keys, "first"))
    async with serving(keys) as server:
        identity = identity_at(server, keys, plugin, tmp_path)
        plugin.give(**pair(keys, "second"))
        server.refused.add("the first client")
        seen = []
        async with open_session(identity) as session:
            for _ in range(2):
                async with session.get(f"{server.url}/x") as answer:
                    seen.append((answer.status, await answer.text()))
    assert seen == [(401, "the first client"), (200, "the second client")]


def test_certificate_files_that_rotate_make_a_new_context_and_others_none(
    tmp_path: Path, keys: access.Access
) -> None:
    user = {"client-certificate": str(keys.certificate("first")), "client-key": str(keys.key("first"))}
    loaded = credentials.load(kubeconfig(tmp_path / "config", user))
    assert loaded.renew is not None
    assert loaded.renew(False).tls is loaded.tls
    keys.certificate("first").write_bytes(keys.certificate("second").read_bytes())
    with pytest.raises(CredentialsError, match="certificates named by"):  # half rotated: the key is another's
        loaded.renew(False)
    keys.key("first").write_bytes(keys.key("second").read_bytes())
    assert loaded.renew(False).tls is not loaded.tls
