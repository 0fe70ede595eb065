"""The commands that look at a live cluster, or install into it, as a person with a kubeconfig calls them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler.localcluster import LocalCluster
from tests.live.api import Api, group_manifest, groups, pod_manifest, pods

pytestmark = pytest.mark.live


def tutti(kubeconfig: Path, *words: str, code: int = 0) -> str:
    shown = subprocess.run(
        [sys.executable, "-m", "scheduler.cli", *words, "--kubeconfig", str(kubeconfig)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert shown.returncode == code, shown.stdout + shown.stderr
    return shown.stdout if code != 2 else shown.stderr


async def waiting_gang(admin: Api, namespace: str) -> None:
    """A gang of more GPUs than the cluster has; nobody schedules here, so what is explained is what the engine says."""
    await admin.create(groups(namespace), group_manifest("big", 70))
    await admin.create_all(
        pods(namespace), [pod_manifest(f"big-{n}", group="big", gpus=8) for n in range(70)]
    )


async def test_get_groups_lists_them(cluster: LocalCluster, admin: Api, namespace: str):
    await admin.create(groups(namespace), group_manifest("small", 3, queue="team-a"))
    listed = json.loads(tutti(cluster.kubeconfig("admin"), "get", "groups", "-n", namespace, "-o", "json"))
    assert [(each["name"], each["min"], each["queue"]) for each in listed] == [("small", 3, "team-a")]
    shown = tutti(cluster.kubeconfig("admin"), "get", "groups", "-n", namespace)
    assert shown.splitlines()[0].split() == ["GROUP", "MIN", "BOUND", "PHASE", "QUEUE", "REASON", "AGE"]
    assert f"{namespace}/small" in shown


def test_topology_is_shown_with_its_evidence(cluster: LocalCluster):
    told = yaml.safe_load(tutti(cluster.kubeconfig("observer"), "topology", "show", "-o", "yaml"))
    assert [(each["name"], each["domains"]) for each in told["levels"]] == [
        ("cluster", 1),
        ("zone", 1),
        ("block", 2),
        ("rack", 8),
        ("host", 64),
    ]
    rack = next(each for each in told["levels"] if each["name"] == "rack")
    assert rack["evidence"] == {"fabric.topograph.run/tier-0": 64}
    tree = tutti(cluster.kubeconfig("observer"), "topology", "show")
    assert "block block-0" in tree
    assert max(len(line.rstrip()) for line in tree.splitlines()) <= 80


async def test_a_snapshot_decides_offline_as_the_engine_would(
    cluster: LocalCluster, admin: Api, namespace: str, tmp_path: Path
):
    await waiting_gang(admin, namespace)
    await admin.create(groups(namespace), group_manifest("small", 2))
    await admin.create_all(
        pods(namespace), [pod_manifest(f"small-{n}", group="small", gpus=8) for n in range(2)]
    )
    file = tmp_path / "snapshot.json"
    assert "64 nodes" in tutti(cluster.kubeconfig("observer"), "snapshot", str(file))
    shown = subprocess.run(
        [sys.executable, "-m", "scheduler.cli", "decide", str(file), "-o", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    by_name = {
        each["group"]["name"]: each
        for each in json.loads(shown.stdout)["decisions"]
        if each["group"]["namespace"] == namespace
    }
    assert by_name["small"]["result"] == "admitted"
    assert len(by_name["small"]["assignments"]) == 2
    assert (by_name["big"]["result"], by_name["big"]["reason"]) == ("held", "InsufficientResources")


@pytest.mark.parametrize(
    ("words", "first"), [("snapshot -", "nodes, "), ("topology show", "nodes, "), ("get queues", "queues ")]
)
def test_who_may_not_look_is_told_at_once_what_is_missing(cluster: LocalCluster, words: str, first: str):
    said = tutti(cluster.kubeconfig("tenant"), *words.split(), code=2)
    assert said.startswith(f"tutti: This identity may not list {first}")
    assert said.endswith("of the whole cluster; give it the ClusterRole tutti-reader.\n")
    assert len(said.splitlines()) == 1


def test_a_snapshot_can_go_to_standard_output(cluster: LocalCluster):
    saved = json.loads(tutti(cluster.kubeconfig("observer"), "snapshot", "-"))
    assert len(saved["snapshot"]["nodes"]) == 64


async def test_explain_says_in_numbers_why_a_gang_waits(cluster: LocalCluster, admin: Api, namespace: str):
    await waiting_gang(admin, namespace)
    told = json.loads(
        tutti(cluster.kubeconfig("observer"), "explain", "group", f"{namespace}/big", "-o", "json", code=1)
    )
    assert (told["source"], told["scheduler"]) == ("engine", None)
    assert "560 nvidia.com/gpu" in told["headline"]
    shown = tutti(cluster.kubeconfig("observer"), "explain", "group", f"{namespace}/big", code=1)
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80


async def says(admin: Api, namespace: str, name: str, reason: str, message: str) -> None:
    """Write to a group what a scheduler would."""
    condition = {
        "type": "Scheduled",
        "status": "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-11-24T12:00:00Z",
        "observedGeneration": 1,
    }
    await admin.patch(groups(namespace, name) + "/status", {"status": {"conditions": [condition]}})


def explained(cluster: LocalCluster, namespace: str, name: str, *words: str) -> dict[str, Any]:
    shown = tutti(
        cluster.kubeconfig("observer"),
        "explain",
        "group",
        f"{namespace}/{name}",
        *words,
        "-o",
        "json",
        code=1,
    )
    return dict(json.loads(shown))


async def test_explain_does_not_promise_a_start_to_a_group_that_has_given_up(
    cluster: LocalCluster, admin: Api, namespace: str
):
    await admin.create(
        groups(namespace), group_manifest("late", 2, scheduleTimeoutSeconds=60, onTimeout="Fail")
    )
    await admin.create_all(pods(namespace), [pod_manifest(f"late-{n}", group="late") for n in range(2)])
    await says(admin, namespace, "late", "Timeout", "Not placed within 60 s; it has given up.")
    told = explained(cluster, namespace, "late")
    assert (told["placed"], told["reason"], told["scheduler"]["hasGivenUp"]) == (False, "Timeout", True)
    shown = tutti(cluster.kubeconfig("observer"), "explain", "group", f"{namespace}/late", code=1)
    assert "binds them next" not in shown
    assert "the scheduler does not try again" in " ".join(shown.split())


async def test_explain_believes_the_scheduler_that_kube_scheduler_refuses_a_node(
    cluster: LocalCluster, admin: Api, namespace: str
):
    claims = [{"name": "device", "resourceClaimName": "device"}]
    await admin.create(groups(namespace), group_manifest("claiming", 2))
    await admin.create_all(
        pods(namespace),
        [pod_manifest(f"claiming-{n}", group="claiming", resourceClaims=claims) for n in range(2)],
    )
    assert explained(cluster, namespace, "claiming")["reason"] == "UnevaluatedConstraint"
    assert explained(cluster, namespace, "claiming", "--mode", "extender")["reason"] == ""
    await says(admin, namespace, "claiming", "VotesMissing", "1 of 2 members did not reach binding in time")
    told = explained(cluster, namespace, "claiming")
    assert (told["source"], told["reason"]) == ("scheduler", "VotesMissing")
    assert told["engine"]["reason"] == "", "asked as in extender mode, which shows in what was written"


async def test_a_missing_priority_class_has_one_reason_everywhere(
    cluster: LocalCluster, admin: Api, namespace: str, tmp_path: Path
):
    await admin.create(groups(namespace), group_manifest("gold", 1, priorityClassName="no-such-class"))
    await admin.create(pods(namespace), pod_manifest("gold-0", group="gold"))
    told = explained(cluster, namespace, "gold")
    assert (told["reason"], told["headline"]) == (
        "PriorityClassNotFound",
        "PriorityClass no-such-class does not exist.",
    )
    file = tmp_path / "snapshot.json"
    tutti(cluster.kubeconfig("observer"), "snapshot", str(file))
    shown = subprocess.run(
        [sys.executable, "-m", "scheduler.cli", "decide", str(file), "-o", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (decision,) = [
        each
        for each in json.loads(shown.stdout)["decisions"]
        if each["group"] == {"namespace": namespace, "name": "gold"}
    ]
    assert (decision["reason"], decision["message"]) == (told["reason"], told["headline"])


async def test_explain_tells_a_tenant_what_the_status_says(cluster: LocalCluster, admin: Api, namespace: str):
    await admin.create(groups(namespace), group_manifest("big", 70))
    await says(admin, namespace, "big", "GangIncomplete", "0 of 70 members exist.")
    told = json.loads(
        tutti(cluster.kubeconfig("tenant"), "explain", "group", f"{namespace}/big", "-o", "json", code=1)
    )
    assert (told["source"], told["headline"]) == ("status", "0 of 70 members exist.")


def test_explaining_a_group_that_is_not_there_names_it(cluster: LocalCluster):
    said = tutti(cluster.kubeconfig("observer"), "explain", "group", "default/nobody", code=2)
    assert said == "tutti: There is no PodGroup default/nobody; `tutti get groups` lists them.\n"


async def test_install_applies_once_and_again_and_a_dry_run_nothing(cluster: LocalCluster, admin: Api):
    admin_file = cluster.kubeconfig("admin")
    deployments = "/apis/apps/v1/namespaces/tutti-system/deployments"
    before = await admin.list(deployments)
    dry = json.loads(tutti(admin_file, "install", "--dry-run", "-o", "json"))
    assert ("Deployment", "would be created") in {(each["kind"], each["result"]) for each in dry}
    assert await admin.list(deployments) == before
    again = json.loads(tutti(admin_file, "install", "--crds-only", "-o", "json"))
    assert [(each["kind"], each["result"]) for each in again] == [("CustomResourceDefinition", "applied")] * 3


def test_installing_without_the_right_to_names_what_was_refused(cluster: LocalCluster):
    said = tutti(cluster.kubeconfig("tenant"), "install", "--crds-only", code=2)
    assert said.startswith(
        "tutti: podgroup.yaml: CustomResourceDefinition podgroups.scheduling.tutti.dev was not applied:"
    )
    assert len(said.strip().splitlines()) == 1
