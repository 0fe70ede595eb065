"""The operator's word on objects, and groups for Jobs."""

from typing import Any

import pytest

from tests.live.api import Api, jobs, queues
from tests.live.proof.team import Team

pytestmark = pytest.mark.live


async def test_valid_group_is_accepted_and_its_members_are_counted(team: Team) -> None:
    await team.gang("ring", 3)
    await team.until_whole("ring", 3)

    async def running() -> bool:
        status = (await team.read_group("ring")).get("status", {})
        return status.get("phase") == "Running" and status.get("members", {}).get("running") == 3

    await team.until("the group is Running with 3 members", running)
    assert (await team.condition("ring", "Accepted"))["reason"] == "Accepted"
    assert (await team.condition("ring", "Ready"))["status"] == "True"


async def test_field_that_is_not_acted_upon_is_named_in_a_condition(team: Team) -> None:
    await team.group("odd", 1, spares=1, topology={"required": "rack"})

    async def told() -> bool:
        return (await team.condition("odd", "Accepted")).get("reason") == "AcceptedNotActedUpon"

    await team.until("the condition names what is not acted upon", told)
    assert "spares" in (await team.condition("odd", "Accepted"))["message"]


async def test_nothing_is_left_on_a_users_object(team: Team) -> None:
    await team.gang("ring", 2)
    await team.until_whole("ring", 2)

    async def accepted() -> bool:
        return bool(await team.condition("ring", "Accepted"))

    await team.until("the group is accepted", accepted)
    metadata = (await team.read_group("ring"))["metadata"]
    assert "finalizers" not in metadata
    assert "annotations" not in metadata


async def test_queue_shows_what_its_groups_use(team: Team, admin: Api) -> None:
    name = f"q-{team.namespace}"
    await admin.create(
        queues(),
        {
            "apiVersion": "scheduling.tutti.dev/v1alpha1",
            "kind": "Queue",
            "metadata": {"name": name},
            "spec": {"weight": 2},
        },
    )
    try:
        await team.gang("ring", 2, gpus=3, group={"queue": name})
        await team.until_whole("ring", 2)

        async def counted() -> bool:
            usage = (await admin.get(queues(name))).get("status", {}).get("usage", [])
            return any(line["name"] == "nvidia.com/gpu" and line["used"] == "6" for line in usage)

        await team.until("the queue shows 6 GPUs in use", counted)
    finally:
        await admin.delete(queues(name))


def job(name: str, size: int, *, label: str | None, seconds: int) -> dict[str, Any]:
    amounts = {"cpu": "1", "nvidia.com/gpu": "1"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": {"scheduling.tutti.dev/gang": "true"}},
        "spec": {
            "parallelism": size,
            "completions": size,
            "completionMode": "Indexed",
            "template": {
                "metadata": {
                    "labels": {"scheduling.tutti.dev/pod-group": label} if label else {},
                    "annotations": {"simulation.tutti.dev/duration": f"{seconds}s"},
                },
                "spec": {
                    "schedulerName": "tutti",
                    "restartPolicy": "Never",
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


async def test_job_that_asks_gets_a_group_starts_whole_and_succeeds(team: Team) -> None:
    await team.api.create(jobs(team.namespace), job("train", 4, label="train", seconds=2))
    placed = await team.until_whole("train", 4)
    assert len(placed) == 4
    group = await team.read_group("train")
    assert group["spec"]["minCount"] == 4
    assert group["metadata"]["ownerReferences"][0]["kind"] == "Job"
    ranks = {
        p["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]: p["metadata"]["annotations"][
            "scheduling.tutti.dev/rank"
        ]
        for p in await team.pods("train")
    }
    assert ranks == {"0": "0", "1": "1", "2": "2", "3": "3"}

    async def succeeded() -> bool:
        done = (await team.api.get(jobs(team.namespace, "train"))).get("status", {}).get("succeeded") == 4
        return done and (await team.read_group("train")).get("status", {}).get("phase") == "Succeeded"

    await team.until("the Job and its group have succeeded", succeeded)


async def test_job_that_asks_without_the_label_is_told_what_to_add(team: Team) -> None:
    await team.api.create(jobs(team.namespace), job("bare", 2, label=None, seconds=1))

    async def told() -> bool:
        events = await team.api.list(f"/apis/events.k8s.io/v1/namespaces/{team.namespace}/events")
        return any("scheduling.tutti.dev/pod-group" in event.get("note", "") for event in events)

    await team.until("an Event says what to add", told)
