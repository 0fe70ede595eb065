"""Each change to a snapshot changes what it names and nothing else."""

from dataclasses import replace

from scheduler.engine.cycle import decide
from scheduler.explain.edits import Counts, Request, Required, Tolerating, edited
from scheduler.explain.surroundings import (
    AllElseEnds,
    Cordoned,
    GivenBack,
    MoreNodes,
    RemovedGroups,
    Uncordoned,
    Unreserved,
    Untainted,
)
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.plan import Admit
from scheduler.model.podgroups import Role, TopologyConstraint
from scheduler.model.pods import PodPhase
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.resources import Resources
from scheduler.model.snapshot import Snapshot
from scheduler.policies.registry import default_policies
from tests.build import GPU, cluster, gang, node, shape, taken

G, R = GroupKey("team", "g"), GroupKey("team", "r")
N0, N1 = NodeName("n0"), NodeName("n1")
RACKS = {"n0": "r0", "n1": "r1"}
CORDON = Taint("node.kubernetes.io/unschedulable", TaintEffect.NO_SCHEDULE)
SPOT = Taint("spot", TaintEffect.NO_SCHEDULE)


def starts(snapshot: Snapshot) -> bool:
    plan = decide(snapshot, default_policies(), now=0.0, only=frozenset({G}))
    return isinstance(plan.decisions[0], Admit)


def test_snapshot_that_is_changed_stays_as_it_was() -> None:
    before = cluster(node("n0"), racks=RACKS, g=gang("g", 4, topology=TopologyConstraint("rack")))
    again = cluster(node("n0"), racks=RACKS, g=gang("g", 4, topology=TopologyConstraint("rack")))
    edited(before, [Required(G, None), Counts(G, 2), Cordoned((N0,)), MoreNodes(2, N0, N0), AllElseEnds(G)])
    assert (before.nodes, before.groups, before.members) == (again.nodes, again.groups, again.members)


def test_edit_that_names_nothing_there_is_changes_nothing() -> None:
    before = cluster(node("n0"), g=gang("g", 4))
    nobody = GroupKey("team", "nobody")
    edits = [
        Required(nobody, "rack"),
        Uncordoned((NodeName("n9"),)),
        RemovedGroups((nobody,)),
        MoreNodes(1, NodeName("n9"), N0),
    ]
    after = edited(before, edits)
    assert (after.nodes, after.groups, after.members) == (before.nodes, before.groups, before.members)


def test_counts_change_the_gang_and_the_named_role_only() -> None:
    group, pods = gang("g", 5)
    roles = (Role("master", 1), Role("worker", 4))
    after = Counts(G, 3, (("worker", 2),)).on(cluster(node("n0"), g=(replace(group, roles=roles), pods)))
    assert after.groups[G].min_count == 3
    assert [(role.name, role.min_count) for role in after.groups[G].roles] == [("master", 1), ("worker", 2)]


def test_request_changes_waiting_members_of_the_role_only() -> None:
    group, pods = gang("g", 3, pod=shape(gpus=4))
    mixed = (
        replace(pods[0], role="master"),
        replace(pods[1], role="worker"),
        replace(pods[2], role="worker", node=N0),
    )
    roles = (Role("master", 1), Role("worker", 2))
    after = Request(G, GPU, 2, "worker").on(cluster(node("n0"), g=(replace(group, roles=roles), mixed)))
    assert [pod.shape.requests[GPU] for pod in after.members[G]] == [4, 2, 4]
    assert GPU not in Request(G, GPU, 0).on(after).members[G][1].shape.requests


def test_equal_members_share_a_shape_afterwards_too() -> None:
    after = Tolerating(G, SPOT).on(cluster(node("n0"), g=gang("g", 3)))
    assert len({id(pod.shape) for pod in after.members[G]}) == 1


def test_what_is_given_back_is_one_resource() -> None:
    before = cluster(taken(node("n0"), 8), node("n1"))
    after = GivenBack(GPU).on(before)
    assert after.nodes[N0].requested == Resources({"pods": 1})
    assert after.nodes[N1] is before.nodes[N1]


