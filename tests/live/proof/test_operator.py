"""The operator's word on objects, and groups for Jobs."""

import asyncio
import json
from typing import Any

import pytest

from tests.live.api import Api, groups, jobs, queues
from tests.live.proof.conftest import Tutti
from tests.live.proof.team import GPU, Team

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


async def test_operator_beside_a_scheduler_leaves_the_probes_to_it(tutti: Tutti) -> None:
    started = [line for line in tutti.log.read_text().splitlines() if '"operator started"' in line]
    assert started
    assert all(json.loads(line)["probes"] is None for line in started)


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


async def test_queue_shows_what_its_groups_use_and_borrow(team: Team, admin: Api, gpus: int) -> None:
    name = f"q-{team.namespace}"
    sure = [{"name": each, "guaranteed": "1Ti"} for each in ("cpu", "memory", "pods")]
    resources = [*sure, {"name": GPU, "guaranteed": 2}]
    await admin.create(
        queues(),
        {
            "apiVersion": "scheduling.tutti.dev/v1alpha1",
            "kind": "Queue",
            "metadata": {"name": name},
            "spec": {"weight": 2, "reclaim": "Disabled", "resources": resources},
        },
    )
    try:
        await team.gang("ring", 2, gpus=3, group={"queue": name})
        await team.until_whole("ring", 2)

        async def counted() -> bool:
            status = (await admin.get(queues(name))).get("status", {})
            lines = {line["name"]: line for line in status.get("usage", [])}
            return (
                lines.get(GPU) == {"name": GPU, "used": "6", "borrowed": "4"}
                and status["dominantShare"] == round(4 / (gpus * 2), 4)
                and (status["runningGroups"], status["pendingGroups"], status["pendingGPUs"]) == (1, 0, 0)
            )

        await team.until("the queue shows 6 GPUs in use, 4 of them over its guarantee", counted)
        (said,) = (await admin.get(queues(name)))["status"]["conditions"]
        assert (said["type"], said["status"], said["reason"]) == ("Accepted", "True", "AcceptedNotActedUpon")
        assert said["message"].endswith(": spec.weight, spec.resources, spec.reclaim.")
    finally:
        await admin.delete(queues(name))


async def until_accepted(team: Team, name: str, reason: str) -> dict[str, Any]:
    """Wait until the condition Accepted gives this reason, and return it."""

    async def told() -> bool:
        return (await team.condition(name, "Accepted")).get("reason") == reason

    await team.until(f"{name} is told {reason}", told)
    return await team.condition(name, "Accepted")


async def test_group_of_a_queue_that_does_not_exist_is_told_so_and_scheduled(team: Team) -> None:
    await team.gang("ring", 2, group={"queue": "nowhere"})
    said = await until_accepted(team, "ring", "QueueNotFound")
    assert said["status"] == "True"
    assert "Queue nowhere does not exist" in said["message"]
    await team.until_whole("ring", 2)


async def test_preferred_level_that_no_node_carries_is_told_and_left_out(team: Team) -> None:
    await team.gang("ring", 2, group={"topology": {"preferred": "nvl"}})
    said = await until_accepted(team, "ring", "TopologyLevelNotFound")
    assert said["status"] == "True"
    await team.until_whole("ring", 2)


async def test_required_level_that_no_node_carries_is_not_accepted(team: Team) -> None:
    await team.gang("ring", 2, group={"topology": {"required": "nvl"}})
    said = await until_accepted(team, "ring", "TopologyLevelNotFound")
    assert said["status"] == "False"
    assert "rack" in said["message"]
    await team.stays_unbound("ring")


