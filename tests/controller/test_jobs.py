"""Groups for Jobs that ask for one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.controller import jobs
from tests.controller.building import job

SERVED = ("tutti", "tutti-test")


def made(**changes: Any) -> dict[str, Any]:
    result = jobs.group_for(job(**changes), SERVED)
    assert isinstance(result, dict), result
    return result


def unfit(**changes: Any) -> str:
    result = jobs.group_for(job(**changes), SERVED)
    assert isinstance(result, jobs.Unfit)
    return result.sentence


def test_job_asks_by_annotation_only() -> None:
    assert jobs.asks(job())
    assert not jobs.asks(job(annotations={"scheduling.tutti.dev/gang": "false"}))
    assert not jobs.asks({"metadata": {"name": "train"}, "spec": {"parallelism": 4}})


def test_job_that_has_completed_asks_no_more() -> None:
    assert not jobs.asks({**job(), "status": {"completionTime": "2026-11-24T10:00:00Z"}})


@pytest.mark.parametrize("end", ["Complete", "Failed"])
def test_job_that_has_ended_asks_no_more(end: str) -> None:
    status = {"conditions": [{"type": "Suspended", "status": "False"}, {"type": end, "status": "True"}]}
    assert not jobs.asks({**job(), "status": status})
    assert jobs.asks({**job(), "status": {"conditions": [{"type": end, "status": "False"}]}})


def test_job_that_is_being_deleted_asks_no_more() -> None:
    going = job()
    going["metadata"]["deletionTimestamp"] = "2026-11-24T10:00:00Z"
    assert not jobs.asks(going)


def test_group_is_named_by_the_pods_label_and_goes_with_the_job() -> None:
    group = made(label="ring")
    assert group["metadata"] == {
        "name": "ring",
        "namespace": "team",
        "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "Job", "name": "train", "uid": "j-1", "controller": True}
        ],
    }
    assert group["spec"] == {"minCount": 4, "maxCount": 4}


def test_job_without_parallelism_is_a_gang_of_one() -> None:
    spec = job()
    del spec["spec"]["parallelism"]
    group = jobs.group_for(spec, SERVED)
    assert isinstance(group, dict)
    assert group["spec"]["minCount"] == 1


def test_queue_topology_and_priority_are_taken_over() -> None:
    asked = {
        "scheduling.tutti.dev/queue": "team-a",
        "scheduling.tutti.dev/required-topology": "rack",
        "scheduling.tutti.dev/preferred-topology": "block",
    }
    wanted = job(annotations=asked)
    wanted["spec"]["template"]["spec"]["priorityClassName"] = "gold"
    group = jobs.group_for(wanted, SERVED)
    assert isinstance(group, dict)
    assert group["spec"] == {
        "minCount": 4,
        "maxCount": 4,
        "queue": "team-a",
        "priorityClassName": "gold",
        "topology": {"required": "rack", "preferred": "block"},
    }


def test_job_without_the_label_is_told_which_to_add_and_where() -> None:
    sentence = unfit(label=None)
    assert "scheduling.tutti.dev/pod-group: train" in sentence
    assert "spec.template.metadata.labels" in sentence


def test_job_of_another_scheduler_is_told_which_name_to_set() -> None:
    assert "schedulerName to tutti" in unfit(scheduler="default-scheduler")


def test_every_served_scheduler_name_will_do() -> None:
    assert made(scheduler="tutti-test")["spec"]["minCount"] == 4


@pytest.mark.parametrize("completions", [4, None])
def test_completions_equal_to_parallelism_or_unset_make_a_gang(completions: int | None) -> None:
    assert made(completions=completions)["spec"]["minCount"] == 4


def test_job_that_would_run_in_several_waves_is_refused_with_both_numbers() -> None:
    sentence = unfit(completions=12)
    assert "12" in sentence
    assert "4" in sentence


def test_job_with_no_pods_at_once_is_refused() -> None:
    assert "spec.parallelism" in unfit(parallelism=0)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "annotations",
                    "labels",
                    "spec",
                    "template",
                    "parallelism",
                    "status",
                    "conditions",
                    "schedulerName",
                    "name",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), junk))
def test_no_shape_of_a_job_raises(hostile: dict[str, Any]) -> None:
    jobs.asks(hostile)
    try:
        jobs.group_for(hostile, SERVED)
    except TypeError as problem:  # a name that is no string cannot come from an API server
        pytest.fail(str(problem))
