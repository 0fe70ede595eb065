"""`tutti run` as a person starts it: with the kubeconfig of the environment, and nothing else said."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler.localcluster import LocalCluster
from tests.live.api import Api, group_manifest, groups, pod_manifest, pods

pytestmark = pytest.mark.live


def split(kubeconfig: Path, directory: Path) -> str:
    """The same kubeconfig in two files, as $KUBECONFIG lists them: one has the cluster, the other the user."""
    whole = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    made = []
    for name, keys in (("cluster", ("clusters",)), ("user", ("users", "contexts", "current-context"))):
        made.append(directory / name)
        made[-1].write_text(
            yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **{key: whole[key] for key in keys}})
        )
    return os.pathsep.join(map(str, made))


@contextmanager
def running(log: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "scheduler.cli", "run", *words],
            stdout=output,
            stderr=output,
            env={**os.environ, "TUTTI_PROBES__PORT": "0", "TUTTI_EXTENDER__PORT": "0", **environment},
            start_new_session=True,
        )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(60)


async def test_kube_scheduler_gets_the_cluster_and_identity_that_environment_names(
    cluster: LocalCluster, admin: Api, namespace: str, tmp_path: Path
):
    state, log = tmp_path / "state", tmp_path / "log"
    words = ("--mode", "extender", "--kube-scheduler", str(cluster.binaries["kube-scheduler"]))
    environment = {"KUBECONFIG": split(cluster.kubeconfig("admin"), tmp_path), "HOME": str(tmp_path)}
    with running(log, *words, "--state-dir", str(state), **environment) as child:
        await admin.create(groups(namespace), group_manifest("pair", 2))
        await admin.create_all(pods(namespace), [pod_manifest(f"pair-{n}", group="pair") for n in range(2)])

        async def bound() -> list[dict[str, Any]]:
            assert child.poll() is None, log.read_text()
            return [each for each in await admin.list(pods(namespace)) if each["spec"].get("nodeName")]

        await admin.until(bound, lambda found: len(found) == 2)
    written = state / "kube-scheduler.kubeconfig"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert (state / "kube-scheduler.log").stat().st_size > 0
