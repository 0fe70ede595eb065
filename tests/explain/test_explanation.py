"""What a person is told: the gate that fails, room per domain, what blocks, and what would help."""

from dataclasses import replace

import pytest

from scheduler.explain import Explanation, explain
from scheduler.explain.costs import COSTS, ChangeKind
from scheduler.model.ids import AttemptId, GroupKey, NodeName
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.podgroups import (
    Attempt,
    AttemptPhase,
    PodGroup,
    RecordedMember,
    Role,
    Slice,
    TopologyConstraint,
)
from scheduler.model.pods import HostPort, Pod, PodPhase
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.model.volumes import Volume
from scheduler.policies.registry import default_policies
from tests.build import GPU, cluster, gang, members, node, shape, taken
from tests.volumes import bound, claiming, csi, on, one_each, storage, with_storage

KEY = GroupKey("team", "g")
RACKS = {"n0": "r0", "n1": "r0", "n2": "r1", "n3": "r1"}
FOUR = (node("n0"), node("n1"), node("n2"), node("n3"))
RACK = TopologyConstraint(required="rack")
SPOT = Taint("spot", TaintEffect.NO_SCHEDULE, "true")

Gang = tuple[PodGroup, tuple[Pod, ...]]


def told(snapshot: Snapshot, **more: int) -> Explanation:
    return explain(snapshot, KEY, default_policies(), now=0.0, **more)  # type: ignore[arg-type]


def texts(found: Explanation) -> dict[str, str]:
    return {change.kind.value: change.text for change in found.changes}


def sets(found: Explanation) -> list[list[str]]:
    return [[constraint.name for constraint in each.constraints] for each in found.blocking.sets]


def running(name: str, *nodes: str, gpus: int = 8) -> Gang:
    """A gang with a member on each of these nodes. What it takes is put into the nodes by `using`."""
    group, pods = gang(name, len(nodes), pod=shape(gpus=gpus))
    return group, tuple(
        replace(pod, node=NodeName(n), phase=PodPhase.RUNNING) for pod, n in zip(pods, nodes, strict=True)
    )


def using(states: tuple[NodeState, ...], *gangs: Gang) -> tuple[NodeState, ...]:
    """The nodes with what these gangs take of them."""
    by_name = {state.node.name: state for state in states}
    for _, pods in gangs:
        for pod in pods:
            assert pod.node is not None
            state = by_name[pod.node]
            by_name[pod.node] = replace(state, requested=state.requested + pod.shape.requests)
    return tuple(by_name.values())


# --- gates ----------------------------------------------------------------------------------------------------------------


def test_required_rack_that_is_too_small_is_told_with_every_rack_and_the_ways_out() -> None:
    found = told(cluster(*FOUR, racks=RACKS, g=gang("g", 20, topology=RACK)))
    assert not found.placed
    assert [(gate.name, gate.passed) for gate in found.gates] == [
        ("accepted", True), ("members", True), ("constraints", True), ("eligibility", True), ("resources", True), ("topology", False),
    ]  # fmt: skip
    assert [(d.name, d.members, d.free, d.total) for d in found.domains] == [
        ("r0", 16, 16, 16),
        ("r1", 16, 16, 16),
    ]
    assert sets(found) == [["required level rack"]]
    assert texts(found) == {
        "RelaxLevel": "Make rack topology.preferred instead of required: the gang then starts in 2 racks.",
        "Shrink": "Lower minCount from 20 to 16: so many members have room now.",
        "AddNodes": "Add 1 node like n0 to rack r0.",
    }


def test_every_gate_says_in_numbers_what_was_counted_there() -> None:
    tainted = replace(FOUR[3], node=replace(FOUR[3].node, taints=(SPOT,)))
    found = told(cluster(*FOUR[:3], tainted, racks=RACKS, g=gang("g", 20, topology=RACK)))
    by_name = {gate.name: gate for gate in found.gates}
    assert by_name["members"].text == "20 of 20 members exist"
    assert by_name["eligibility"].text == "may run on 3 of 4 nodes (1 tainted)"
    assert by_name["resources"].text == "room for 24 of 20 on nodes that may run them"
    assert by_name["topology"].text.endswith("Rack r0 holds 16 of 20; the cluster 20.")
    assert dict(by_name["topology"].numbers) == {"needed": 20, "best": 16, "cluster": 20}