async def test_gang_that_gives_up_has_failed(team: Team, gpus: int) -> None:
    await team.group("big", gpus // 8 + 1, scheduleTimeoutSeconds=1, onTimeout="Fail")
    await asyncio.gather(*(team.pod(f"big-{n}", "big", gpus=8) for n in range(gpus // 8 + 1)))

    async def failed() -> bool:
        return (await team.read_group("big")).get("status", {}).get("phase") == "Failed"

    await team.until("the gang has failed", failed)
    assert (await team.condition("big", "Ready"))["reason"] == "Timeout"


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


async def notes(team: Team, job_name: str) -> list[str]:
    """Return the texts of all Events on a Job that are Tutti's."""
    events = await team.api.list(f"/apis/events.k8s.io/v1/namespaces/{team.namespace}/events")
    return [
        each["note"]
        for each in events
        if each["regarding"].get("name") == job_name and each.get("reportingController") == "tutti-operator"
    ]


async def test_what_the_api_server_says_against_a_jobs_group_is_told_on_the_job(team: Team) -> None:
    wanted = job("train", 2, label="train", seconds=1)
    wanted["metadata"]["annotations"]["scheduling.tutti.dev/queue"] = "No Such Name"
    await team.api.create(jobs(team.namespace), wanted)

    async def told() -> bool:
        return bool(await notes(team, "train"))

    await team.until("an Event says what is wrong", told)
    (note,) = await notes(team, "train")
    assert "spec.queue" in note
    assert "No Such Name" in note


async def test_job_that_is_made_anew_under_its_name_gets_its_own_group(team: Team) -> None:
    path = jobs(team.namespace)
    await team.api.create(path, job("train", 2, label="train", seconds=3600))
    await team.until_whole("train", 2)
    before = (await team.read_group("train"))["metadata"]["uid"]
    await team.api.delete(f"{path}/train?propagationPolicy=Background")
    made = await team.api.create(path, job("train", 2, label="train", seconds=3600))

    async def replaced() -> bool:
        found = await team.api.find(groups(team.namespace, "train"))
        return found is not None and found["metadata"]["uid"] != before

    await team.until("the group is made anew", replaced)
    assert (await team.read_group("train"))["metadata"]["ownerReferences"][0]["uid"] == made["metadata"][
        "uid"
    ]

    async def runs() -> bool:
        pods = [each for each in await team.pods("train") if "deletionTimestamp" not in each["metadata"]]
        return len(pods) == 2 and all(each["spec"].get("nodeName") for each in pods)

    await team.until("the new Job's pods are bound", runs)


async def test_gang_that_loses_a_member_is_whole_in_no_condition_until_it_is_again(team: Team) -> None:
    await team.gang("ring", 3, group={"repairTimeoutSeconds": 600})
    await team.until_whole("ring", 3)

    async def all_say(scheduled: str, degraded: str, phase: str) -> bool:
        status = (await team.read_group("ring")).get("status", {})
        said = {each["type"]: each["status"] for each in status.get("conditions", [])}
        return (said.get("Scheduled"), said.get("Degraded"), status.get("phase")) == (
            scheduled,
            degraded,
            phase,
        )

    await team.until("the gang is told whole", lambda: all_say("True", "False", "Running"))
    await team.delete_pod("ring-0")
    await team.until("the gang is told in part", lambda: all_say("False", "True", "Degraded"))
    assert (await team.condition("ring"))["reason"] == "GangIncomplete"
    await team.pod("ring-3", "ring")
    await team.until("the gang is told whole again", lambda: all_say("True", "False", "Running"))


async def test_running_gang_is_told_scheduled_for_a_changed_spec_and_by_a_group_made_anew(team: Team) -> None:
    await team.gang("ring", 2)
    await team.until_whole("ring", 2)

    async def told() -> bool:
        group, said = await team.read_group("ring"), await team.condition("ring")
        is_of_this_spec = said.get("observedGeneration") == group["metadata"]["generation"]
        return said.get("status") == "True" and is_of_this_spec

    await team.until("the gang is told scheduled", told)
    path = groups(team.namespace, "ring")
    await team.api.patch(path, {"spec": {"expectedRuntimeSeconds": 60}})
    assert (await team.read_group("ring"))["metadata"]["generation"] == 2
    await team.until("it is told so for the changed spec", told)
    await team.api.delete(path)
    await team.group("ring", 2)
    assert not (await team.read_group("ring")).get("status", {}).get("attempt")
    await team.until("the group made anew says so too", told)
