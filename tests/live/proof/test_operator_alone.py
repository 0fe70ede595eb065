"""The operator as its Deployment runs it: one process per container, probed there, and logged in by a token that somebody else renews."""

import asyncio
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import yaml

from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape
from tests.live.api import Api, Json, group_manifest, groups
from tests.live.conftest import manifests

pytestmark = pytest.mark.live

ACCOUNT = "/api/v1/namespaces/tutti-system/serviceaccounts/tutti-operator"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A control plane with Tutti's definitions and roles, and no Tutti but what a test starts: the Lease is free."""
    options = ClusterOptions(manifests=manifests(), etcd_fsync=False)
    with LocalCluster(
        tmp_path_factory.mktemp("bare"), NodeShape(count=2, gpus=8), options=options
    ) as running:
        yield running


@pytest_asyncio.fixture
async def owner(bare: LocalCluster) -> AsyncIterator[Api]:
    async with Api(bare.kubeconfig("admin")) as api:
        yield api


async def account_token(owner: Api) -> str:
    """Return a token of the operator's ServiceAccount, as a kubelet would ask for it."""
    made = await owner.create(f"{ACCOUNT}/token", {"spec": {"expirationSeconds": 3600}})
    return str(made["status"]["token"])


def kubeconfig(bare: LocalCluster, path: Path, user: Json) -> Path:
    """Write a kubeconfig with this user in the context `operator`, which is not the current one."""
    content = yaml.safe_load(bare.kubeconfig("tutti-operator").read_text(encoding="utf-8"))
    cluster = content["clusters"][0]["name"]
    content["users"] = [{"name": "nobody", "user": {"token": "of-nobody"}}, {"name": "account", "user": user}]
    content["contexts"] = [
        {"name": name, "context": {"cluster": cluster, "user": who}}
        for name, who in (("nowhere", "nobody"), ("operator", "account"))
    ]
    content["current-context"] = "nowhere"
    path.write_text(yaml.safe_dump(content))
    return path


@dataclass
class Alone:
    """One running operator, started by the command of the Deployment."""

    process: subprocess.Popen[bytes]
    log: Path
    probes: str = ""

    async def probe(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.probes}{path}") as response:
            return response.status, (await response.text()).strip()

    async def until(self, path: str, status: int, pattern: str) -> None:
        """Wait until a probe is answered so; the pattern is for all of the text."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found, text = await self.probe(path)
                if found == status and re.fullmatch(pattern, text):
                    return
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


async def start(kubeconfig: Path, log: Path) -> Alone:
    command = [
        sys.executable,
        "-m",
        "scheduler.cli",
        "run",
        "--mode",
        "standalone",
        "--components",
        "operator",
    ]
    command += ["--kubeconfig", str(kubeconfig), "--context", "operator"]
    environment = {**os.environ, "TUTTI_PROBES__PORT": "0", "TUTTI_LOG__FORMAT": "json"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stderr=output, env=environment)
    made = Alone(process, log)
    async with asyncio.timeout(PATIENCE_S):
        while not (found := re.search(r'"probes": ?"([^"]+)"', log.read_text())):
            assert process.poll() is None, log.read_text()
            await asyncio.sleep(0.05)
    made.probes = found[1]
    return made


async def accepted(owner: Api, namespace: str, name: str) -> None:
    """Create a group and wait until an operator has accepted it."""
    await owner.create(groups(namespace), group_manifest(name, 1))
    await owner.until(
        lambda: owner.get(groups(namespace, name)), lambda x: x.get("status", {}).get("conditions")
    )


async def test_operator_with_a_token_file_becomes_ready_leads_and_is_followed(
    bare: LocalCluster, owner: Api, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(await account_token(owner))
    path = kubeconfig(bare, tmp_path / "kubeconfig", {"tokenFile": str(token)})
    namespace = await owner.namespace()
    first = await start(path, tmp_path / "first.log")
    second: Alone | None = None
    try:
        await first.until("/readyz", 200, "ok")
        await first.until("/readyz?leader=1", 200, "ok")
        assert (await first.probe("/livez"))[0] == 200
        second = await start(path, tmp_path / "second.log")
        held = r"standing by, Lease tutti-system/tutti-operator is held by \S+"
        await second.until("/readyz", 200, f"ok; {held}")
        await second.until("/readyz?leader=1", 503, f"not leader; {held}")
        assert second.log.read_text().count('"standing by"') == 1
        await accepted(owner, namespace, "one")
        assert "tutti_leader 1.0" in (await first.probe("/metrics"))[1]
        assert first.end() == 0
        await second.until("/readyz?leader=1", 200, "ok")
        await accepted(owner, namespace, "two")
    finally:
        ends = [each.end() for each in (first, second) if each is not None and each.process.poll() is None]
    assert ends == [0]


async def test_operator_with_an_exec_plugin_works_in_the_named_context(
    bare: LocalCluster, owner: Api, tmp_path: Path
) -> None:
    kind = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    answer = json.dumps({**kind, "status": {"token": await account_token(owner)}})
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!{sys.executable}\nprint({answer!r})\n")
    plugin.chmod(stat.S_IRWXU)
    user = {"exec": {"apiVersion": kind["apiVersion"], "command": str(plugin), "interactiveMode": "Never"}}
    path = kubeconfig(bare, tmp_path / "kubeconfig", user)
    operator = await start(path, tmp_path / "operator.log")
    try:
        await operator.until("/readyz?leader=1", 200, "ok")
        await accepted(owner, await owner.namespace(), "one")
    finally:
        assert operator.end() == 0