def test_gates_behind_the_failing_one_are_not_reached() -> None:
    group, pods = gang("g", 4)
    found = told(cluster(*FOUR, g=(group, pods[:3])))
    assert [gate.passed for gate in found.gates] == [True, False, None, None, None, None]
    assert found.advice == ("Create the missing members, or lower minCount.",)
    assert found.changes == ()


def test_gang_that_has_its_nodes_is_placed() -> None:
    group, _ = gang("g", 1)
    bound = tuple(replace(pod, node=NodeName("n0")) for pod in members("g", 1))
    found = told(cluster(*FOUR, g=(group, bound)))
    assert (found.placed, found.headline) == (True, "Nothing waits: 1 member has a node.")


def test_gang_that_has_lost_a_member_is_not_placed_though_nobody_waits() -> None:
    group, _ = gang("g", 2)
    bound = tuple(replace(pod, node=NodeName("n0")) for pod in members("g", 1))
    found = told(cluster(*FOUR, g=(group, bound)))
    assert (found.placed, found.reason) == (False, "GangIncomplete")
    assert found.headline.startswith("1 of 2 members exist")
    assert [gate.name for gate in found.gates if gate.passed is False] == ["members"]
    assert found.advice == ("Create the missing members, or lower minCount.",)


def test_group_that_is_nowhere_is_said_to_be_nowhere() -> None:
    found = told(cluster(*FOUR))
    assert (found.placed, found.reason) == (False, "PodGroupNotFound")


def test_gang_that_has_room_passes_every_gate_and_needs_no_help() -> None:
    found = told(cluster(*FOUR, racks=RACKS, g=gang("g", 16, topology=RACK)))
    assert {gate.passed for gate in found.gates} == {True}
    assert (found.reason, found.changes, found.blocking.sets) == ("", (), ())


def test_what_an_open_attempt_holds_counts_and_is_named() -> None:
    other, pods = gang("other", 2, pod=shape(gpus=8))
    lines = tuple(RecordedMember(pod.key.name, pod.uid, NodeName(f"n{n}"), n) for n, pod in enumerate(pods))
    attempt = Attempt(AttemptId("e1-1"), 1, 1, 2, AttemptPhase.COMMITTING, lines)
    snapshot = cluster(
        *FOUR, other=(replace(other, attempt=attempt), pods), g=gang("g", 3, pod=shape(gpus=8))
    )
    found = told(snapshot)
    (resources,) = [gate for gate in found.gates if gate.name == "resources"]
    assert resources.passed is False
    assert resources.text.endswith("Room for 2 is reserved for team/other (16 nvidia.com/gpu).")
    assert sets(found) == [["reservation of team/other"]]
    assert "ended attempts hold nothing" and told(_ended(snapshot)).reason == ""


def _ended(snapshot: Snapshot) -> Snapshot:
    key = GroupKey("team", "other")
    group = snapshot.groups[key]
    assert group.attempt is not None
    ended = replace(group, attempt=replace(group.attempt, phase=AttemptPhase.ABORTED))
    return replace(snapshot, groups={**snapshot.groups, key: ended})


# --- room per domain ------------------------------------------------------------------------------------------------------


def test_room_per_domain_keeps_slices_whole() -> None:
    sliced = TopologyConstraint(required="rack", slices=(Slice("host", 4),))
    nodes = tuple(node(f"n{number}", gpus=7) for number in range(4))
    found = told(cluster(*nodes, racks=RACKS, g=gang("g", 12, topology=sliced)))
    assert [(row.name, row.members) for row in found.domains] == [("r0", 8), ("r1", 8)]
    assert "DropSlices" in texts(found)
    assert texts(found)["DropSlices"] == "Drop topology.slices of 4 per host."


