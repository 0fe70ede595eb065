"""Statuses are written when they differ, once, to the object that was looked at; what fails is tried again."""

from dataclasses import replace
from typing import Any

import pytest

from scheduler.controller import board
from scheduler.model.ids import GroupUid, QueueName
from scheduler.model.podgroups import AttemptPhase
from scheduler.model.queues import Queue
from tests.controller.building import GROUP, pod, running, with_attempt
from tests.controller.conftest import GROUPS, QUEUES, Json, Operator

RING = f"{GROUPS}/ring"
TEAM_A = f"{QUEUES}/team-a"


def group(uid: str = "g-1", **more: Any) -> Json:
    """The PodGroup of `building.GROUP` as the API server sends it."""
    return {
        "metadata": {"name": "ring", "namespace": "team", "uid": uid, "generation": 3},
        "spec": {"minCount": 2},
        **more,
    }


def queue(**spec: Any) -> Json:
    return {"metadata": {"name": "team-a", "uid": "q-1", "generation": 1}, "spec": spec}


async def another(operator: Operator) -> None:
    """Let another object come and have its status: whatever came before has had its turn."""
    operator.cache.put_queue(Queue(QueueName("team-a")))
    operator.board.see("queues", operator.stored(TEAM_A, queue()))
    await operator.until(lambda: operator.status(TEAM_A))


async def test_status_of_a_group_is_written_once(operator: Operator) -> None:
    operator.cache.put_group(GROUP)
    operator.board.see("podgroups", operator.stored(RING, group()))
    await operator.until(lambda: operator.status(RING))
    assert operator.status(RING)["phase"] == "Pending"
    assert operator.condition(RING)["reason"] == "Accepted"
    operator.board.see("podgroups", operator.stored(RING))  # kopf's watch shows the write
    operator.cache.put_group(replace(GROUP, priority=1))
    operator.cache.put_pod(running(0))
    await operator.until(lambda: operator.status(RING)["phase"] == "Degraded")
    assert len(operator.asked("PATCH", "ring/status")) == 2


