"""What a person is told: the gate that fails, room per domain, and remedies that were tried."""

from dataclasses import replace

from scheduler.explain import explain
from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.podgroups import TopologyConstraint
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, members, node, taken

KEY = GroupKey("team", "g")
RACKS = {"n0": "r0", "n1": "r0", "n2": "r1", "n3": "r1"}
FOUR = (node("n0"), node("n1"), node("n2"), node("n3"))


def test_required_rack_that_is_too_small_is_told_with_every_rack_and_three_ways_out() -> None:
    found = explain(
        cluster(*FOUR, racks=RACKS, g=gang("g", 20, topology=TopologyConstraint(required="rack"))),
        KEY,
        default_policies(),
        now=0.0,
    )
    assert not found.placed
    assert [(gate.name, gate.passed) for gate in found.gates] == [
        ("accepted", True), ("members", True), ("constraints", True), ("eligibility", True), ("resources", True), ("topology", False),
    ]  # fmt: skip
    assert [(d.name, d.members, d.free, d.total) for d in found.domains] == [
        ("r0", 16, 16, 16),
        ("r1", 16, 16, 16),
    ]
    assert found.remedies == (
        "Ask for topology.preferred instead of required rack: then the gang starts now, in more than one.",
        "Lower minCount to 16: so many members have room now.",
        "Add 1 node like n3: even the empty cluster has too little room.",
    )


def test_full_cluster_is_waited_for() -> None:
    states = tuple(taken(state, 6) for state in FOUR)
    found = explain(cluster(*states, g=gang("g", 20)), KEY, default_policies(), now=0.0)
    assert found.reason == "InsufficientResources"
    assert found.remedies == (
        "Lower minCount to 8: so many members have room now.",
        "Wait until others end: the empty cluster has room for the whole gang.",
    )


def test_gates_behind_the_failing_one_are_not_reached() -> None:
    group, pods = gang("g", 4)
    found = explain(cluster(*FOUR, g=(group, pods[:3])), KEY, default_policies(), now=0.0)
    assert [gate.passed for gate in found.gates] == [True, False, None, None, None, None]
    assert found.remedies == ("Create the missing members, or lower minCount.",)


def test_gang_that_has_its_nodes_is_placed() -> None:
    group, _ = gang("g", 1)
    bound = tuple(replace(pod, node=NodeName("n0")) for pod in members("g", 1))
    found = explain(cluster(*FOUR, g=(group, bound)), KEY, default_policies(), now=0.0)
    assert (found.placed, found.headline) == (True, "Nothing waits: 1 members have a node.")


def test_group_that_is_nowhere_is_said_to_be_nowhere() -> None:
    found = explain(cluster(*FOUR), KEY, default_policies(), now=0.0)
    assert (found.placed, found.reason) == (False, "PodGroupNotFound")
