"""A connection that does not come about is told in one sentence: what could not be reached, why, and where to look."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scheduler.config import ApiSettings
from scheduler.extender import pki
from scheduler.kube import errors
from scheduler.kube.credentials import Credentials
from scheduler.kube.transport import Transport

NOBODY = "127.0.0.1:1"


@asynccontextmanager
async def tls_server(keys: pki.Pki) -> AsyncIterator[int]:
    """Yield the port of a server that shakes hands and says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys.server_certificate, keys.server_key)

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def told(credentials: Credentials) -> str:
    async with Transport(credentials, ApiSettings()) as transport:
        with pytest.raises(errors.Unavailable) as by_get:
            await transport.get("/version")
        with pytest.raises(errors.Unavailable) as by_watch:
            async for _ in transport.watch("/api", resource_version="1", timeout_s=1, silence_s=1):
                pass
    assert str(by_get.value) == str(by_watch.value)
    return str(by_get.value)


async def test_server_that_does_not_listen_is_named_with_the_word_of_the_system() -> None:
    assert await told(Credentials(f"http://{NOBODY}")) == (
        f"The API server at http://{NOBODY} cannot be reached (Connection refused); check that it runs, and that the "
        "kubeconfig names its address."
    )


async def test_server_without_an_address_is_named() -> None:
    said = await told(Credentials("http://nowhere.invalid:6443"))
    assert said.startswith("The API server at http://nowhere.invalid:6443 cannot be reached (")
    assert "object at" not in said


async def test_proxy_that_does_not_listen_is_named_and_not_the_server() -> None:
    said = await told(Credentials("http://kubernetes.example:6443", proxy=f"http://{NOBODY}"))
    assert said.startswith(
        f"The proxy at http://{NOBODY}, through which the API server at http://kubernetes.example"
    )
    assert said.endswith("cannot be reached (Connection refused); check proxy-url in the kubeconfig.")


@pytest.mark.parametrize(
    ("is_trusted", "name", "why"),
    [(False, None, "unable to get local issuer certificate"), (True, "x.example", "Hostname mismatch")],
    ids=["unknown-authority", "other-name"],
)
async def test_certificate_that_is_not_accepted_is_told_with_why(
    tmp_path: Path, is_trusted: bool, name: str | None, why: str
) -> None:
    keys = pki.make(tmp_path, "127.0.0.1")
    trusts = ssl.create_default_context(cafile=str(keys.authority) if is_trusted else None)
    async with tls_server(keys) as port:
        server = f"https://127.0.0.1:{port}"
        said = await told(Credentials(server, tls=trusts, tls_server_name=name))
    assert said.startswith(f"The certificate of the API server at {server} is not accepted ({why}")
    assert said.endswith(
        "; check certificate-authority and tls-server-name of the cluster in the kubeconfig."
    )
