"""A gang that cannot be mended is taken down: its Job lives on, everybody is told, and it starts anew whole."""

from typing import Any

import pytest

from tests.live.api import Api, jobs
from tests.live.proof.conftest import Tutti
from tests.live.proof.probes import numbers
from tests.live.proof.team import Team

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("tutti", ["standalone"], indirect=True),  # evictions know no mode
]

JOB_PAUSE_S = 90.0  # the Job controller doubles ten seconds with each pod that ended at once, ignored or not
HOSTNAME = "kubernetes.io/hostname"


def job_on(nodes: list[str]) -> dict[str, Any]:
    """A Job of as many members as nodes, one on each, that forgives no failure and ignores evictions, as README shows."""
    amounts = {"cpu": "1", "nvidia.com/gpu": "8"}
    here = {"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": nodes}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "train"},
        "spec": {
            "parallelism": len(nodes),
            "completions": len(nodes),
            "completionMode": "Indexed",
            "backoffLimit": 0,
            "podFailurePolicy": {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]
            },
            "template": {
                "metadata": {"labels": {"scheduling.tutti.dev/pod-group": "train"}},
                "spec": {
                    "schedulerName": "tutti",
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 0,
                    "affinity": {
                        "nodeAffinity": {
                            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [here]}
                        }
                    },
                    "containers": [
                        {
                            "name": "worker",
                            "image": "busybox",
                            "resources": {"requests": amounts, "limits": amounts},
                        }
                    ],
                },
            },
        },
    }


async def test_gang_that_lost_a_node_is_evicted_told_so_and_starts_anew_when_the_node_is_back(
    tutti: Tutti, team: Team, admin: Api, nodes: dict[str, Any]
) -> None:
    where = sorted(nodes)[:3]
    before = (await numbers(tutti)).get(("evictions_total", ""), 0)
    await team.group("train", 3, repairTimeoutSeconds=1)
    await team.api.create(jobs(team.namespace), job_on(where))
    placed = await team.until_whole("train", 3)
    first = {pod["metadata"]["uid"] for pod in await team.pods("train")}
    lost = next(name for name, node in placed.items() if node == where[0])
    await admin.patch(f"/api/v1/nodes/{where[0]}", {"spec": {"unschedulable": True}})
    try:
        await evict(team, lost)

        async def nobody() -> bool:
            return not await team.bound("train") and len(await team.pods("train")) == 3

        await team.until("all are made anew and none is bound", nobody, within_s=JOB_PAUSE_S)
    finally:
        await admin.patch(f"/api/v1/nodes/{where[0]}", {"spec": {"unschedulable": None}})
    await team.until_whole("train", 3)
    assert not first & {pod["metadata"]["uid"] for pod in await team.pods("train")}
    state = (await team.api.get(jobs(team.namespace, "train"))).get("status", {})
    assert not [each for each in state.get("conditions", []) if each["type"].startswith("Fail")]
    events = await team.api.list(f"/apis/events.k8s.io/v1/namespaces/{team.namespace}/events")
    told = [(each["regarding"]["kind"], each["regarding"]["name"], each["reason"]) for each in events]
    assert ("PodGroup", "train", "BelowMinCount") in told
    assert {name for kind, name, reason in told if (kind, reason) == ("Pod", "Evicting")} == set(placed) - {
        lost
    }
    assert (await numbers(tutti))["evictions_total", ""] == before + 2


async def evict(team: Team, name: str) -> None:
    """Evict a pod, as draining its node does."""
    await team.api.create(
        f"/api/v1/namespaces/{team.namespace}/pods/{name}/eviction",
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}},
    )
