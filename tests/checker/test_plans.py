"""The judge finds each kind of wrong when a sound plan is spoilt in just that way, and nothing in the sound plan."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.plan import Admit, Assignment, Plan
from scheduler.model.podgroups import Attempt, AttemptPhase, Role, Slice, TopologyConstraint
from scheduler.model.pods import HostPort, Pod, PodPhase
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.snapshot import NodeState, Snapshot
from tests.build import GPU, cluster, gang, node, shape, taken
from tests.checker.plans import wrongs

KEY = GroupKey("team", "g")
RACKS = {"n0": "r0", "n1": "r0", "n2": "r1"}
POD = shape(gpus=4, host_ports=())


def world(**spec: object) -> Snapshot:
    """Three nodes of 8 GPUs in two racks; a gang of three pods of 4."""
    nodes = [node(name, gpus=8, cpu=64, pods=10) for name in RACKS]
    return cluster(*nodes, racks=RACKS, g=gang("g", 3, pod=POD, **spec))


def plan(snapshot: Snapshot, *names: str) -> Plan:
    """Put the gang's members on these nodes, in order."""
    slots = tuple(
        Assignment(pod.key, pod.uid, NodeName(name), rank)
        for rank, (pod, name) in enumerate(zip(snapshot.members[KEY], names, strict=False))
    )
    return Plan((Admit(KEY, 3, 1, slots),))


def with_node(snapshot: Snapshot, name: str, change: Callable[[NodeState], NodeState]) -> Snapshot:
    key = NodeName(name)
    return replace(snapshot, nodes={**snapshot.nodes, key: change(snapshot.nodes[key])})


def with_pods(snapshot: Snapshot, change: Callable[[int, Pod], Pod]) -> Snapshot:
    pods = tuple(change(number, pod) for number, pod in enumerate(snapshot.members[KEY]))
    return replace(snapshot, members={KEY: pods})


def node_changed(state: NodeState, **changes: object) -> NodeState:
    return replace(state, node=replace(state.node, **changes))  # type: ignore[arg-type]


def wrong(snapshot: Snapshot, spoilt: Plan, **how: bool) -> str:
    """Return the one wrong that there is."""
    (found,) = wrongs(snapshot, spoilt, **how)
    return found


def test_sound_plan_has_no_wrong() -> None:
    assert wrongs(world(), plan(world(), "n0", "n0", "n1")) == []
    assert wrongs(world(), Plan()) == []


# --- nodes ----------------------------------------------------------------------------------------------------------------


def test_node_that_gives_more_than_it_has_is_wrong() -> None:
    assert wrong(world(), plan(world(), "n0", "n0", "n0")) == f"n0 would carry 12 of 8 {GPU}"


def test_what_others_use_counts() -> None:
    used = with_node(world(), "n0", lambda state: taken(state, 5))
    assert wrong(used, plan(used, "n0", "n1", "n1")) == f"n0 would carry 9 of 8 {GPU}"


def test_number_of_pods_counts() -> None:
    few = with_node(world(), "n0", lambda state: node("n0", pods=1))
    assert wrong(few, plan(few, "n0", "n0", "n1")) == "n0 would carry 2 of 1 pods"


def test_reservation_counts_until_its_pod_is_bound() -> None:
    slot = HeldSlot(PodKey("team", "x"), PodUid("x"), NodeName("n0"), shape(gpus=5))
    held = replace(
        world(), reservations=(Reservation(GroupKey("team", "other"), AttemptId("e1-1"), (slot,)),)
    )
    assert wrong(held, plan(held, "n0", "n1", "n1")) == f"n0 would carry 9 of 8 {GPU}"
    key = GroupKey("team", "other")
    pod = Pod(slot.pod, slot.uid, slot.shape, group=key, node=NodeName("n0"))
    seen = replace(held, members={**held.members, key: (pod,)})
    assert wrongs(seen, plan(seen, "n0", "n1", "n1")) == [], "what it takes is in the node's state now"


def test_node_may_be_short_of_what_nobody_asks_for() -> None:
    short = with_node(world(), "n0", lambda state: node("n0", gpus=8, cpu=0))
    free = with_pods(short, lambda _, pod: replace(pod, shape=shape(gpus=4, cpu=0)))
    overcommitted = with_node(
        free, "n0", lambda state: replace(state, requested=shape(gpus=0, cpu=3).requests)
    )
    assert wrongs(overcommitted, plan(overcommitted, "n0", "n0", "n1")) == []


