"""The schedulers under test: how each is told about a gang, and how each is started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.live.cases import RACK_LABEL, Case, pod_manifest
from scheduler.localcluster import LocalCluster

READY_TIMEOUT_S = 60.0


class RivalError(RuntimeError):
    """A scheduler under test could not be run; the sentence says what its log says."""


@dataclass(frozen=True, slots=True)
class Rival:
    """
    A scheduler: `group` makes the object that declares a gang (path, manifest), `pod` a member of it.

    `user` is whose bindings count in the audit log.
    """

    name: str
    user: str
    group: Callable[[str, str, Case], tuple[str, dict[str, Any]]]
    pod: Callable[[str, str, str, str], dict[str, Any]]


def tutti_group(namespace: str, gang: str, case: Case) -> tuple[str, dict[str, Any]]:
    """Return Tutti's own PodGroup."""
    topology = {"topology": {"required": "rack"}} if case.in_one_rack else {}
    manifest = {
        "apiVersion": "scheduling.tutti.dev/v1alpha1",
        "kind": "PodGroup",
        "metadata": {"name": gang, "namespace": namespace},
        "spec": {"minCount": case.size, **topology},
    }
    return f"/apis/scheduling.tutti.dev/v1alpha1/namespaces/{namespace}/podgroups", manifest


def tutti_pod(namespace: str, name: str, gang: str, run: str) -> dict[str, Any]:
    """Return a member, marked by label."""
    manifest = pod_manifest(namespace, name, gang, "tutti", run=run)
    manifest["metadata"]["labels"]["scheduling.tutti.dev/pod-group"] = gang
    return manifest


def native_group(namespace: str, gang: str, case: Case) -> tuple[str, dict[str, Any]]:
    """Return the native PodGroup (KEP-4671) with gang policy, and a topology constraint (KEP-5732) where the case asks for a rack."""
    topology = {"schedulingConstraints": {"topology": [{"key": RACK_LABEL}]}} if case.in_one_rack else {}
    manifest = {
        "apiVersion": "scheduling.k8s.io/v1beta1",
        "kind": "PodGroup",
        "metadata": {"name": gang, "namespace": namespace},
        "spec": {"schedulingPolicy": {"gang": {"minCount": case.size}}, **topology},
    }
    return f"/apis/scheduling.k8s.io/v1beta1/namespaces/{namespace}/podgroups", manifest


def native_pod(namespace: str, name: str, gang: str, run: str) -> dict[str, Any]:
    """Return a member, marked by field."""
    manifest = pod_manifest(namespace, name, gang, "default-scheduler", run=run)
    manifest["spec"]["schedulingGroup"] = {"podGroupName": gang}
    return manifest


TUTTI = Rival("tutti", "system:serviceaccount:tutti-system:tutti-scheduler", tutti_group, tutti_pod)
NATIVE = Rival("native", "system:kube-scheduler", native_group, native_pod)


@dataclass(slots=True)
class RunningTutti:
    """The process under test and where it writes."""

    process: subprocess.Popen[bytes]
    log: Path
    children_counted: bool = False

    @property
    def pid(self) -> int:
        """Process id of the scheduler (the operator is a child of its own)."""
        return self.process.pid

    def rss_bytes(self) -> int:
        """Return the resident memory of the scheduler process."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu_s(self) -> float:
        """Return the processor time of the scheduler process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_tutti(cluster: LocalCluster, mode: str, directory: Path) -> Iterator[RunningTutti]:
    """Start `tutti run` as a user would, with the identities of its components, and stop it at the end."""
    log = directory / f"tutti-{mode}.log"
    command = [sys.executable, "-m", "scheduler.cli", "run", "--mode", mode]
    command += ["--kubeconfig", str(cluster.kubeconfig("tutti-scheduler"))]
    command += ["--operator-kubeconfig", str(cluster.kubeconfig("tutti-operator"))]
    command += ["--state-dir", str(directory / "state")]
    if mode == "extender":
        command += ["--kube-scheduler", str(cluster.binaries["kube-scheduler"])]
        command += ["--kube-scheduler-kubeconfig", str(cluster.kubeconfig("tutti-kube-scheduler"))]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TUTTI_PROBES__PORT": "0", "TUTTI_EXTENDER__PORT": "0"},
        )
        try:
            _wait_until_leading(process, log)
            yield RunningTutti(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_leading(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while b'"leading"' not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-600:]
            raise RivalError(f"Tutti did not begin to lead; {log} ends with: {tail}")
        time.sleep(0.1)
