"""What the API server takes, and what it makes of it; and that what it takes is what our own translators read without complaint."""

from __future__ import annotations

import json
import secrets

import pytest

from scheduler.dialects.own import OWN, parse_queue, parse_topology
from scheduler.model.ids import AttemptId, NodeName, PodUid
from scheduler.model.podgroups import Attempt, AttemptPhase, RecordedMember
from tests.live.api import Api, ApiError
from tests.live.objects.cases import GROUP_VERSION, Case, collection, load

pytestmark = pytest.mark.live
ACCEPTED = load("accepted.yaml")


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: f"{case.kind}-{case.id}")
async def test_is_accepted_with_defaults_and_read_without_complaint(admin: Api, case: Case) -> None:
    name = f"accepted-{secrets.token_hex(4)}"
    path = collection(case.kind, "default")
    made = await admin.create(path, case.manifest(name))
    try:
        assert made["spec"] == case.becomes
        raw = json.dumps(made).encode()
        if case.kind == "PodGroup":
            group = OWN.parse(raw)
            assert group.refusal == ""
            assert group.min_count == made["spec"].get("minCount", 10_000)
        elif case.kind == "Queue":
            assert parse_queue(raw).name == name
        else:
            assert [level.name for level in parse_topology(raw)[1]] == [
                level["name"] for level in case.becomes["levels"]
            ]
    finally:
        await admin.delete(f"{path}/{name}")


async def test_the_record_of_the_largest_gang_comes_back_as_it_was_written(
    admin: Api, namespace: str
) -> None:
    path = collection("PodGroup", namespace)
    made = await admin.create(path, Case("", "PodGroup", {"minCount": 10_000}).manifest("whole"))
    members = tuple(
        RecordedMember(f"worker-{rank:05}", PodUid(f"{rank:036}"), NodeName(f"node-{rank % 1000:04}"), rank)
        for rank in range(10_000)
    )
    attempt = Attempt(
        AttemptId("a-1"), 2**53 - 1, 1, 10_000, AttemptPhase.COMMITTING, members, 2, 1.5, 1.8e9, "why"
    )
    await admin.update(f"{path}/whole/status", {**made, "status": {"attempt": OWN.attempt_status(attempt)}})
    read = OWN.parse(json.dumps(await admin.get(f"{path}/whole")).encode())
    assert read.attempt == attempt
    assert read.refusal == ""


async def test_a_spec_is_not_changed_through_the_status_nor_a_status_through_the_spec(
    admin: Api, namespace: str
) -> None:
    path = collection("PodGroup", namespace)
    body = Case("", "PodGroup", {"minCount": 2}).manifest("split")
    made = await admin.create(path, {**body, "status": {"phase": "Running"}})
    assert "status" not in made
    made["spec"]["minCount"], made["status"] = 3, {"phase": "Pending"}
    changed = await admin.update(f"{path}/split/status", made)
    assert (changed["spec"]["minCount"], changed["status"]["phase"]) == (2, "Pending")
    assert changed["metadata"]["generation"] == 1


async def test_columns_show_what_a_person_asks_first(admin: Api, namespace: str) -> None:
    path = collection("PodGroup", namespace)
    made = await admin.create(
        path, Case("", "PodGroup", {"minCount": 2, "queue": "research"}).manifest("seen")
    )
    condition = {"type": "Scheduled", "status": "False", "reason": "InsufficientResources", "message": "m"}
    made["status"] = {
        "phase": "Queued",
        "members": {"total": 2, "bound": 1},
        "eta": {"median": "2026-11-24T10:00:00Z"},
        "conditions": [{**condition, "lastTransitionTime": "2026-11-24T09:00:00Z"}],
    }
    await admin.update(f"{path}/seen/status", made)
    async with admin.session.get(
        path, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    ) as answer:
        table = await answer.json()
    names = [column["name"] for column in table["columnDefinitions"]]
    assert names == ["Name", "Min", "Bound", "Phase", "Queue", "Reason", "ETA", "Age"]
    row = table["rows"][0]["cells"]
    assert row[:7] == ["seen", 2, 1, "Queued", "research", "InsufficientResources", "2026-11-24T10:00:00Z"]


async def test_short_names_are_served(admin: Api) -> None:
    found = await admin.get(f"/apis/{GROUP_VERSION}")
    short = {each["name"]: each.get("shortNames") for each in found["resources"]}
    assert short["podgroups"] == ["tpg"]
    assert {"podgroups/status", "queues/status", "topologies/status"} <= set(short)


async def test_two_groups_of_one_name_live_in_two_namespaces(admin: Api, namespace: str) -> None:
    body = Case("", "PodGroup", {"minCount": 2}).manifest("same")
    await admin.create(collection("PodGroup", namespace), body)
    with pytest.raises(ApiError) as again:
        await admin.create(collection("PodGroup", namespace), body)
    assert again.value.code == 409
    elsewhere = f"{collection('PodGroup', 'default')}"
    await admin.create(elsewhere, body)
    await admin.delete(f"{elsewhere}/same")
