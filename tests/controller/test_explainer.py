"""status.explanation: there while a group waits, written when its cause changes and not oftener, gone when the group starts."""

from dataclasses import replace

import pytest

from scheduler.controller import turns
from scheduler.controller.explainer import About
from scheduler.model.ids import NodeName
from scheduler.model.nodes import Node
from scheduler.model.pods import Pod, PodPhase, PodShape
from scheduler.model.resources import Resources
from tests.controller.building import GROUP, KEY, SHAPE, pod, running
from tests.controller.conftest import GROUPS, Operator
from tests.controller.test_board import RING, another, group

GPUS = {"cpu": 64_000, "pods": 110}


def node(name: str, gpus: int, **changes: object) -> Node:
    """A node of so many GPUs; each member of the group asks for two."""
    return Node(NodeName(name), Resources({**GPUS, "nvidia.com/gpu": gpus}), **changes)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Explain often, so that tests see that nothing is written in between."""
    for name, value in {"SETTLE_S": 0.05, "PAUSE_S": 0.05, "REST_S": 0.1, "REST_MAX_S": 0.2}.items():
        monkeypatch.setattr(turns, name, value)


def foreign(number: int, *, gpus: int) -> Pod:
    """A pod of another scheduler that runs on the first node."""
    shape = PodShape(Resources({"nvidia.com/gpu": gpus, "pods": 1}))
    return pod(10 + number, on="n0", shape=shape, scheduler_name="other", group=None, phase=PodPhase.RUNNING)


def waiting(operator: Operator, gpus: int = 3) -> None:
    """A gang of two with both members, and a node that has room for one."""
    operator.cache.put_node(node("n0", gpus))
    operator.cache.put_group(GROUP)
    for number in range(2):
        operator.cache.put_pod(pod(number))
    operator.board.see("podgroups", operator.stored(RING, group()))


async def test_group_that_waits_is_told_the_gate_what_blocks_and_what_would_help(operator: Operator) -> None:
    waiting(operator)
    await operator.until(lambda: operator.status(RING).get("explanation"))
    told = operator.status(RING)["explanation"]
    assert told["gate"] == "Resources"
    assert told["message"].startswith("Too little nvidia.com/gpu is free for 2 members at once")
    assert "the cluster has 3 nvidia.com/gpu" in told["message"]
    assert told["cheapestChange"]["kind"] == "Shrink"


async def test_explanation_goes_when_the_group_runs(operator: Operator) -> None:
    waiting(operator)
    await operator.until(lambda: operator.status(RING).get("explanation"))
    for number in range(2):
        operator.cache.put_pod(running(number))
    await operator.until(lambda: operator.status(RING).get("phase") == "Running")
    assert "explanation" not in operator.status(RING)
    assert operator.explainer.of(KEY) is None


async def test_group_that_has_room_is_not_explained(operator: Operator) -> None:
    waiting(operator, gpus=8)
    await operator.until(lambda: operator.explainer.of(KEY))
    await another(operator)
    assert "explanation" not in operator.status(RING)


async def test_nothing_is_written_while_the_cause_stays_though_numbers_change(operator: Operator) -> None:
    waiting(operator, gpus=8)
    operator.cache.put_pod(foreign(0, gpus=5))
    await operator.until(lambda: operator.status(RING).get("explanation"))
    before, written = operator.status(RING)["explanation"], len(operator.asked("PATCH", "ring/status"))
    for number in range(1, 3):  # others take what is left, one GPU at a time
        operator.cache.put_pod(foreign(number, gpus=1))
        told = operator.told_the_time
        await operator.until(lambda told=told: operator.told_the_time > told + 1)
    await another(operator)
    assert operator.status(RING)["explanation"] == before
    assert len(operator.asked("PATCH", "ring/status")) == written
    assert before["blockingSets"][0]["constraints"] == ["nvidia.com/gpu in use"]


async def test_other_cause_is_written(operator: Operator) -> None:
    waiting(operator)
    operator.cache.put_node(node("n1", 2, unschedulable=True))
    await operator.until(lambda: operator.status(RING).get("explanation"))
    told = operator.status(RING)["explanation"]
    assert [each["constraints"] for each in told["blockingSets"]] == [["cordon"]]
    assert told["cheapestChange"] == {"kind": "Uncordon", "message": "Uncordon nodes."}
    operator.cache.put_group(replace(GROUP, refusal="PriorityClass gold does not exist."))
    operator.cache.drop_node(NodeName("n1"))
    await operator.until(lambda: operator.status(RING)["explanation"]["gate"] == "Accepted")
    assert operator.status(RING)["explanation"] == {
        "gate": "Accepted",
        "message": "PriorityClass gold does not exist.",
    }


async def test_what_stands_there_from_before_a_restart_is_left_until_it_was_found_out_anew(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SETTLE_S", 3600.0)
    before = {"gate": "Resources", "message": "As the last operator found."}
    operator.cache.put_group(GROUP)
    stands = group(status={"explanation": before, "observedGeneration": 3})
    operator.board.see("podgroups", operator.stored(RING, stands))
    await operator.until(lambda: operator.status(RING).get("phase"))
    assert operator.status(RING)["explanation"] == before


async def test_explanation_of_an_earlier_spec_is_taken_away(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SETTLE_S", 3600.0)
    operator.cache.put_group(GROUP)
    stands = group(status={"explanation": {"gate": "Members"}, "observedGeneration": 2})
    operator.board.see("podgroups", operator.stored(RING, stands))
    await operator.until(lambda: operator.status(RING).get("phase"))
    assert "explanation" not in operator.status(RING)


async def test_constraint_that_this_mode_does_not_evaluate_is_believed_to_the_scheduler(
    operator: Operator,
) -> None:
    operator.cache.put_node(node("n0", 8))
    operator.cache.put_group(GROUP)
    shape = replace(SHAPE, unevaluated=("podAffinity",))
    for number in range(2):
        operator.cache.put_pod(pod(number, shape=shape))
    operator.explainer.waits(KEY, About(3, "UnevaluatedConstraint", holds_unevaluated=True))
    await operator.until(lambda: operator.explainer.of(KEY))
    found = operator.explainer.of(KEY)
    assert found is not None and found.written is not None
    assert found.written["gate"] == "Constraints"


async def test_fault_in_explaining_harms_nothing_else(operator: Operator) -> None:
    operator.clock_is_broken = True
    waiting(operator)
    await operator.until(lambda: operator.told_the_time > 1)
    await another(operator)
    assert operator.status(RING)["phase"] == "Queued"


async def test_deleted_group_is_forgotten(operator: Operator) -> None:
    waiting(operator)
    await operator.until(lambda: operator.explainer.of(KEY))
    operator.board.forget("podgroups", operator.stored(f"{GROUPS}/ring"))
    assert operator.explainer.of(KEY) is None