def test_room_for_unlike_members_is_told_kind_by_kind() -> None:
    group, pods = gang("g", 5, pod=shape(gpus=4))
    roles = (Role("master", 1), Role("worker", 4))
    unlike = (
        *(replace(pod, role="worker") for pod in pods[:4]),
        replace(pods[4], role="master", shape=shape(gpus=0, cpu=60)),
    )
    nodes = (*FOUR[:2], node("n2", gpus=4, cpu=8), node("n3", gpus=4, cpu=8))
    found = told(cluster(*nodes, racks=RACKS, g=(replace(group, roles=roles, topology=RACK), unlike)))
    assert found.reason == "", "rack r0 holds both kinds"
    crowded = told(
        cluster(
            *using(nodes, running("r", "n0", gpus=6)),
            racks=RACKS,
            g=(replace(group, roles=roles, topology=RACK), unlike),
        )
    )
    rows = {row.name: {kind.kind: (kind.fit, kind.needed) for kind in row.kinds} for row in crowded.domains}
    assert rows == {"r0": {"master": (2, 1), "worker": (2, 4)}, "r1": {"master": (0, 1), "worker": (2, 4)}}


def test_together_is_not_claimed_where_each_kind_fits_alone_but_not_both() -> None:
    group, pods = gang("g", 2)
    unlike = (replace(pods[0], shape=shape(gpus=8, cpu=1)), replace(pods[1], shape=shape(gpus=1, cpu=64)))
    found = told(cluster(node("n0"), g=(group, unlike)))
    (row,) = found.domains
    assert (row.members, row.is_exact) == (2, False)


# --- what blocks ----------------------------------------------------------------------------------------------------------


def test_two_taints_that_block_only_together_are_one_set_of_two() -> None:
    old = Taint("old", TaintEffect.NO_SCHEDULE)
    both = tuple(replace(s, node=replace(s.node, taints=(SPOT, old))) for s in FOUR[:2])
    found = told(cluster(*both, *FOUR[2:], g=gang("g", 4, pod=shape(gpus=8))))
    assert sets(found) == [["taint old:NoSchedule", "taint spot=true:NoSchedule"]]
    assert all(each.is_irreducible for each in found.blocking.sets)
    assert {r.constraint.name: (r.fit, r.needed, r.verdict.value) for r in found.blocking.relaxations} == {
        "taint old:NoSchedule": (2, 4, "waits"),
        "taint spot=true:NoSchedule": (2, 4, "waits"),
    }


def test_three_that_block_only_together_are_found_by_imposing_again() -> None:
    taints = tuple(Taint(name, TaintEffect.NO_SCHEDULE) for name in ("a", "b", "c"))
    closed = tuple(
        replace(s, node=replace(s.node, taints=(taint,))) for s, taint in zip(FOUR, taints, strict=False)
    )
    found = told(cluster(*closed, FOUR[3], g=gang("g", 4, pod=shape(gpus=8))))
    assert sets(found) == [["taint a:NoSchedule", "taint b:NoSchedule", "taint c:NoSchedule"]]
    assert [r.fit for r in found.blocking.relaxations] == [2, 2, 2], "each alone lets one more in"


def test_selector_and_affinity_are_told_apart_by_label() -> None:
    labelled = tuple(replace(s, node=replace(s.node, labels={"gpu": "h100", "zone": "a"})) for s in FOUR[:2])
    asking = shape(gpus=8, node_selector=(("gpu", "h100"), ("zone", "b")))
    found = told(cluster(*labelled, *FOUR[2:], g=gang("g", 2, pod=asking)))
    assert sets(found) == [["node selector zone=b"]]


def test_node_refused_by_kube_scheduler_is_a_constraint() -> None:
    group, pods = gang("g", 4, pod=shape(gpus=8))
    refused = {pod.uid: frozenset({NodeName("n0")}) for pod in pods}
    found = told(replace(cluster(*FOUR, g=(group, pods)), refused=refused))
    assert found.reason == "NodeRefused"
    assert sets(found) == [["nodes refused by kube-scheduler"]]


