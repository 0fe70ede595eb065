"""The operator's own process: what it refuses to start with, what its probes say, and how it ends."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from scheduler.controller import process
from tests.kube.conftest import listening

PATIENCE_S = 60.0


def kubeconfig(path: Path, server: str = "http://127.0.0.1:1") -> Path:
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
        f"clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n"
        "contexts: [{name: here, context: {cluster: c, user: u}}]\n"
        "users: [{name: u, user: {token: secret}}]\n"
    )
    return path


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Start it, and return the one sentence with which it refuses."""
    assert process.main(list(words)) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1, said
    return said[0]


def test_kubeconfig_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nowhere"
    assert str(missing) in refused(capsys, "--kubeconfig", str(missing))


@pytest.mark.parametrize("content", ["", "- 1\n", "{[", "contexts: 3\n", "\x00"])
def test_malformed_kubeconfig_with_a_context_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    assert str(path) in refused(capsys, "--kubeconfig", str(path), "--context", "there")


def test_context_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = kubeconfig(tmp_path / "kubeconfig")
    assert "there" in refused(capsys, "--kubeconfig", str(path), "--context", "there")


def test_taken_port_is_one_sentence_that_names_the_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("TUTTI_PROBES__PORT", str(taken.getsockname()[1]))
        assert "probes.port" in refused(capsys, "--kubeconfig", str(kubeconfig(tmp_path / "kubeconfig")))


async def empty_cluster(request: web.Request) -> web.StreamResponse:
    """As much of an API server as there is to list in a cluster without anything, for a caller who may have no Lease."""
    if "leases" in request.path:
        return web.json_response({"kind": "Status", "message": "not yours"}, status=403)
    if "watch" in request.query:
        stream = web.StreamResponse()
        await stream.prepare(request)
        await asyncio.Event().wait()  # until the caller hangs up
    return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})


@asynccontextmanager
async def operator(*words: str, port: int = 0) -> AsyncIterator[str | None]:
    """A running operator with the address of its probes; it must end well when it is asked to."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scheduler.controller", *words),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TUTTI_PROBES__PORT": str(port), "TUTTI_LOG__FORMAT": "json"},
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert child.stderr is not None
            started = json.loads(await child.stderr.readline())
            assert started["event"] == "operator started"
            yield started["probes"]
            child.terminate()
            assert await child.wait() == 0
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def fetch(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, (await response.text()).strip()


async def test_operator_that_reaches_nobody_is_alive_and_says_why_it_is_not_ready(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "kubeconfig")
    async with operator("--kubeconfig", str(path)) as probes:
        assert await fetch(f"{probes}/livez") == (200, "ok")
        status, why = await fetch(f"{probes}/readyz")
        while "127.0.0.1:1" not in why:  # the first attempt has not failed yet
            await asyncio.sleep(0.05)
            status, why = await fetch(f"{probes}/readyz")
        assert status == 503
        assert why.startswith("the first lists are not complete")


async def test_operator_is_ready_when_its_lists_are_complete_also_while_it_cannot_lead_and_says_why(
    tmp_path: Path,
) -> None:
    async with listening(empty_cluster) as server:
        path = kubeconfig(tmp_path / "kubeconfig", server)
        async with operator("--kubeconfig", str(path)) as probes:
            why = "; Lease tutti-system/tutti-operator cannot be had: this identity may not write it"
            while not (await fetch(f"{probes}/readyz"))[1].startswith(f"ok{why}"):
                await asyncio.sleep(0.05)
            assert (await fetch(f"{probes}/readyz"))[0] == 200
            status, said = await fetch(f"{probes}/readyz?leader=1")
            assert (status, said.startswith(f"not leader{why}")) == (503, True)
            _, metrics = await fetch(f"{probes}/metrics")
            assert "tutti_leader 0.0" in metrics
            assert 'tutti_api_requests_total{code="200",verb="GET"}' in metrics


async def test_operator_beside_a_scheduler_leaves_the_address_to_it(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "kubeconfig")
    with socket.create_server(("127.0.0.1", 0)) as scheduler:
        port = scheduler.getsockname()[1]
        async with operator("--kubeconfig", str(path), "--no-probes", port=port) as probes:
            assert probes is None
