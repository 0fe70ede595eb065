"""What a Queue and a Topology say of the cluster."""

from dataclasses import replace

from scheduler.controller import views
from scheduler.model.ids import QueueName
from scheduler.model.queues import Queue
from scheduler.model.resources import Resources
from tests.controller.building import GROUP, ended, pod, running

TEAM_A = QueueName("team-a")
IN_A = replace(GROUP, queue=TEAM_A)
CAPACITY = Resources({"cpu": 100_000, "nvidia.com/gpu": 16, "pods": 1000})


def test_queue_uses_what_its_live_bound_members_ask_for() -> None:
    groups = views.by_queue([(IN_A, [running(0), running(1), pod(2), ended(3)]), (GROUP, [running(4)])])
    usage = {line["name"]: line["used"] for line in views.queue_status(TEAM_A, groups, CAPACITY)["usage"]}
    assert usage == {"cpu": "3000m", "nvidia.com/gpu": "4", "pods": "2"}


def test_queue_counts_groups_that_wait_and_their_gpus() -> None:
    waits = (IN_A, [pod(0), pod(1), pod(2, is_gated=True)])
    runs = (IN_A, [running(3), running(4), pod(5)])
    status = views.queue_status(TEAM_A, views.by_queue([waits, runs]), CAPACITY)
    assert (status["pendingGroups"], status["pendingGPUs"]) == (1, 4)


def test_dominant_share_is_that_of_the_scarcest_resource() -> None:
    groups = views.by_queue([(IN_A, [running(0), running(1)])])
    assert views.queue_status(TEAM_A, groups, CAPACITY)["dominantShare"] == 0.25  # 4 of 16 GPUs


def test_queue_that_nobody_uses_says_zero_and_divides_by_nothing() -> None:
    assert views.queue_status(TEAM_A, {}, Resources()) == {
        "usage": [],
        "dominantShare": 0.0,
        "pendingGroups": 0,
        "pendingGPUs": 0,
    }


def test_resource_that_no_node_has_does_not_count_in_the_share() -> None:
    groups = views.by_queue([(IN_A, [running(0)])])
    assert views.queue_status(TEAM_A, groups, Resources())["dominantShare"] == 0.0


def test_gpus_of_every_vendor_are_gpus() -> None:
    assert views.gpus(Resources({"nvidia.com/gpu": 2, "amd.com/gpu": 3, "cpu": 4000})) == 5


def test_queue_is_accepted_and_says_that_quotas_are_not_acted_upon() -> None:
    said = views.queue_condition(Queue(TEAM_A), frozenset({TEAM_A}))
    assert (said.type, said.holds, said.reason) == ("Accepted", True, "AcceptedNotActedUpon")


def test_queue_with_a_missing_parent_names_it() -> None:
    said = views.queue_condition(Queue(TEAM_A, parent=QueueName("lab")), frozenset({TEAM_A}))
    assert (said.holds, said.reason) == (False, "QueueNotFound")
    assert "lab" in said.message


def test_the_default_queue_is_a_parent_without_an_object() -> None:
    assert views.queue_condition(Queue(TEAM_A, parent=QueueName("default")), frozenset({TEAM_A})).holds


def test_topology_in_use_whose_labels_nodes_carry_is_accepted() -> None:
    said = views.topology_condition(
        ["block", "rack"], ["x/block", "x/rack"], frozenset({"x/block", "x/rack"}), True
    )
    assert (said.holds, said.reason) == (True, "Accepted")
    assert "block, rack" in said.message


def test_topology_whose_label_no_node_carries_names_level_and_label() -> None:
    said = views.topology_condition(["block", "rack"], ["x/block", "x/rakc"], frozenset({"x/block"}), True)
    assert (said.holds, said.reason) == (False, "TopologyLevelNotFound")
    assert "rack (x/rakc)" in said.message
    assert "block" not in said.message


def test_topology_that_is_not_the_one_in_use_says_so() -> None:
    said = views.topology_condition(["rack"], ["x/rack"], frozenset({"x/rack"}), False)
    assert (said.holds, said.reason) == (True, "AcceptedNotActedUpon")
    assert "default" in said.message
