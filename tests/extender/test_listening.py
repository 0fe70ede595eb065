"""The listener lets nobody in without a certificate of ours, and its keys are nobody else's to read."""

import ssl
from pathlib import Path

import httpx
import pytest
import yaml

from scheduler.config import ExtenderSettings
from scheduler.extender import kube_scheduler, pki, server
from scheduler.extender.app import make
from tests.extender.test_app import Planner

SETTINGS = ExtenderSettings(port=0)


def trusting(keys: pki.Pki, *, certificate: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(keys.authority))
    if certificate:
        context.load_cert_chain(keys.client_certificate, keys.client_key)
    return context


async def test_only_a_caller_with_our_certificate_is_answered(tmp_path: Path) -> None:
    keys = pki.make(tmp_path / "keys", SETTINGS.host)
    async with server.serve(make(Planner(), SETTINGS, ("tutti",)), SETTINGS, keys) as address:
        url = f"https://{address.host}:{address.port}/filter"
        async with httpx.AsyncClient(verify=trusting(keys, certificate=True)) as known:
            assert (await known.post(url, content=b"{}")).status_code == 400
        async with httpx.AsyncClient(verify=trusting(keys, certificate=False)) as stranger:
            with pytest.raises(httpx.TransportError):
                await stranger.post(url, content=b"{}")
        others = pki.make(tmp_path / "others", SETTINGS.host)
        context = ssl.create_default_context(cafile=str(keys.authority))
        context.load_cert_chain(others.client_certificate, others.client_key)
        async with httpx.AsyncClient(verify=context) as forger:
            with pytest.raises(httpx.TransportError):
                await forger.post(url, content=b"{}")


async def test_taken_port_is_one_sentence(tmp_path: Path) -> None:
    keys = pki.make(tmp_path / "keys", SETTINGS.host)
    app = make(Planner(), SETTINGS, ("tutti",))
    async with server.serve(app, SETTINGS, keys) as address:
        with pytest.raises(server.ListenError, match=r"extender\.port"):
            async with server.serve(app, ExtenderSettings(port=address.port), keys):
                pass


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    keys = pki.make(tmp_path / "keys", SETTINGS.host)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    for path in (keys.server_key, keys.client_key):
        assert path.stat().st_mode & 0o777 == 0o600


def test_configuration_gives_bind_a_longer_patience_than_the_barrier(tmp_path: Path) -> None:
    text = kube_scheduler.configuration(
        ("tutti",), ExtenderSettings(), pki.paths(tmp_path), port=8443, kubeconfig=None, election=None
    )
    document = yaml.safe_load(text)
    asking, binding = document["extenders"]
    assert "bindVerb" not in asking
    assert binding["bindVerb"] == "bind"
    assert float(binding["httpTimeout"].removesuffix("s")) > ExtenderSettings().barrier_timeout_s
    assert document["percentageOfNodesToScore"] == 100
    assert all(
        entry["nodeCacheCapable"] and entry["enableHTTPS"] and entry["tlsConfig"]["caFile"]
        for entry in document["extenders"]
    )
    assert document["profiles"][0]["plugins"]["multiPoint"]["disabled"] == [{"name": "DefaultPreemption"}]