def test_host_port_in_use_is_a_constraint() -> None:
    port = HostPort("TCP", 8080)
    busy = replace(FOUR[0], host_ports=(port,))
    found = told(cluster(busy, *FOUR[1:], g=gang("g", 4, pod=shape(host_ports=(port,)))))
    assert sets(found) == [["host port TCP 8080 in use"]]


def test_volumes_that_not_every_node_reaches_are_a_constraint_that_names_the_claim() -> None:
    states = tuple(node(f"n{number}", labels={"host": f"n{number}"}) for number in range(4))
    facts = storage(bound(data=Volume(reach=on("host", "n1"))))
    group, pods = gang("g", 12)
    found = told(with_storage(cluster(*states, g=(group, claiming(pods, "data"))), facts))
    assert found.reason == "InsufficientResources"
    assert "The volume pv-data of claim team/data is in reach of 1 of 4 nodes." in found.headline
    eligibility = next(gate for gate in found.gates if gate.name == "eligibility")
    assert eligibility.text == "may run on 1 of 4 nodes (3 volume out of reach)"
    assert sets(found) == [["volumes of data"]]


def test_volumes_that_nodes_cannot_attach_beside_others_are_a_constraint() -> None:
    facts = storage(
        bound(**{f"c{number}": csi(f"v{number}") for number in range(4)}), limits={"n0": 1, "n1": 1}
    )
    group, pods = gang("g", 4)
    found = told(with_storage(cluster(node("n0"), node("n1"), g=(group, one_each(pods))), facts))
    assert found.reason == "InsufficientResources"
    assert sets(found) == [["volumes of c0, c1, c2 and others"]]


def test_claim_that_is_not_ready_fails_at_the_constraints_and_is_named() -> None:
    group, pods = gang("g", 2)
    found = told(cluster(*FOUR, g=(group, claiming(pods, "data"))))
    assert found.reason == "VolumeNotReady"
    failed = next(gate for gate in found.gates if gate.passed is False)
    assert (failed.name, failed.text) == (
        "constraints",
        "The volume claim team/data does not exist; create it.",
    )
    assert found.advice == ("See `kubectl describe pvc` for the claim that is named.",)


def test_level_that_no_node_carries_blocks_alone() -> None:
    found = told(cluster(*FOUR, racks=RACKS, g=gang("g", 4, topology=TopologyConstraint(required="nvl"))))
    assert found.reason == "TopologyLevelNotFound"
    assert sets(found) == [["required level nvl"]]
    assert texts(found)["RelaxLevel"].startswith("Drop topology.required nvl")


def test_gang_larger_than_the_cluster_is_said_to_be() -> None:
    found = told(cluster(*FOUR, g=gang("g", 40)))
    assert sets(found) == []
    assert found.outsized == (
        "Were it empty and nothing in the way, the cluster has room for 32 of 40 members: they ask for 40 nvidia.com/gpu and "
        "the cluster has 32 nvidia.com/gpu. The gang is larger than the cluster."
    )
    assert texts(found)["AddNodes"] == "Add 1 node like n0."


def test_member_larger_than_any_node_is_said_to_be() -> None:
    found = told(cluster(*FOUR, g=gang("g", 2, pod=shape(gpus=16))))
    assert "a member asks for 16 nvidia.com/gpu and the largest node has 8 nvidia.com/gpu" in found.outsized
    assert texts(found)["LowerRequest"] == (
        "Lower the request of each member from 16 nvidia.com/gpu to 8 nvidia.com/gpu at most: then the whole gang has room now."
    )


def test_unlike_members_that_only_do_not_go_together_are_not_called_larger_than_the_cluster() -> None:
    group, pods = gang("g", 5)
    unlike = tuple(replace(pod, shape=shape(gpus=5 if number < 2 else 2)) for number, pod in enumerate(pods))
    found = told(cluster(*FOUR[:2], g=(group, unlike)))
    assert found.outsized == (
        "Were it empty and nothing of this in the way, the cluster would still not hold the 5 members: "
        "The nodes have no room for the unlike members together, though they have for each kind alone."
    )
    assert texts(found)["AddNodes"] == "Add 1 node like n0."


