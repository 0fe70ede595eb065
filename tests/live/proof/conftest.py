"""Tutti as a user runs it, in each mode, on the suite's control plane."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scheduler.localcluster import LocalCluster
from tests.live.api import Api
from tests.live.proof.team import GPU, Team

# Everything else as it is shipped, the Lease's times too: a control plane and its load on two cores may well pause for seconds.
ESTABLISHED = "01"  # in /proc/net/tcp
FREE_PORTS = {"TUTTI_PROBES__PORT": "0", "TUTTI_EXTENDER__PORT": "0"}


@dataclass
class Tutti:
    """A running `tutti run`, which can be stopped, killed and started again, with other settings too."""

    cluster: LocalCluster
    mode: str
    directory: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    kube_scheduler: Path | None = None  # None: the control plane's own

    @property
    def log(self) -> Path:
        """The log of the last start."""
        return self.directory / f"tutti-{self.mode}-{self.starts}.log"

    def start(self) -> None:
        """Start and wait until it leads."""
        self.starts += 1
        command = [sys.executable, "-m", "scheduler.cli", "run", "--mode", self.mode]
        command += ["--kubeconfig", str(self.cluster.kubeconfig("tutti-scheduler"))]
        command += ["--operator-kubeconfig", str(self.cluster.kubeconfig("tutti-operator"))]
        command += ["--state-dir", str(self.directory / "state")]
        if self.mode == "extender":
            command += [
                "--kube-scheduler",
                str(self.kube_scheduler or self.cluster.binaries["kube-scheduler"]),
            ]
            command += ["--kube-scheduler-kubeconfig", str(self.cluster.kubeconfig("tutti-kube-scheduler"))]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **FREE_PORTS, **self.settings},
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while b'"leading"' not in self.log.read_bytes():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it by this signal, and wait until it is gone. A kill takes its children along, as a container's end would."""
        assert self.process is not None
        if number == signal.SIGKILL:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.send_signal(number)
        self.process.wait(30)

    @contextmanager
    def running_with(
        self, settings: dict[str, str] | None = None, kube_scheduler: Path | None = None
    ) -> Iterator[None]:
        """Start anew with these settings, and as before when the block is left."""
        self.end()
        self.settings, self.kube_scheduler = settings or {}, kube_scheduler
        try:
            self.start()
            yield
        finally:
            if self.process is not None and self.process.poll() is None:
                self.end()
            self.settings, self.kube_scheduler = {}, None
            self.start()

    def child(self, word: str) -> int | None:
        """The process id of the child whose command line has this word; None while there is none."""
        assert self.process is not None
        for listing in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in listing.read_text(encoding="ascii").split():
                with suppress(OSError):  # it has just ended
                    line = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                    if any(word in part for part in line) and not any("tether" in part for part in line):
                        return int(pid)
        return None

    def open_calls(self) -> int:
        """How many connections kube-scheduler has to the extender now, waiting ones in /bind included."""
        said = next(json.loads(line) for line in self.log.read_text().splitlines() if '"listening"' in line)
        here = f"{int(said['port']):04X}"
        rows = [row.split() for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        return sum(1 for row in rows if row[1].endswith(f":{here}") and row[3] == ESTABLISHED)


@pytest.fixture(scope="session", params=["standalone", "extender"])
def tutti(
    request: pytest.FixtureRequest, cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tutti]:
    """Tutti in one mode; tests of one mode run together."""
    running = Tutti(cluster, request.param, tmp_path_factory.mktemp(request.param))
    running.start()
    yield running
    running.end()


@pytest_asyncio.fixture
async def team(tutti: Tutti, admin: Api, namespace: str) -> AsyncIterator[Team]:
    """A namespace with Tutti at work; at the end no gang in it may stand partly bound, and Tutti must still run."""
    one = Team(admin, namespace)
    yield one
    assert tutti.process is not None
    assert tutti.process.poll() is None, tutti.log.read_text()[-3000:]


@pytest_asyncio.fixture
async def other_team(tutti: Tutti, admin: Api) -> AsyncIterator[Team]:
    """A second namespace."""
    assert tutti.process is not None
    name = await admin.namespace()
    yield Team(admin, name)
    await admin.remove(name)


@pytest_asyncio.fixture
async def nodes(admin: Api) -> dict[str, Any]:
    """All nodes by name."""
    return {node["metadata"]["name"]: node for node in await admin.list("/api/v1/nodes")}


@pytest_asyncio.fixture
async def gpus(nodes: dict[str, Any]) -> int:
    """How many GPUs the cluster has; the suite's other tests have given theirs back."""
    await asyncio.sleep(0)
    return sum(int(node["status"]["allocatable"][GPU]) for node in nodes.values())
