"""Groups are made once per Job that asks, made again where they are missing, and what is refused is told once."""

from typing import Any

import pytest

from scheduler.model.ids import GroupKey, GroupUid
from scheduler.model.podgroups import PodGroup
from tests.controller.building import job
from tests.controller.conftest import GROUPS, Json, Operator

JOB = "/apis/batch/v1/namespaces/team/jobs/train"
TRAIN = f"{GROUPS}/train"


def stored_job(operator: Operator, uid: str = "j-1", **more: Any) -> Json:
    made = job(**more)
    made["metadata"]["uid"] = uid
    return operator.stored(JOB, made)


def show(operator: Operator, uid: str = "g-1") -> None:
    """Our own reflector shows the group."""
    operator.cache.put_group(PodGroup(GroupKey("team", "train"), GroupUid(uid), 4))


async def another(operator: Operator) -> None:
    """Let another Job come and have its group: whoever came before has had its turn."""
    operator.job_groups.see({**job(label="other"), "metadata": {**job()["metadata"], "name": "second"}})
    await operator.until(lambda: f"{GROUPS}/other" in operator.server.objects)


async def test_group_is_made_once_whatever_else_happens_to_the_job(operator: Operator) -> None:
    operator.job_groups.see(stored_job(operator))
    await operator.until(lambda: TRAIN in operator.server.objects)
    show(operator)
    operator.job_groups.see({**stored_job(operator), "status": {"active": 4}})
    await another(operator)
    assert len(operator.asked("POST", "podgroups")) == 2


async def test_group_that_exists_is_not_made(operator: Operator) -> None:
    show(operator)
    operator.job_groups.see(stored_job(operator))
    await another(operator)
    assert len(operator.asked("POST", "podgroups")) == 1


async def test_group_of_an_earlier_job_of_the_name_is_replaced_when_it_goes(operator: Operator) -> None:
    operator.stored(TRAIN, {"metadata": {"name": "train", "uid": "old"}})
    show(operator, "old")
    operator.job_groups.see(stored_job(operator, "j-2"))
    await another(operator)
    del operator.server.objects[TRAIN]  # collected as garbage
    operator.cache.drop_group(GroupKey("team", "train"))
    await operator.until(lambda: TRAIN in operator.server.objects)
    assert operator.server.objects[TRAIN]["metadata"]["ownerReferences"][0]["uid"] == "j-2"


async def test_group_that_went_with_its_job_is_not_made_again(operator: Operator) -> None:
    operator.job_groups.see(stored_job(operator))
    await operator.until(lambda: TRAIN in operator.server.objects)
    show(operator)
    del operator.server.objects[TRAIN], operator.server.objects[JOB]
    operator.cache.drop_group(
        GroupKey("team", "train")
    )  # kopf has not told, or never will, that the Job has gone
    await operator.until(lambda: operator.asked("GET", "jobs/train"))
    await another(operator)
    assert TRAIN not in operator.server.objects


async def test_job_that_has_ended_or_is_being_deleted_is_forgotten(operator: Operator) -> None:
    operator.job_groups.see(stored_job(operator))
    await operator.until(lambda: TRAIN in operator.server.objects)
    operator.job_groups.see(
        {**stored_job(operator), "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    )
    del operator.server.objects[TRAIN]
    operator.job_groups.groups_gone([GroupKey("team", "train")])
    await another(operator)
    assert not operator.asked("GET", "jobs/train")


async def test_deletion_of_an_earlier_job_of_the_name_does_not_forget_the_present_one(
    operator: Operator,
) -> None:
    before, now = stored_job(operator, "j-1"), stored_job(operator, "j-2")
    operator.job_groups.see(now)
    operator.job_groups.see(before)
    operator.job_groups.forget(before)
    await operator.until(lambda: TRAIN in operator.server.objects)
    assert operator.server.objects[TRAIN]["metadata"]["ownerReferences"][0]["uid"] == "j-2"


async def test_answer_that_was_lost_is_asked_for_again(operator: Operator) -> None:
    operator.server.fault = lambda request, number: "503" if number == 1 else ""
    operator.job_groups.see(stored_job(operator))
    await operator.until(lambda: TRAIN in operator.server.objects)
    assert operator.notes() == []


@pytest.mark.parametrize(("code", "reason"), [("422", "InvalidSpec"), ("403", "PodGroupNotFound")])
async def test_what_the_api_server_refuses_is_told_on_the_job_once(
    operator: Operator, code: str, reason: str
) -> None:
    operator.server.fault = lambda request, number: code if request.path == GROUPS else ""
    operator.job_groups.see(stored_job(operator))
    await operator.until(operator.notes)
    operator.job_groups.groups_gone([GroupKey("team", "train")])  # it is tried again
    await operator.until(lambda: len(operator.asked("POST", "podgroups")) == 2)
    await operator.recorder.drained()
    (note,) = operator.notes()
    assert note == "The PodGroup train cannot be made for this Job: as the test wants it"
    event = next(body for body in operator.server.bodies if body and "note" in body)
    assert (event["reason"], event["type"], event["regarding"]["kind"]) == (reason, "Warning", "Job")
    assert event["regarding"]["uid"] == "j-1"


async def test_job_that_is_unfit_is_told_once_and_again_only_when_it_asks_for_something_else(
    operator: Operator,
) -> None:
    operator.job_groups.see(stored_job(operator, label=None))
    await operator.until(lambda: len(operator.notes()) == 1)
    operator.job_groups.see({**stored_job(operator, label=None), "status": {"active": 1}})
    operator.job_groups.see(stored_job(operator, completions=12))
    await operator.until(lambda: len(operator.notes()) == 2)
    assert "12" in operator.notes()[1]