def test_unlike_members_that_ask_for_more_than_there_is_together_are_seen_without_a_search() -> None:
    group, pods = gang("g", 3)
    unlike = tuple(replace(pod, shape=shape(gpus=8 if number < 2 else 1)) for number, pod in enumerate(pods))
    found = told(cluster(*FOUR[:2], g=(group, unlike)))
    assert "they ask for 17 nvidia.com/gpu together and the cluster has 16 nvidia.com/gpu" in found.outsized
    assert texts(found)["AddNodes"] == "Add 1 node like n0."


def test_members_that_ask_for_what_is_not_counted_are_counted_at_most() -> None:
    asking = shape(gpus=8, unevaluated=("podAffinity",))
    beside = default_policies(holds_unevaluated=False)
    found = explain(cluster(*FOUR, g=gang("g", 5, pod=asking)), KEY, beside, now=0.0)
    assert found.reason == "InsufficientResources"
    assert not any(each.is_exact for each in found.blocking.relaxations)
    assert "at most 4 of 5 members" in found.outsized


def test_many_taints_are_told_apart_up_to_a_bound_and_all_relaxed_is_still_all() -> None:
    nodes = [
        node(f"n{number}", taints=(Taint(f"t{number:02}", TaintEffect.NO_SCHEDULE),)) for number in range(20)
    ]
    found = told(cluster(*nodes, g=gang("g", 20, pod=shape(gpus=8))))
    assert found.outsized == ""
    (blocking,) = sets(found)
    assert blocking[-1] == "8 other taints"
    assert len(blocking) == 13


# --- what would help ------------------------------------------------------------------------------------------------------


def test_smallest_set_of_groups_to_wait_for_is_named_with_what_they_hold() -> None:
    big, small, other = running("big", "n0", "n1"), running("small", "n2"), running("other", "n3", gpus=1)
    nodes = using(FOUR, big, small, other)
    found = told(cluster(*nodes, big=big, small=small, other=other, g=gang("g", 1, pod=shape(gpus=8))))
    assert (
        texts(found)["Wait"] == "Wait until team/other (1 nvidia.com/gpu) ends; when that is, is not known."
    )
    assert texts(found)["RemoveGroups"] == "Remove team/other (1 nvidia.com/gpu)."


def test_groups_that_share_a_node_are_both_named() -> None:
    one, two = running("one", "n0", gpus=4), running("two", "n0", gpus=4)
    nodes = using(FOUR[:1], one, two)
    found = told(cluster(*nodes, one=one, two=two, g=gang("g", 1, pod=shape(gpus=8))))
    assert (
        texts(found)["RemoveGroups"] == "Remove team/one (4 nvidia.com/gpu) and team/two (4 nvidia.com/gpu)."
    )


def test_what_runs_without_tutti_can_only_be_waited_for() -> None:
    states = tuple(taken(state, 6) for state in FOUR)
    found = told(cluster(*states, g=gang("g", 20)))
    assert found.reason == "InsufficientResources"
    assert texts(found) == {
        "Wait": "Wait until others end, pods that are not Tutti's too: the empty cluster has room for the whole gang.",
        "Shrink": "Lower minCount from 20 to 8: so many members have room now.",
        "AddNodes": "Add 2 nodes like n0.",
    }


def test_fewest_nodes_are_uncordoned_and_named() -> None:
    cordoned = tuple(replace(s, node=replace(s.node, unschedulable=True)) for s in FOUR[1:])
    found = told(cluster(FOUR[0], *cordoned, g=gang("g", 3, pod=shape(gpus=8))))
    assert texts(found)["Uncordon"] == "Uncordon n1 and n2."