def test_two_pods_on_one_host_port_are_wrong() -> None:
    ported = with_pods(
        world(), lambda _, pod: replace(pod, shape=shape(gpus=1, host_ports=(HostPort("TCP", 80),)))
    )
    assert wrong(ported, plan(ported, "n0", "n0", "n1")) == "team/g-1 wants a host port of n0 that is taken"
    busy = with_node(
        ported, "n2", lambda state: replace(state, host_ports=(HostPort("TCP", 80, "10.0.0.1"),))
    )
    assert wrong(busy, plan(busy, "n0", "n1", "n2")) == "team/g-2 wants a host port of n2 that is taken"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unschedulable": True}, "it is cordoned"),
        ({"taints": (Taint("team", TaintEffect.NO_SCHEDULE),)}, "its taint team:NoSchedule is not tolerated"),
    ],
)
def test_node_that_keeps_the_pod_away_is_wrong(changes: dict[str, object], words: str) -> None:
    away = with_node(world(), "n1", lambda state: node_changed(state, **changes))
    assert wrong(away, plan(away, "n0", "n0", "n1")) == f"team/g-2 may not run on n1: {words}"


def test_selector_that_does_not_match_is_wrong() -> None:
    choosy = with_pods(
        world(), lambda _, pod: replace(pod, shape=shape(gpus=1, node_selector=(("kind", "fast"),)))
    )
    labelled = with_node(choosy, "n0", lambda state: node_changed(state, labels={"kind": "fast"}))
    assert wrongs(labelled, plan(labelled, "n0", "n0", "n0")) == []
    assert wrong(labelled, plan(labelled, "n0", "n0", "n1")).endswith("its label kind is not fast")


def test_node_that_is_gone_or_refused_is_wrong() -> None:
    assert wrong(world(), plan(world(), "n0", "n0", "n9")) == "n9 does not exist"
    refused = replace(world(), refused={PodUid("g-2"): frozenset({NodeName("n1")})})
    assert wrong(refused, plan(refused, "n0", "n0", "n1")) == "n1 was refused for team/g-2"


# --- gangs ----------------------------------------------------------------------------------------------------------------


def test_gang_partly_placed_is_wrong() -> None:
    assert wrong(world(), plan(world(), "n0", "n0")) == "team/g would stand with 2 of 3 members"


def test_members_that_are_bound_already_make_the_gang_whole() -> None:
    begun = with_pods(world(), lambda n, pod: replace(pod, node=NodeName("n0")) if n == 2 else pod)
    assert wrongs(begun, plan(begun, "n0", "n0")) == []


def test_member_that_ended_well_stands_only_once_the_gang_had_started() -> None:
    ended = with_pods(
        world(), lambda n, pod: replace(pod, node=NodeName("n0"), phase=PodPhase.SUCCEEDED) if n == 2 else pod
    )
    assert wrong(ended, plan(ended, "n0", "n0")) == "team/g would stand with 2 of 3 members"
    attempt = Attempt(AttemptId("e1-1"), 1, 1, 3, AttemptPhase.COMMITTED, ())
    started = replace(ended, groups={KEY: replace(ended.groups[KEY], attempt=attempt)})
    assert wrongs(started, plan(started, "n0", "n0")) == []


def test_gang_above_its_maximum_is_wrong() -> None:
    small = world(min_count=2, max_count=2)
    assert wrong(small, plan(small, "n0", "n0", "n1")) == "team/g would have 3 members and allows 2"


def test_gang_without_a_role_it_needs_is_wrong() -> None:
    roles = (Role("leader", 1), Role("worker", 1))
    cast = with_pods(
        world(min_count=2, roles=roles), lambda n, pod: replace(pod, role="leader" if n == 2 else "worker")
    )
    assert wrongs(cast, plan(cast, "n0", "n0", "n1")) == []
    assert wrong(cast, plan(cast, "n0", "n0")) == "team/g would stand with 0 of 1 members of role leader"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_gated": True}, "is gated, ended or being deleted"),
        ({"is_deleting": True}, "is gated, ended or being deleted"),
        ({"phase": PodPhase.FAILED}, "is gated, ended or being deleted"),
        ({"node": NodeName("n2")}, "has a node already"),
    ],
)
def test_pod_that_cannot_be_placed_is_wrong(changes: dict[str, object], words: str) -> None:
    odd = with_pods(world(), lambda n, pod: replace(pod, **changes) if n == 1 else pod)  # type: ignore[arg-type]
    assert f"team/g-1 {words}" in wrongs(odd, plan(odd, "n0", "n0", "n1"))


