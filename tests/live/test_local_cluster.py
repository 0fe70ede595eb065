"""The control plane and its simulated kubelets behave as far as the scheduler's tests rely on them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scheduler.localcluster import LocalCluster, NodeShape, processes, state
from tests.live.api import Api, ApiError, Json, jobs, nodes, pod, pod_manifest, pods

pytestmark = pytest.mark.live


async def test_pods_run_for_their_duration_then_succeed(tenant: Api, namespace: str) -> None:
    manifest = pod_manifest(
        "short", scheduler="default-scheduler", annotations={"simulation.tutti.dev/duration": "1s"}
    )
    await tenant.create(pods(namespace), manifest)
    await tenant.until(
        lambda: tenant.get(pod(namespace, "short")), lambda x: x["status"]["phase"] == "Running"
    )
    ended = await tenant.until(
        lambda: tenant.get(pod(namespace, "short")),
        lambda x: x["status"]["phase"] not in {"Pending", "Running"},
    )
    assert ended["status"]["phase"] == "Succeeded"
    assert ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


async def test_pod_with_an_exit_code_fails(tenant: Api, namespace: str) -> None:
    marks = {"simulation.tutti.dev/duration": "100ms", "simulation.tutti.dev/exit-code": "137"}
    await tenant.create(
        pods(namespace), pod_manifest("bad", scheduler="default-scheduler", annotations=marks)
    )
    ended = await tenant.until(
        lambda: tenant.get(pod(namespace, "bad")), lambda x: x["status"]["phase"] in {"Failed", "Succeeded"}
    )
    assert ended["status"]["phase"] == "Failed"
    assert ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


async def test_pod_without_duration_runs_on_and_really_goes_when_deleted(tenant: Api, namespace: str) -> None:
    await tenant.create(pods(namespace), pod_manifest("long", scheduler="default-scheduler"))
    await tenant.until(
        lambda: tenant.get(pod(namespace, "long")), lambda x: x["status"]["phase"] == "Running"
    )
    await tenant.delete(pod(namespace, "long"))
    await tenant.until(lambda: tenant.find(pod(namespace, "long")), lambda x: x is None)


async def test_job_runs_to_success(tenant: Api, namespace: str) -> None:
    template = pod_manifest(
        "x", scheduler="default-scheduler", annotations={"simulation.tutti.dev/duration": "200ms"}
    )
    template["metadata"].pop("name")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "train"},
        "spec": {"parallelism": 8, "completions": 8, "completionMode": "Indexed", "template": template},
    }
    await tenant.create(jobs(namespace), job)
    done = await tenant.until(
        lambda: tenant.get(jobs(namespace, "train")),
        lambda x: x.get("status", {}).get("succeeded") == 8,
        timeout_s=60.0,
    )
    assert not done["status"].get("failed")


async def test_node_told_to_fail_is_tainted_and_comes_back(admin: Api) -> None:
    name = "node-0063"
    key = "simulation.tutti.dev/ready"

    def keys(node: Json) -> set[str]:
        return {taint["key"] for taint in node["spec"].get("taints", [])}

    await admin.patch(nodes(name), {"metadata": {"annotations": {key: "false"}}})
    try:
        await admin.until(lambda: admin.get(nodes(name)), lambda x: "node.kubernetes.io/not-ready" in keys(x))
    finally:
        await admin.patch(nodes(name), {"metadata": {"annotations": {key: None}}})
    await admin.until(lambda: admin.get(nodes(name)), lambda x: not keys(x))


async def test_observer_reads_and_never_writes(observer: Api, namespace: str) -> None:
    assert len(await observer.list(nodes())) == 64
    with pytest.raises(ApiError) as refused:
        await observer.create(pods(namespace), pod_manifest("x"))
    assert refused.value.code == 403


async def test_audit_log_names_who_bound_what(tenant: Api, namespace: str, cluster: LocalCluster) -> None:
    await tenant.create(pods(namespace), pod_manifest("watched", scheduler="default-scheduler"))
    bound = await tenant.until(
        lambda: tenant.get(pod(namespace, "watched")), lambda x: x["spec"].get("nodeName")
    )

    async def entries() -> list[str]:
        text = await asyncio.to_thread(cluster.audit_log.read_text, encoding="utf-8")
        return [line for line in text.splitlines() if '"binding"' in line and namespace in line]

    lines = await tenant.until(entries, bool)
    assert '"username":"system:kube-scheduler"' in lines[0]
    assert bound["spec"]["nodeName"] in lines[0]  # the body that was sent


async def test_stopped_kube_scheduler_binds_nothing_and_restarted_it_binds(
    tenant: Api, namespace: str, cluster: LocalCluster
) -> None:
    await asyncio.to_thread(cluster.stop, "kube-scheduler")
    try:
        await tenant.create(pods(namespace), pod_manifest("waits", scheduler="default-scheduler"))
        assert not cluster.status().running
        seen = await tenant.get(pod(namespace, "waits"))
        assert "nodeName" not in seen["spec"]
    finally:
        await asyncio.to_thread(cluster.restart, "kube-scheduler")
    assert cluster.status().running
    await tenant.until(lambda: tenant.get(pod(namespace, "waits")), lambda x: x["spec"].get("nodeName"))


def test_a_crashed_up_is_completed_by_the_next_and_down_ends_it_all(tmp_path: Path) -> None:
    few = NodeShape(count=2, racks=1, blocks=1)
    one = LocalCluster(tmp_path / "one", few)

    def started() -> dict[str, processes.Process]:
        known = state.load(one.layout.state)
        return dict(known.processes) if known else {}

    words = ["--nodes", "2", "--racks", "1", "--blocks", "1", "--bare", "--dir", str(one.layout.root)]
    parent = subprocess.Popen([sys.executable, "-m", "scheduler.cli", "cluster", "up", *words])
    try:
        deadline = time.monotonic() + 60
        while "kube-apiserver" not in started():
            assert parent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parent.kill()
        parent.wait()
        before = started()
        assert {"etcd", "kube-apiserver"} <= before.keys()
        assert not one.status().running

        first = one.up()
        assert first.running
        assert {name: started()[name] for name in before} == before, "what ran was kept"
        assert one.up() == first, "twice is one cluster"
        everything = started()

        with LocalCluster(tmp_path / "two", few) as beside:
            assert one.down()
            assert not any(processes.is_alive(each) for each in everything.values())
            assert beside.status().running
    finally:
        parent.kill()
        parent.wait()
        one.down()