def test_taint_of_kubernetes_is_cured_not_removed() -> None:
    ill = Taint("node.kubernetes.io/not-ready", TaintEffect.NO_SCHEDULE)
    nodes = tuple(replace(s, node=replace(s.node, taints=(ill,))) for s in FOUR)
    found = told(cluster(*nodes, g=gang("g", 1)))
    assert (
        texts(found)["RemoveTaint"] == "Cure what puts taint node.kubernetes.io/not-ready:NoSchedule on n0."
    )


def test_nearest_wider_level_is_named() -> None:
    blocks = dict.fromkeys(RACKS, "b0")
    found = told(cluster(*FOUR, racks=RACKS, blocks=blocks, g=gang("g", 20, topology=RACK)))
    assert texts(found)["RelaxLevel"] == (
        "Ask for topology.required block instead of rack: the gang then starts in block b0."
    )


def test_shrunk_gang_keeps_its_slices_whole() -> None:
    sliced = TopologyConstraint(slices=(Slice("host", 4),))
    found = told(cluster(*(node(f"n{n}", gpus=7) for n in range(3)), g=gang("g", 16, topology=sliced)))
    assert texts(found)["Shrink"] == "Lower minCount from 16 to 12: so many members have room now."


def test_role_that_is_too_large_is_the_one_that_shrinks() -> None:
    group, pods = gang("g", 5)
    roles = (Role("master", 1), Role("worker", 4))
    unlike = (
        *(replace(p, role="worker", shape=shape(gpus=8)) for p in pods[:4]),
        replace(pods[4], role="master", shape=shape(gpus=0, cpu=60)),
    )
    found = told(cluster(*FOUR[:3], node("c", gpus=0), g=(replace(group, roles=roles), unlike)))
    assert (
        texts(found)["Shrink"] == "Lower minCount of role worker from 4 to 3: so many members have room now."
    )
    (change,) = [each for each in found.changes if each.kind is ChangeKind.SHRINK]
    assert change.options == ("--set worker.minCount=3",)


def test_changes_come_in_the_order_of_the_table_of_costs() -> None:
    cordoned = replace(FOUR[1], node=replace(FOUR[1].node, unschedulable=True))
    runs = running("r", "n0")
    found = told(cluster(*using((FOUR[0],), runs), cordoned, r=runs, g=gang("g", 1, pod=shape(gpus=8))))
    assert [change.cost for change in found.changes] == sorted(change.cost for change in found.changes)
    assert [change.kind.value for change in found.changes][:2] == ["Wait", "Uncordon"]
    assert set(COSTS) == set(ChangeKind)


@pytest.mark.parametrize("most", [0, 1, 2])
def test_bound_on_questions_is_kept_and_said(most: int) -> None:
    found = told(cluster(*FOUR, racks=RACKS, g=gang("g", 20, topology=RACK)), most_questions=most)
    assert found.questions <= most + 1
    assert f"the bound of {most} decisions" in found.notes[-1]


def test_gangs_that_have_their_turn_first_are_told_beside_the_changes() -> None:
    first, other = (gang(name, 2, pod=shape(gpus=8)) for name in "ab")
    snapshot = cluster(node("n0"), a=first, b=other)
    policies = default_policies()
    told = {name: explain(snapshot, GroupKey("team", name), policies, now=0.0) for name in "ab"}
    assert all(each.changes for each in told.values())
    assert told["a"].notes == ()
    assert told["b"].notes == (
        "1 gang that waits has its turn before this one, and may take the room that a change makes; `tutti what-if` decides all of them.",
    )


def test_plain_values_hold_all_of_it() -> None:
    found = told(cluster(*FOUR, racks=RACKS, g=gang("g", 20, topology=RACK))).to_dict()
    assert found["blockingSets"] == [{"constraints": ["required level rack"], "isIrreducible": True}]
    assert found["changes"][0] == {
        "kind": "RelaxLevel",
        "cost": 4,
        "text": "Make rack topology.preferred instead of required: the gang then starts in 2 racks.",
        "whatIf": "--set required= --set preferred=rack",
    }
    assert found["domains"][0]["resource"] == GPU