async def test_own_write_is_known_before_the_watch_shows_it(operator: Operator) -> None:
    operator.cache.put_group(GROUP)
    operator.board.see("podgroups", operator.stored(RING, group()))
    await operator.until(lambda: operator.status(RING))
    since = operator.condition(RING)
    since["lastTransitionTime"] = "2026-01-01T00:00:00Z"  # as if it had been written long ago
    operator.board.see("podgroups", operator.stored(RING, dict(operator.server.objects[RING])))
    late = {**group(), "metadata": {**group()["metadata"], "resourceVersion": "1"}}
    operator.board.see("podgroups", late)  # an event from before both
    operator.cache.put_pod(running(0))
    operator.cache.put_pod(running(1))
    await operator.until(lambda: operator.status(RING)["phase"] == "Running")
    assert operator.condition(RING)["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert operator.condition(RING, "Ready")["lastTransitionTime"] != "2026-01-01T00:00:00Z"


async def test_deletion_of_an_earlier_object_of_the_name_does_not_forget_the_present_one(
    operator: Operator,
) -> None:
    before = operator.stored(RING, group("g-0"))
    now = operator.stored(RING, group("g-1"))
    operator.cache.put_group(GROUP)
    operator.board.see("podgroups", now)
    operator.board.forget("podgroups", before)
    operator.board.see("podgroups", before)  # overtaken
    await operator.until(lambda: operator.status(RING))
    body = operator.server.bodies[operator.server.asked.index(f"PATCH {RING}/status")]
    assert body["metadata"]["uid"] == "g-1"


async def test_nothing_is_written_while_cache_and_watch_show_different_specs(operator: Operator) -> None:
    operator.cache.put_group(replace(GROUP, generation=4, refusal="spec.roles names a role twice."))
    operator.board.see("podgroups", operator.stored(RING, group()))
    await another(operator)
    assert not operator.asked("PATCH", "ring")
    operator.cache.put_group(GROUP)
    await operator.until(lambda: operator.status(RING))


async def test_write_that_fails_is_tried_again_without_another_change(operator: Operator) -> None:
    operator.server.fault = lambda request, number: "503" if number == 1 else ""
    operator.cache.put_group(GROUP)
    operator.board.see("podgroups", operator.stored(RING, group()))
    await operator.until(lambda: operator.status(RING))
    assert len(operator.asked("PATCH", "ring/status")) == 2


async def test_one_object_that_is_refused_does_not_keep_others_from_being_written(operator: Operator) -> None:
    operator.server.fault = lambda request, number: "422" if "ring" in request.path else ""
    operator.cache.put_group(GROUP)
    operator.board.see("podgroups", operator.stored(RING, group()))
    await another(operator)
    assert operator.status(RING) == {}


async def test_group_hears_of_its_queue_and_hears_again_when_it_appears(operator: Operator) -> None:
    operator.cache.put_group(replace(GROUP, queue=QueueName("team-a")))
    operator.board.see("podgroups", operator.stored(RING, group(spec={"minCount": 2, "queue": "team-a"})))
    await operator.until(lambda: operator.condition(RING).get("reason") == "QueueNotFound")
    operator.cache.put_queue(Queue(QueueName("team-a")))
    await operator.until(lambda: operator.condition(RING).get("reason") == "AcceptedNotActedUpon")


async def test_queue_counts_the_last_change_also_when_it_came_right_after_another(operator: Operator) -> None:
    operator.cache.put_queue(Queue(QueueName("team-a")))
    operator.cache.put_group(replace(GROUP, queue=QueueName("team-a")))
    guaranteed = queue(resources=[{"name": "nvidia.com/gpu", "guaranteed": 3}])
    operator.board.see("queues", operator.stored(TEAM_A, guaranteed))
    await operator.until(lambda: operator.status(TEAM_A))
    for number in range(2):  # within the pause, and nothing after it
        operator.cache.put_pod(running(number))
    await operator.until(lambda: operator.status(TEAM_A)["usage"])
    gpus = next(line for line in operator.status(TEAM_A)["usage"] if line["name"] == "nvidia.com/gpu")
    assert gpus == {"name": "nvidia.com/gpu", "used": "4", "borrowed": "1"}
    assert operator.status(TEAM_A)["runningGroups"] == 1


async def test_queue_that_cannot_be_read_is_told_so(operator: Operator) -> None:
    huge = queue(resources=[{"name": "cpu", "limit": "10E"}])
    operator.board.see("queues", operator.stored(TEAM_A, huge))
    await operator.until(lambda: operator.condition(TEAM_A))
    assert (operator.condition(TEAM_A)["status"], operator.condition(TEAM_A)["reason"]) == (
        "False",
        "InvalidSpec",
    )
    assert "cpu" in operator.condition(TEAM_A)["message"]


async def test_group_that_gave_up_has_failed_and_its_queue_waits_for_it_no_more(operator: Operator) -> None:
    said = {"type": "Scheduled", "status": "False", "reason": "Timeout", "message": "Not placed within 30 s."}
    operator.cache.put_queue(Queue(QueueName("team-a")))
    operator.cache.put_group(replace(GROUP, queue=QueueName("team-a"), fail_on_timeout=True))
    for number in range(2):
        operator.cache.put_pod(pod(number))
    operator.board.see("queues", operator.stored(TEAM_A, queue()))
    await operator.until(lambda: operator.status(TEAM_A).get("pendingGroups") == 1)
    timed_out = group(spec={"minCount": 2, "onTimeout": "Fail"}, status={"conditions": [said]})
    operator.board.see("podgroups", operator.stored(RING, timed_out))
    await operator.until(lambda: operator.status(RING).get("phase") == "Failed")
    await operator.until(lambda: operator.status(TEAM_A).get("pendingGroups") == 0)


async def test_object_whose_deletion_was_missed_is_read_once_and_forgotten(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "DOUBT_S", 0.2)
    operator.cache.put_group(GROUP)
    operator.board.see("podgroups", operator.stored(RING, group()))
    await operator.until(lambda: operator.status(RING))
    del operator.server.objects[RING]
    operator.cache.drop_group(GROUP.key)  # our reflector shows it; kopf never says a word
    await operator.until(lambda: operator.asked("GET", "ring"))
    operator.cache.put_group(GROUP)
    await another(operator)
    assert len(operator.asked("PATCH", "ring")) == 1
    assert len(operator.asked("GET", "ring")) == 1


async def test_change_that_was_missed_is_read(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "DOUBT_S", 0.2)
    operator.cache.put_group(replace(GROUP, generation=4))
    operator.board.see("podgroups", operator.stored(RING, group()))
    changed = group(spec={"minCount": 2, "spares": 1})
    changed["metadata"]["generation"] = 4
    operator.stored(RING, changed)  # our reflector has shown it; kopf never says a word
    await operator.until(lambda: operator.status(RING))
    assert operator.status(RING)["observedGeneration"] == 4
    assert "spec.spares" in operator.condition(RING)["message"]


async def test_status_of_another_object_of_the_name_is_left_alone(operator: Operator) -> None:
    operator.cache.put_group(replace(GROUP, uid=GroupUid("g-2")))
    operator.board.see("podgroups", operator.stored(RING, group("g-1")))
    await another(operator)
    assert not operator.asked("PATCH", "ring")


async def test_gang_that_its_scheduler_left_half_bound_is_told_degraded_without_another_event(
    operator: Operator,
) -> None:
    due_at = operator.board._wall_clock().timestamp() + 1.5
    left = with_attempt(
        AttemptPhase.COMMITTING, deadline_s=due_at, group=replace(GROUP, repair_timeout_s=1.5)
    )
    operator.cache.put_group(left)
    operator.cache.put_pod(running(0))
    operator.cache.put_pod(pod(1))
    operator.board.see("podgroups", operator.stored(RING, group()))
    await operator.until(lambda: operator.status(RING).get("phase") == "Degraded")
    assert operator.board._wall_clock().timestamp() >= due_at
    assert operator.condition(RING, "Degraded")["status"] == "True"
    assert len(operator.asked("PATCH", "ring/status")) == 1, "what was being bound was left alone"