def test_pod_planned_twice_or_recreated_or_of_nobody_is_wrong() -> None:
    (admit,) = plan(world(), "n0", "n0", "n1").admitted
    twice = replace(
        admit, assignments=(*admit.assignments, replace(admit.assignments[0], node=NodeName("n2"), rank=3))
    )
    assert wrong(world(), Plan((twice,))) == "pod g-0 is planned 2 times"
    recreated = replace(
        admit, assignments=(*admit.assignments[:2], replace(admit.assignments[2], uid=PodUid("new")))
    )
    assert "team/g-2 is no member of team/g" in wrongs(world(), Plan((recreated,)))
    assert "team/g is decided 2 times" in wrongs(world(), Plan((admit, admit)))
    assert (
        wrong(world(), Plan((replace(admit, group=GroupKey("team", "nobody")),)))
        == "team/nobody does not exist"
    )


def test_ranks_are_different() -> None:
    (admit,) = plan(world(), "n0", "n0", "n1").admitted
    same = replace(admit, assignments=tuple(replace(slot, rank=0) for slot in admit.assignments))
    assert wrong(world(), Plan((same,))) == "team/g has a rank twice"


def test_refused_spec_and_start_with_nobody_are_wrong() -> None:
    bad = world(refusal="It contradicts itself.")
    assert wrong(bad, plan(bad, "n0", "n0", "n1")) == "team/g may not start: It contradicts itself."
    assert "team/g is started with nobody" in wrongs(world(), Plan((Admit(KEY, 3, 1, ()),)))


def test_constraint_that_nobody_evaluates_is_wrong_unless_somebody_else_does() -> None:
    odd = with_pods(world(), lambda n, pod: replace(pod, shape=replace(POD, unevaluated=("podAffinity",))))
    assert len(wrongs(odd, plan(odd, "n0", "n0", "n1"))) == 3
    assert wrongs(odd, plan(odd, "n0", "n0", "n1"), evaluates_all=True) == []


# --- topology -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["rack", "example.com/rack"])
def test_required_level_is_one_domain(level: str) -> None:
    asked = world(topology=TopologyConstraint(required=level))
    assert wrongs(asked, plan(asked, "n0", "n0", "n1")) == []
    assert wrong(asked, plan(asked, "n0", "n1", "n2")) == f"team/g is put into 2 domains of {level}"


def test_level_that_no_node_has_is_wrong() -> None:
    asked = world(topology=TopologyConstraint(required="planet"))
    assert wrong(asked, plan(asked, "n0", "n0", "n1")) == "team/g requires planet, which no node has"


def test_gang_grows_where_it_stands() -> None:
    asked = with_pods(
        world(topology=TopologyConstraint(required="rack")),
        lambda n, pod: replace(pod, node=NodeName("n2")) if n == 2 else pod,
    )
    assert wrongs(asked, plan(asked, "n2", "n2")) == []
    assert (
        wrong(asked, plan(asked, "n0", "n1")) == "team/g grows into another domain of rack than it stands in"
    )


def test_racks_of_one_name_in_two_blocks_are_two() -> None:
    nodes = [node(name) for name in RACKS]
    group = gang("g", 3, pod=POD, topology=TopologyConstraint(required="rack"))
    same_name = cluster(
        *nodes, racks=dict.fromkeys(RACKS, "r0"), blocks={"n0": "b0", "n1": "b0", "n2": "b1"}, g=group
    )
    assert wrongs(same_name, plan(same_name, "n0", "n0", "n1")) == []
    assert wrong(same_name, plan(same_name, "n0", "n1", "n2")) == "team/g is put into 2 domains of rack"


def test_node_of_which_nothing_is_known_is_alone_and_a_rack_stands_for_a_block() -> None:
    nodes = [node(name) for name in RACKS]
    group = gang("g", 3, pod=POD, topology=TopologyConstraint(required="block"))
    ragged = cluster(*nodes, racks={"n0": "r0", "n1": "r0"}, blocks={"x": "b0"}, g=group)
    assert wrongs(ragged, plan(ragged, "n0", "n0", "n1")) == []
    assert wrong(ragged, plan(ragged, "n0", "n1", "n2")) == "team/g is put into 2 domains of block"


def test_slice_torn_apart_is_wrong() -> None:
    asked = cluster(
        *(node(name) for name in RACKS),
        racks=RACKS,
        g=gang("g", 4, pod=shape(gpus=2), topology=TopologyConstraint(slices=(Slice("host", 2),))),
    )
    assert wrongs(asked, plan(asked, "n0", "n0", "n2", "n2")) == []
    found = wrong(asked, plan(asked, "n0", "n0", "n0", "n2"))
    assert found == "team/g would have 2 slices of 2 that are not together in one host"
