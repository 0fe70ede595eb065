"""
The processes of the demo: a local control plane, and `tutti run` beside it with the identities of its components.

The child carries the cluster's token, so `tutti cluster down` finds and ends it too, also after a crash of the demo. May not: look
into the child; that it leads is read from its probe.
"""

import contextlib
import http
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scheduler.cli.errors import CommandError
from scheduler.cli.interrupts import undisturbed
from scheduler.cli.manifests import definitions_and_roles
from scheduler.config import Mode
from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape, Progress, state
from scheduler.localcluster.processes import TOKEN

LEADS_WITHIN_S: Final = 40.0
"""It takes two or three seconds on an idle machine."""

ENDS_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything runs."""

    cluster: LocalCluster
    directory: Path
    mode: Mode

    @property
    def log(self) -> Path:
        """What Tutti writes."""
        return self.directory / "tutti.log"

    @property
    def private(self) -> Path:
        """Where the child puts temporary files: keys among them, so they go with the demo however it ends."""
        return self.directory / "tmp"


@contextlib.contextmanager
def control_plane(shape: NodeShape, mode: Mode, *, keep: bool, progress: Progress) -> Iterator[Stage]:
    """A fresh control plane in a private folder; ended and removed at the end unless it is to be kept."""
    directory = Path(tempfile.mkdtemp(prefix="tutti-demo-"))
    options = ClusterOptions(manifests=definitions_and_roles(), etcd_fsync=False)
    cluster = LocalCluster(directory / "cluster", shape, options=options)
    kept = False
    try:
        cluster.up(progress)
        yield Stage(cluster, directory, mode)
        kept = keep
    finally:
        if not kept:
            with undisturbed():
                cluster.down()
                shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def tutti(stage: Stage, *, keep: bool) -> Iterator[None]:
    """`tutti run` as a child process, leading; ended by its id unless it is to be kept."""
    port = _free_port()
    stage.private.mkdir(mode=0o700)
    known = state.load(stage.cluster.layout.state)
    environment = {
        **os.environ,
        TOKEN: known.token if known else "",
        "TMPDIR": str(stage.private),
        "TUTTI_PROBES__PORT": str(port),
        "TUTTI_EXTENDER__PORT": "0",
        "TUTTI_LOG__FORMAT": "json",
    }
    with stage.log.open("ab") as log:
        child = subprocess.Popen(
            command(stage),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C at the terminal is for the demo, which then ends its children in order
        )
    kept = False
    try:
        _wait_until_leading(child, port, stage.log)
        yield
        kept = keep
    finally:
        if not kept:
            with undisturbed():
                _end(child)


def command(stage: Stage) -> list[str]:
    """Return the command line of the child: what a person would type, with one identity per component."""
    kubeconfig = stage.cluster.kubeconfig
    words = [sys.executable, "-m", "scheduler.cli", "run", "--mode", stage.mode.value]
    words += ["--kubeconfig", str(kubeconfig("tutti-scheduler"))]
    words += ["--operator-kubeconfig", str(kubeconfig("tutti-operator"))]
    words += ["--state-dir", str(stage.directory / "run")]
    if stage.mode is Mode.EXTENDER:
        words += ["--kube-scheduler", str(stage.cluster.binaries["kube-scheduler"])]
        words += ["--kube-scheduler-kubeconfig", str(kubeconfig("tutti-kube-scheduler"))]
    return words


def _wait_until_leading(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up_at = time.monotonic() + LEADS_WITHIN_S
    while time.monotonic() < give_up_at:
        if child.poll() is not None:
            raise CommandError(f"Tutti ended before it led: {_last_line(log)}")
        if _leads(port):
            return
        time.sleep(0.05)
    raise CommandError(f"Tutti did not lead within {LEADS_WITHIN_S:.0f} s: {_last_line(log)}")


def _leads(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz?leader=1", timeout=1.0) as answer:
            return bool(answer.status == http.HTTPStatus.OK)
    except OSError:  # not listening yet, or "not leader": URLError is an OSError
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else "it said nothing."


def _end(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
