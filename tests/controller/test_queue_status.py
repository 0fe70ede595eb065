"""What a Queue says of its groups, counted by hand."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.controller import queue_views
from scheduler.controller.queue_views import Counted
from scheduler.model.ids import QueueName
from scheduler.model.queues import Queue
from scheduler.model.resources import Resources
from tests.controller.building import GROUP, ended, pod, running

TEAM_A, LAB, ALL = QueueName("team-a"), QueueName("lab"), QueueName("all")
IN_A = replace(GROUP, queue=TEAM_A)
CAPACITY = Resources({"cpu": 100_000, "nvidia.com/gpu": 16, "pods": 1000})
# A member asks for 1.5 CPU, 2 GPUs and one pod, see building.SHAPE.


def status(queue: Queue, *groups: Counted, others: tuple[Queue, ...] = ()) -> dict[str, Any]:
    queues = {each.name: each for each in (queue, *others)}
    tally = queue_views.tallies(groups, queues, now=0.0).get(queue.name, queue_views.Tally())
    return queue_views.queue_status(queue, tally, CAPACITY)


def used(said: dict[str, Any]) -> dict[str, str]:
    return {line["name"]: line["used"] for line in said["usage"]}


def borrowed(said: dict[str, Any]) -> dict[str, str]:
    return {line["name"]: line["borrowed"] for line in said["usage"]}


def test_queue_uses_what_its_live_bound_members_ask_for() -> None:
    said = status(
        Queue(TEAM_A), Counted(IN_A, [running(0), running(1), pod(2), ended(3)]), Counted(GROUP, [running(4)])
    )
    assert used(said) == {"cpu": "3000m", "nvidia.com/gpu": "4", "pods": "2"}


def test_what_exceeds_the_guarantee_is_borrowed() -> None:
    queue = Queue(TEAM_A, guaranteed=Resources({"nvidia.com/gpu": 3, "pods": 5}))
    said = status(queue, Counted(IN_A, [running(0), running(1)]))
    assert borrowed(said) == {"cpu": "3000m", "nvidia.com/gpu": "1", "pods": "0"}


def test_queue_counts_groups_that_run_and_groups_that_wait_with_their_gpus() -> None:
    waits = Counted(IN_A, [pod(0), pod(1), pod(2, is_gated=True)])
    runs = Counted(IN_A, [running(3), running(4), pod(5)])
    starts = Counted(IN_A, [pod(6, on="n1"), pod(7, on="n1")])
    stands_in_part = Counted(IN_A, [running(8), pod(9)])
    is_over = Counted(IN_A, [ended(10), ended(11)])
    said = status(Queue(TEAM_A), waits, runs, starts, stands_in_part, is_over)
    assert (said["runningGroups"], said["pendingGroups"], said["pendingGPUs"]) == (3, 1, 4)


def test_group_that_gave_up_waits_no_more() -> None:
    gave_up = Counted(replace(IN_A, fail_on_timeout=True), [pod(0), pod(1)], has_timed_out=True)
    assert status(Queue(TEAM_A), gave_up)["pendingGroups"] == 0


@pytest.mark.parametrize(
    ("guaranteed", "weight", "share"),
    [
        pytest.param({}, 1, 0.25, id="4-of-16-gpus-without-a-guarantee"),
        pytest.param({"nvidia.com/gpu": 3}, 1, 0.0625, id="1-of-16-gpus-over-the-guarantee"),
        pytest.param({"nvidia.com/gpu": 4}, 1, 0.03, id="then-cpu-is-the-scarcest"),
        pytest.param({"nvidia.com/gpu": 3}, 4, 0.0156, id="weight-divides"),
        pytest.param({"nvidia.com/gpu": 4, "cpu": 3000, "pods": 2}, 1, 0.0, id="within-the-guarantee"),
        pytest.param({"nvidia.com/gpu": 99, "cpu": 99_000, "pods": 9}, 1, 0.0, id="never-below-zero"),
    ],
)
def test_dominant_share_is_of_what_exceeds_the_guarantee_by_weight(
    guaranteed: dict[str, int], weight: int, share: float
) -> None:
    queue = Queue(TEAM_A, guaranteed=Resources(guaranteed), weight=weight)
    assert status(queue, Counted(IN_A, [running(0), running(1)]))["dominantShare"] == share


def test_share_of_amounts_beyond_the_precision_of_floats_is_exact() -> None:
    capacity = Resources({"memory": 3 * 2**60})
    queue = Queue(TEAM_A, guaranteed=Resources({"memory": 2**60 - 1}))
    # (2**60 + 1) - (2**60 - 1) = 2 bytes over; as floats both are 2**60.
    assert (
        queue_views.dominant_share(queue, Resources({"memory": 2**60 + 1}), Resources({"memory": 8})) == 0.25
    )
    assert queue_views.dominant_share(queue, Resources({"memory": 2**61}), capacity) == 0.3333


def test_numbers_cover_the_queues_below() -> None:
    below, above = (
        Queue(TEAM_A, parent=LAB),
        Queue(LAB, parent=ALL, guaranteed=Resources({"nvidia.com/gpu": 2})),
    )
    groups = [Counted(IN_A, [running(0)]), Counted(replace(GROUP, queue=LAB), [running(1)])]
    said = status(above, *groups, others=(below, Queue(ALL)))
    assert (used(said)["nvidia.com/gpu"], borrowed(said)["nvidia.com/gpu"]) == ("4", "2")
    assert used(status(below, *groups, others=(above, Queue(ALL))))["nvidia.com/gpu"] == "2"
    assert used(status(Queue(ALL), *groups, others=(above, below)))["nvidia.com/gpu"] == "4"


def test_queues_in_a_circle_are_counted_once_each() -> None:
    here, there = Queue(TEAM_A, parent=LAB), Queue(LAB, parent=TEAM_A)
    for queue, other in ((here, there), (there, here)):
        assert used(status(queue, Counted(IN_A, [running(0)]), others=(other,)))["nvidia.com/gpu"] == "2"


def test_queue_that_nobody_uses_says_zero() -> None:
    assert status(Queue(TEAM_A)) == {
        "usage": [],
        "dominantShare": 0.0,
        "runningGroups": 0,
        "pendingGroups": 0,
        "pendingGPUs": 0,
    }


def test_resource_that_no_node_has_does_not_count_in_the_share() -> None:
    assert queue_views.dominant_share(Queue(TEAM_A), Resources({"cpu": 1}), Resources()) == 0.0


def test_more_resources_than_a_status_holds_leave_those_with_a_guarantee() -> None:
    many = Resources({f"example.com/r{n:03}": 1 for n in range(100)} | {"zz": 1})
    queue = Queue(TEAM_A, guaranteed=Resources({"zz": 1}))
    lines = queue_views.queue_status(queue, queue_views.Tally(used=queue_views.Counter(many)), CAPACITY)[
        "usage"
    ]
    assert len(lines) == 64
    assert "zz" in {line["name"] for line in lines}


def test_gpus_of_every_vendor_are_gpus() -> None:
    assert queue_views.gpus(Resources({"nvidia.com/gpu": 2, "amd.com/gpu": 3, "cpu": 4000})) == 5


def test_queue_is_accepted_and_names_exactly_what_is_not_acted_upon() -> None:
    said = queue_views.queue_condition(Queue(TEAM_A), {}, ("resources", "reclaim"))
    assert (said.type, said.holds, said.reason) == ("Accepted", True, "AcceptedNotActedUpon")
    assert said.message.endswith(": spec.resources, spec.reclaim.")


def test_queue_that_asks_for_nothing_is_accepted_without_more() -> None:
    said = queue_views.queue_condition(Queue(TEAM_A), {}, ())
    assert (said.holds, said.reason) == (True, "Accepted")


def test_queue_with_a_missing_parent_names_it_and_still_says_the_rest() -> None:
    said = queue_views.queue_condition(
        Queue(TEAM_A, parent=LAB), {TEAM_A: Queue(TEAM_A)}, ("parent", "order")
    )
    assert (said.holds, said.reason) == (False, "QueueNotFound")
    assert "Queue lab" in said.message
    assert "spec.order" in said.message


def test_the_default_queue_is_a_parent_without_an_object() -> None:
    assert queue_views.queue_condition(Queue(TEAM_A, parent=QueueName("default")), {}, ()).holds


def test_queues_in_a_circle_are_not_accepted_and_the_circle_is_named() -> None:
    queues = {TEAM_A: Queue(TEAM_A, parent=LAB), LAB: Queue(LAB, parent=ALL), ALL: Queue(ALL, parent=LAB)}
    said = queue_views.queue_condition(queues[TEAM_A], queues, ("parent",))
    assert (said.holds, said.reason) == (False, "InvalidSpec")
    assert "team-a in lab in all in lab" in said.message


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 4)), max_size=8),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from("abcde")),
)
def test_a_root_uses_what_all_its_queues_use_together(
    groups: list[tuple[str, int]], parents: dict[str, str]
) -> None:
    queues = {
        QueueName(n): Queue(QueueName(n), parent=QueueName(parents[n]) if n in parents else None)
        for n in "abcd"
    }
    counted = [
        Counted(replace(GROUP, queue=QueueName(name)), [running(n) for n in range(size)])
        for name, size in groups
    ]
    tallies = queue_views.tallies(counted, queues, now=0.0)
    for name in map(QueueName, "abcd"):
        below = [size for own, size in groups if name in queue_views.lineage(QueueName(own), queues)]
        assert tallies.get(name, queue_views.Tally()).used["nvidia.com/gpu"] == 2 * sum(below)