def test_removed_group_gives_back_what_its_live_members_hold_never_more_than_the_node_shows() -> None:
    group, pods = gang("r", 3, pod=shape(gpus=4))
    there = (
        replace(pods[0], node=N0, phase=PodPhase.RUNNING),
        replace(pods[1], node=N0, phase=PodPhase.SUCCEEDED),
        replace(pods[2], node=N1, phase=PodPhase.RUNNING),
    )
    before = cluster(taken(node("n0"), 6), taken(node("n1"), 2), r=(group, there), g=gang("g", 1))
    after = RemovedGroups((R,)).on(before)
    assert (after.nodes[N0].requested[GPU], after.nodes[N1].requested[GPU]) == (2, 0)
    assert set(after.groups) == set(after.members) == {G}


def test_removed_group_holds_no_reservation() -> None:
    slot = HeldSlot(PodKey("team", "r-0"), PodUid("r-0"), N0, shape(gpus=8))
    held = replace(
        cluster(node("n0"), g=gang("g", 8)), reservations=(Reservation(R, AttemptId("e1-1"), (slot,)),)
    )
    assert not starts(held)
    assert starts(RemovedGroups((R,)).on(held))
    assert starts(Unreserved((R,)).on(held))


def test_when_all_else_ends_the_gangs_own_members_stay() -> None:
    group, pods = gang("g", 2, pod=shape(gpus=4))
    bound = (replace(pods[0], node=N0, phase=PodPhase.RUNNING), pods[1])
    after = AllElseEnds(G).on(cluster(taken(node("n0"), 8), r=gang("r", 1), g=(group, bound)))
    assert after.nodes[N0].requested == shape(gpus=4).requests
    assert set(after.groups) == {G}


def test_uncordoned_node_loses_the_taint_that_goes_with_it_and_keeps_others() -> None:
    state = node("n0", unschedulable=True, taints=(CORDON, SPOT))
    after = Uncordoned((N0,)).on(cluster(state)).nodes[N0].node
    assert (after.unschedulable, after.taints) == (False, (SPOT,))
    assert Untainted(SPOT, (N0,)).on(cluster(state)).nodes[N0].node.taints == (CORDON,)


def test_cordon_is_tolerated_whatever_value_its_taint_has() -> None:
    odd = replace(CORDON, value="by-hand", effect=TaintEffect.NO_EXECUTE)
    before = cluster(node("n0", unschedulable=True, taints=(odd,)), g=gang("g", 1))
    assert not starts(before)
    assert starts(Tolerating(G, CORDON).on(before))


def test_more_nodes_are_empty_open_new_and_at_home_beside_the_named_one() -> None:
    labels = {"kubernetes.io/hostname": "n0", "example.com/rack": "r0", "gpu": "h100"}
    model = node("n0", unschedulable=True, taints=(CORDON, SPOT), labels=labels)
    neighbour = node("n1", gpus=4, labels={"example.com/rack": "r1"})
    after = MoreNodes(2, N0, N1).on(cluster(taken(model, 8), neighbour, racks=RACKS))
    new = after.nodes[NodeName("n0+1")]
    assert set(after.nodes) == {"n0", "n1", "n0+1", "n0+2"}
    assert (new.requested, new.node.unschedulable, new.node.taints) == (Resources(), False, (SPOT,))
    assert dict(new.node.labels) == {
        "kubernetes.io/hostname": "n0+1",
        "example.com/rack": "r1",
        "gpu": "h100",
    }
    assert {f.node for f in after.evidence.facts if f.domain == "r1"} == {"n1", "n0+1", "n0+2"}


def test_more_nodes_do_not_take_names_that_there_are() -> None:
    after = MoreNodes(1, N0, N0).on(cluster(node("n0"), node("n0+1")))
    assert set(after.nodes) == {"n0", "n0+1", "n0+2"}
