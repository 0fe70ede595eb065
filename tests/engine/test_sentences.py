"""Why a gang waits, in numbers that are worked out by hand."""

from dataclasses import replace

from scheduler.engine.cycle import decide
from scheduler.engine.sentences import kept_in_part
from scheduler.model.ids import NodeName, PodUid
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.plan import Hold
from scheduler.model.podgroups import TopologyConstraint
from scheduler.model.reasons import Reason
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, node, shape, taken

KEEP_OFF = (Taint("keep-off", TaintEffect.NO_SCHEDULE),)


def said(snapshot: Snapshot) -> tuple[Reason, str]:
    (decision,) = decide(snapshot, default_policies(), now=0.0).decisions
    assert isinstance(decision, Hold)
    return decision.reason, decision.message


def test_what_is_free_and_what_there_is_are_counted_on_nodes_that_may_run_the_members() -> None:
    overcommitted = taken(node("n2", gpus=4), 6)
    states = (taken(node("n0"), 3), node("n1", taints=KEEP_OFF), overcommitted)
    assert said(cluster(*states, g=gang("g", 4, pod=shape(gpus=2)))) == (
        Reason.INSUFFICIENT_RESOURCES,
        "4 members need 8 nvidia.com/gpu, 2 nvidia.com/gpu each; there is room for 2 "
        "(5 nvidia.com/gpu free of 12 nvidia.com/gpu on 2 nodes that may run them).",
    )


def test_one_member_is_counted_in_what_it_asks_for() -> None:
    core = replace(shape(), requests=Resources({"cpu": 1500, "pods": 1}))
    tired = NodeState(node("n0", cpu=4).node, requested=Resources({"cpu": 3000}))
    assert said(cluster(tired, g=gang("g", 1, pod=core)))[1] == (
        "1 member needs 1.5 CPU, 1.5 CPU each; there is room for 0 (1 CPU free of 4 CPU on 1 nodes that may run them)."
    )


def test_what_is_scarce_is_named_also_where_devices_are_free() -> None:
    assert said(cluster(node("n0", cpu=3), g=gang("g", 4)))[1] == (
        "4 members need 4 CPU, 1 CPU each; there is room for 3 (3 CPU free of 3 CPU on 1 nodes that may run them)."
    )
    assert said(cluster(node("n0", pods=2), g=gang("g", 4)))[1] == (
        "4 members need 4 pods, 1 pod each; there is room for 2 (2 pods free of 2 pods on 1 nodes that may run them)."
    )


def test_sums_are_exact_where_they_leave_64_bits() -> None:
    states = (node(f"n{number}", gpus=2**61) for number in range(8))
    assert (
        "there is room for 0 (18446744073709551616 nvidia.com/gpu free"
        in said(cluster(*states, g=gang("g", 1, pod=shape(gpus=2**61 + 1))))[1]
    )


def test_causes_are_told_from_the_most_frequent_on() -> None:
    states = (node("n0", taints=KEEP_OFF), node("n1", unschedulable=True), node("n2", unschedulable=True))
    assert said(cluster(*states, g=gang("g", 1))) == (
        Reason.NO_ELIGIBLE_NODE,
        "No node can run the members: 2 cordoned, 1 tainted.",
    )


def test_cluster_without_nodes_says_so_also_to_a_gang_that_would_start_smaller() -> None:
    for group, pods in (gang("g", 2), gang("g", 2, min_count=1)):
        assert said(cluster(g=(group, pods))) == (Reason.NO_ELIGIBLE_NODE, "The cluster has no nodes.")


def test_nodes_that_kube_scheduler_does_not_offer_are_told_from_those_that_are_full() -> None:
    base = cluster(node("n0"), taken(node("n1"), 8), g=gang("g", 1))
    refused = replace(base, refused={PodUid("g-0"): frozenset({NodeName("n0")})})
    assert said(refused) == (
        Reason.NODE_REFUSED,
        "kube-scheduler does not offer 1 of 2 nodes for 1 members; the others have room for 0.",
    )


def test_equal_gangs_hear_equal_words_and_a_gang_in_between_changes_the_numbers() -> None:
    rack = TopologyConstraint(required="rack")
    racks = {"n0": "r0", "n1": "r1"}
    snapshot = cluster(
        node("n0"),
        node("n1"),
        racks=racks,
        a=gang("a", 9, topology=rack, created_at=1.0),
        b=gang("b", 9, topology=rack, created_at=2.0),
        c=gang("c", 3, created_at=3.0),
        d=gang("d", 9, topology=rack, created_at=4.0),
    )
    a, b, _, d = decide(snapshot, default_policies(), now=0.0).decisions
    assert isinstance(a, Hold)
    assert isinstance(b, Hold)
    assert isinstance(d, Hold)
    assert a.message == b.message
    assert a.message == (
        "No rack has room for the whole gang: rack r0 holds 8 of 9 nvidia.com/gpu; the cluster holds 16."
    )
    assert d.message == (
        "No rack has room for the whole gang: rack r1 holds 8 of 9 nvidia.com/gpu; the cluster holds 13."
    )
    assert {pod for hold in (a, b, d) for pod in hold.members} == {
        PodUid(f"{name}-{number}") for name in "abd" for number in range(9)
    }


def test_gang_that_is_kept_in_part_hears_whom_it_lacks_and_why_it_is_kept() -> None:
    assert kept_in_part(1, 2, waiting=1, kept=1) == (
        "1 of 2 members has a node, no node was found for 1 in time; 1 has no controller that would recreate it, so all are kept."
    )
    assert kept_in_part(2, 5, waiting=1, kept=2) == (
        "2 of 5 members have a node, no node was found for 1 in time, 2 do not exist; "
        "2 have no controller that would recreate them, so all are kept."
    )
    assert kept_in_part(1, 2, waiting=0, kept=1) == (
        "1 of 2 members has a node, 1 does not exist; 1 has no controller that would recreate it, so all are kept."
    )
