"""A scheduler that dies between two bindings leaves a gang in part: who says so, and who ends it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from scheduler.kube import credentials
from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape
from tests.live.api import Api
from tests.live.conftest import manifests
from tests.live.kube.fault_proxy import FaultProxy, fault_proxy
from tests.live.proof.team import Team

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

QUICK = {
    "TUTTI_PROBES__PORT": "0",
    "TUTTI_LOG__FORMAT": "json",
    "TUTTI_LEADER__DURATION_S": "3",
    "TUTTI_LEADER__RENEW_DEADLINE_S": "2",
    "TUTTI_LEADER__RETRY_S": "0.2",
}
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A control plane with two nodes and no Tutti but what a test starts."""
    options = ClusterOptions(manifests=manifests(), etcd_fsync=False, pod_start_delay_s=0.1)
    with LocalCluster(
        tmp_path_factory.mktemp("half"), NodeShape(count=2, gpus=8), options=options
    ) as running:
        yield running


@pytest_asyncio.fixture
async def team(bare: LocalCluster) -> AsyncIterator[Team]:
    async with Api(bare.kubeconfig("admin")) as api:
        name = await api.namespace()
        yield Team(api, name)
        await api.remove(name)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Awaitable[subprocess.Popen[bytes]]]]:
    """Starts one component of Tutti and waits until it leads; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    async def begin(component: str, kubeconfig: Path) -> subprocess.Popen[bytes]:
        log = tmp_path / f"{component}-{len(started)}.log"
        command = [sys.executable, "-m", "scheduler.cli", "run", "--mode", "standalone"]
        command += ["--components", component, "--kubeconfig", str(kubeconfig)]
        with log.open("wb") as output:
            started.append(subprocess.Popen(command, stderr=output, env={**os.environ, **QUICK}))
        word = b'"operator leading"' if component == "operator" else b'"leading"'
        async with asyncio.timeout(60):
            while word not in log.read_bytes():
                assert started[-1].poll() is None, log.read_text()
                await asyncio.sleep(0.05)
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def through(proxy: FaultProxy, path: Path) -> Path:
    """Return a kubeconfig that leads to the proxy."""
    named = {"cluster": {"server": proxy.url}, "user": {"token": "the proxy has its own"}}
    content = {
        "clusters": [{"name": "proxy", "cluster": named["cluster"]}],
        "users": [{"name": "proxy", "user": named["user"]}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        "current-context": "proxy",
    }
    path.write_text(yaml.safe_dump(content))
    return path


@asynccontextmanager
async def one_binding_arrives(
    bare: LocalCluster, path: Path, start: Callable[..., Awaitable[subprocess.Popen[bytes]]]
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A scheduler whose first binding arrives, and no other however often it is sent; what becomes of it the test decides."""
    bindings = 0

    def fault(verb: str, path: str) -> str:
        nonlocal bindings
        is_binding = verb == "POST" and path.endswith("/binding")
        bindings += is_binding
        return "drop" if is_binding and bindings > 1 else ""

    async with fault_proxy(credentials.load(bare.kubeconfig("tutti-scheduler"))) as proxy:
        proxy.fault = fault
        yield await start("scheduler", through(proxy, path))


async def killed_between_two_bindings(team: Team, name: str, process: subprocess.Popen[bytes]) -> None:
    """Kill the scheduler once a member of the gang is bound."""
    await team.until("the first member is bound", lambda: team.bound(name), within_s=PATIENCE_S)
    process.kill()
    await asyncio.to_thread(process.wait, 30)


async def owned_gang(team: Team, name: str, size: int, **spec: Any) -> None:
    """Create a gang whose members have a controller, so that evicting them loses nothing; nobody recreates them all the same."""
    path = f"/api/v1/namespaces/{team.namespace}/configmaps"
    owner = await team.api.create(path, {"metadata": {"name": name}})
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": name,
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    await team.group(name, size, **spec)
    for number in range(size):
        await team.pod(f"{name}-{number}", name, gpus=8, owners=[reference])


async def status(team: Team, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (await team.read_group(name)).get("status", {})
    return found


async def test_operator_tells_by_itself_that_a_gang_stands_in_part_after_its_scheduler_has_died(
    bare: LocalCluster, team: Team, tmp_path: Path, start: Callable[..., Awaitable[subprocess.Popen[bytes]]]
) -> None:
    await start("operator", bare.kubeconfig("tutti-operator"))
    async with one_binding_arrives(bare, tmp_path / "proxy.yaml", start) as process:
        await owned_gang(team, "half", 2, repairTimeoutSeconds=5)
        await killed_between_two_bindings(team, "half", process)
    assert len(await team.bound("half")) == 1
    record = (await status(team, "half"))["attempt"]
    assert record["phase"] == "Committing"

    async def told() -> bool:
        return (await status(team, "half")).get("phase") == "Degraded"

    await team.until("the group is told to be degraded", told, within_s=PATIENCE_S)
    said = await team.condition("half", "Degraded")
    assert (said["status"], said["reason"]) == ("True", "BelowMinCount")
    assert said["lastTransitionTime"] >= record["deadline"][:19]
    assert (await status(team, "half"))["attempt"] == record, "nobody but the operator has spoken"
    assert (await team.condition("half")).get("status") != "True"


async def test_scheduler_that_restarts_again_and_again_takes_a_gang_down_that_cannot_be_completed(
    bare: LocalCluster, team: Team, tmp_path: Path, start: Callable[..., Awaitable[subprocess.Popen[bytes]]]
) -> None:
    async with one_binding_arrives(bare, tmp_path / "proxy.yaml", start) as process:
        await owned_gang(team, "stuck", 2, repairTimeoutSeconds=30)
        await killed_between_two_bindings(team, "stuck", process)
    (taken,) = (await team.bound("stuck")).values()
    (free,) = {node["metadata"]["name"] for node in await team.api.list("/api/v1/nodes")} - {taken}
    await team.api.patch(f"/api/v1/nodes/{free}", {"spec": {"unschedulable": True}})
    try:
        spent = [(await status(team, "stuck"))["attempt"]["repairSpentSeconds"]]
        while True:  # each leader lives until its first word, which is far shorter than the repair time
            process = await start("scheduler", bare.kubeconfig("tutti-scheduler"))
            before = (await status(team, "stuck"))["attempt"]

            async def written(before: dict[str, Any] = before) -> bool:
                return (await status(team, "stuck"))["attempt"] != before

            await team.until("the new leader writes how long the gang has stood in part", written)
            record = (await status(team, "stuck"))["attempt"]
            spent.append(record["repairSpentSeconds"])
            if record["phase"] != "Committing":
                break
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, 30)
            assert len(spent) < 30, spent
        assert len(spent) > 2, f"the clock has run through several leaders: {spent}"
        assert spent == sorted(spent)

        async def taken_down() -> bool:
            phase = (await status(team, "stuck"))["attempt"]["phase"]
            return phase == "Aborted" and not await team.bound("stuck")

        await team.until("nobody of the gang holds a node", taken_down, within_s=PATIENCE_S)
    finally:
        await team.api.patch(f"/api/v1/nodes/{free}", {"spec": {"unschedulable": None}})
