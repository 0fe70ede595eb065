"""Decisions, told by small clusters; expected values are worked out by hand."""

from dataclasses import replace

import pytest

from scheduler.engine import unlike_pods
from scheduler.engine.cycle import decide
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodUid
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.plan import Admit, Hold
from scheduler.model.podgroups import Attempt, AttemptPhase, PodGroup, Role, Slice, TopologyConstraint
from scheduler.model.pods import Pod, PodPhase, PodShape, Toleration
from scheduler.model.reasons import Reason
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.resources import Resources
from scheduler.model.snapshot import Snapshot
from scheduler.model.status import Status
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, members, node, shape, taken

RACKS = {"n0": "r0", "n1": "r0", "n2": "r1", "n3": "r1"}
FOUR = (node("n0"), node("n1"), node("n2"), node("n3"))


def only(snapshot: Snapshot) -> Admit | Hold:
    (decision,) = decide(snapshot, default_policies(), now=0.0).decisions
    return decision


def admitted(snapshot: Snapshot) -> Admit:
    decision = only(snapshot)
    assert isinstance(decision, Admit), decision
    return decision


def held(snapshot: Snapshot) -> Hold:
    decision = only(snapshot)
    assert isinstance(decision, Hold), decision
    return decision


def places(decision: Admit) -> dict[str, int]:
    """Count members by node."""
    nodes = [slot.node for slot in decision.assignments]
    return {name: nodes.count(name) for name in sorted(set(nodes))}


def test_gang_goes_to_the_fewest_nodes_of_one_rack() -> None:
    decision = admitted(cluster(*FOUR, racks=RACKS, g=gang("g", 12)))
    assert places(decision) == {"n0": 8, "n1": 4}
    assert decision.domain is not None
    assert (decision.domain.level, decision.domain.domain) == ("rack", "r0")
    assert decision.domains_used == (("rack", 1), ("host", 2))


def test_smallest_hole_that_holds_the_gang_is_taken() -> None:
    states = (taken(FOUR[0], 4), *FOUR[1:])
    assert places(admitted(cluster(*states, racks=RACKS, g=gang("g", 3)))) == {"n0": 3}


def test_ranks_are_dense_and_neighbours_share_nodes() -> None:
    decision = admitted(cluster(*FOUR, racks=RACKS, g=gang("g", 10)))
    assert [slot.rank for slot in decision.assignments] == list(range(10))
    assert [slot.pod.name for slot in decision.assignments] == [f"g-{number}" for number in range(10)]
    assert [slot.node for slot in decision.assignments] == ["n0"] * 8 + ["n1"] * 2


def test_required_rack_is_one_rack_or_a_reason_in_numbers() -> None:
    constraint = TopologyConstraint(required="rack")
    assert places(admitted(cluster(*FOUR, racks=RACKS, g=gang("g", 16, topology=constraint)))) == {
        "n0": 8,
        "n1": 8,
    }
    hold = held(cluster(*FOUR, racks=RACKS, g=gang("g", 17, topology=constraint)))
    assert hold.reason is Reason.NO_DOMAIN_FITS
    assert "rack r0 holds 16 of 17 nvidia.com/gpu; the cluster holds 32." in hold.message


def test_level_may_be_named_by_its_node_label() -> None:
    constraint = TopologyConstraint(required="example.com/rack")
    assert len(places(admitted(cluster(*FOUR, racks=RACKS, g=gang("g", 16, topology=constraint))))) == 2


def test_preferred_rack_is_given_up_where_it_must_be() -> None:
    decision = admitted(
        cluster(*FOUR, racks=RACKS, g=gang("g", 20, topology=TopologyConstraint(preferred="rack")))
    )
    assert not decision.preferred_met
    assert decision.domains_used == (("rack", 2), ("host", 3))


def test_unknown_level_is_named_with_those_there_are() -> None:
    hold = held(cluster(*FOUR, racks=RACKS, g=gang("g", 1, topology=TopologyConstraint(required="pod"))))
    assert hold.reason is Reason.TOPOLOGY_LEVEL_NOT_FOUND
    assert "rack, host" in hold.message


def test_gang_that_does_not_fit_gets_nothing_and_the_next_one_goes_ahead() -> None:
    snapshot = cluster(*FOUR, big=gang("big", 33, created_at=1.0), small=gang("small", 32, created_at=2.0))
    first, second = decide(snapshot, default_policies(), now=0.0).decisions
    assert isinstance(first, Hold)
    assert first.reason is Reason.INSUFFICIENT_RESOURCES
    assert "room for 32" in first.message
    assert isinstance(second, Admit)


def test_higher_priority_goes_first_then_age() -> None:
    snapshot = cluster(
        node("n0"),
        old=gang("old", 8, created_at=1.0),
        young=gang("young", 8, created_at=2.0),
        urgent=gang("urgent", 8, created_at=3.0, priority=5),
    )
    order = [decision.group.name for decision in decide(snapshot, default_policies(), now=0.0).decisions]
    assert order == ["urgent", "old", "young"]


def test_what_was_given_to_one_gang_is_not_given_to_the_next() -> None:
    snapshot = cluster(node("n0"), a=gang("a", 5, created_at=1.0), b=gang("b", 4, created_at=2.0))
    plan = decide(snapshot, default_policies(), now=0.0)
    assert [admit.group.name for admit in plan.admitted] == ["a"]


def test_reserved_room_counts_until_the_pod_is_seen_bound() -> None:
    base = cluster(node("n0"), g=gang("g", 8))
    key = GroupKey("team", "z")
    slots = tuple(HeldSlot(pod.key, pod.uid, NodeName("n0"), pod.shape) for pod in members("z", 1))
    reserved = replace(base, reservations=(Reservation(key, AttemptId("e1-1"), slots),))
    assert held(reserved).reason is Reason.INSUFFICIENT_RESOURCES
    (waiting,) = members("z", 1)
    seen = replace(reserved, members={**reserved.members, key: (replace(waiting, node=NodeName("n0")),)})
    decisions = decide(seen, default_policies(), now=0.0, only=frozenset({GroupKey("team", "g")})).decisions
    assert isinstance(decisions[0], Admit), "its weight is on the node now, not in the ledger"


def test_missing_members_are_counted_and_gated_ones_named() -> None:
    group, pods = gang("g", 3)
    short = cluster(node("n0"), g=(replace(group, min_count=4), pods))
    assert (held(short).reason, held(short).message) == (
        Reason.GANG_INCOMPLETE,
        "3 of 4 members exist; the gang starts when all do.",
    )
    gated = cluster(node("n0"), g=(group, (*pods[:2], replace(pods[2], is_gated=True))))
    assert held(gated).reason is Reason.SCHEDULING_GATED
    assert "2 of 3 members exist" in held(gated).message


def test_bound_members_count_and_tie_the_rest_to_their_rack() -> None:
    group, pods = gang("g", 10, topology=TopologyConstraint(required="rack"))
    bound = tuple(replace(pod, node=NodeName("n2")) for pod in pods[:4])
    states = (FOUR[0], FOUR[1], taken(FOUR[2], 4), FOUR[3])
    decision = admitted(cluster(*states, racks=RACKS, g=(group, (*bound, *pods[4:]))))
    assert set(places(decision)) <= {"n2", "n3"}
    assert {slot.rank for slot in decision.assignments} == set(range(4, 10))


def test_elastic_gang_starts_with_as_many_as_fit() -> None:
    group, pods = gang("g", 10, min_count=4)
    assert len(admitted(cluster(node("n0"), node("n1"), g=(group, pods))).assignments) == 10
    assert len(admitted(cluster(node("n0"), g=(group, pods))).assignments) == 8
    assert held(cluster(node("n0", gpus=3), g=(group, pods))).reason is Reason.INSUFFICIENT_RESOURCES


def test_elastic_gang_grows_within_the_required_rack_only() -> None:
    group, pods = gang("g", 7, min_count=2, pod=shape(gpus=8), topology=TopologyConstraint(required="rack"))
    bound = (replace(pods[0], node=NodeName("n0")),)
    states = (taken(FOUR[0], 8), *FOUR[1:])
    assert places(admitted(cluster(*states, racks=RACKS, g=(group, (*bound, *pods[1:]))))) == {"n1": 1}


def test_slices_keep_their_members_in_one_rack() -> None:
    asked = TopologyConstraint(slices=(Slice("rack", 2),))
    states = (FOUR[0], FOUR[1], taken(FOUR[2], 1), FOUR[3])  # r0 has two whole nodes free, r1 one
    gang_of_two = gang("g", 2, pod=shape(gpus=8), topology=asked)
    assert places(admitted(cluster(*states, racks=RACKS, g=gang_of_two))) == {"n0": 1, "n1": 1}
    split = (taken(FOUR[0], 1), FOUR[1], taken(FOUR[2], 1), FOUR[3])
    hold = held(cluster(*split, racks=RACKS, g=gang_of_two))
    assert hold.reason is Reason.NO_DOMAIN_FITS
    assert (
        "room for 0 of 16 nvidia.com/gpu, 2 together in one rack; without that the cluster holds 16."
        in hold.message
    )


def test_member_that_is_missing_from_a_slice_joins_the_rest_of_it() -> None:
    group, pods = gang("g", 4, pod=shape(gpus=4), topology=TopologyConstraint(slices=(Slice("rack", 2),)))
    on = ("n0", "n0", "n2")
    bound = tuple(replace(pod, node=NodeName(name)) for pod, name in zip(pods, on, strict=False))
    states = (taken(FOUR[0], 8), FOUR[1], taken(FOUR[2], 4), FOUR[3])
    assert places(admitted(cluster(*states, racks=RACKS, g=(group, (*bound, pods[3]))))) == {"n2": 1}


def test_member_that_is_missing_from_a_slice_stays_in_the_required_domain() -> None:
    asked = TopologyConstraint(required="host", slices=(Slice("rack", 2),))
    group, pods = gang("g", 2, pod=shape(gpus=4), topology=asked)
    begun = (group, (replace(pods[0], node=NodeName("n0")), pods[1]))
    assert places(admitted(cluster(taken(FOUR[0], 4), *FOUR[1:], racks=RACKS, g=begun))) == {"n0": 1}
    assert held(cluster(taken(FOUR[0], 8), *FOUR[1:], racks=RACKS, g=begun)).reason is Reason.NO_DOMAIN_FITS


def test_slice_that_lacks_members_does_not_start() -> None:
    group, pods = gang("g", 5, min_count=2, topology=TopologyConstraint(slices=(Slice("rack", 2),)))
    assert len(admitted(cluster(*FOUR, racks=RACKS, g=(group, pods))).assignments) == 4


def test_member_that_the_gang_needs_is_not_the_one_left_over_from_slices() -> None:
    group, pods = gang("g", 3, min_count=2, topology=TopologyConstraint(slices=(Slice("rack", 2),)))
    group = replace(group, roles=(Role("worker", 1), Role("leader", 1)))
    pods = tuple(replace(pod, role="leader" if n == 2 else "worker") for n, pod in enumerate(pods))
    plan = decide(cluster(node("n0"), racks={"n0": "r0"}, g=(group, pods)), default_policies(), now=0.0)
    assert [slot.pod.name for slot in plan.admitted[0].assignments] == ["g-0", "g-2"]


def test_preferred_rack_means_as_few_racks_as_possible_also_inside_a_required_block() -> None:
    racks = {f"n{n}": f"r{n // 2}" for n in range(8)}
    blocks = {f"n{n}": f"b{n // 4}" for n in range(8)}
    asked = TopologyConstraint(required="block", preferred="rack")
    states = [node(f"n{n}") for n in range(8)]
    states[1], states[4] = taken(states[1], 8), taken(states[4], 4)  # block b0 holds 24 in two racks, b1 28
    snapshot = cluster(*states, racks=racks, blocks=blocks, g=gang("g", 16, topology=asked))
    decision = admitted(snapshot)
    assert decision.domains_used == (("block", 1), ("rack", 1), ("host", 2))
    assert decision.preferred_met


def test_preferred_level_that_no_node_carries_does_not_keep_a_gang_waiting() -> None:
    asked = TopologyConstraint(preferred="no-such-level")
    assert len(admitted(cluster(*FOUR, racks=RACKS, g=gang("g", 2, topology=asked))).assignments) == 2


def test_reason_is_about_the_kind_of_member_that_finds_no_room() -> None:
    group, pods = gang("g", 3, pod=shape(gpus=8), topology=TopologyConstraint(required="rack"))
    small = tuple(
        replace(pod, shape=shape(gpus=1, cpu=1)) for pod in members("g", 40, pod=shape(gpus=1), first=10)
    )
    hold = held(cluster(*FOUR, racks=RACKS, g=(replace(group, min_count=43), (*pods, *small))))
    assert hold.reason is Reason.INSUFFICIENT_RESOURCES
    assert hold.message.startswith("40 members need 40 nvidia.com/gpu")


def test_members_above_the_maximum_stay() -> None:
    group, pods = gang("g", 6, min_count=2, max_count=4)
    assert len(admitted(cluster(node("n0"), g=(group, pods))).assignments) == 4
    bound = tuple(replace(pod, node=NodeName("n0")) for pod in pods[:4])
    assert (
        held(cluster(taken(node("n0"), 4), g=(group, (*bound, *pods[4:])))).reason is Reason.ABOVE_MAX_COUNT
    )


def test_each_role_needs_its_own_minimum() -> None:
    group, pods = gang("g", 4, roles=(Role("driver", 1), Role("worker", 3)))
    workers = tuple(replace(pod, role="worker") for pod in pods)
    hold = held(cluster(node("n0"), g=(group, workers)))
    assert (hold.reason, "0 of 1 members of role driver" in hold.message) == (Reason.GANG_INCOMPLETE, True)
    mixed = (replace(pods[0], role="driver"), *workers[1:])
    assert len(admitted(cluster(node("n0"), g=(group, mixed))).assignments) == 4


def test_role_minimum_is_kept_when_there_are_more_members_than_may_start() -> None:
    group, pods = gang("g", 5, min_count=4, max_count=4, roles=(Role("driver", 1), Role("worker", 3)))
    members_ = (*(replace(pod, role="worker") for pod in pods[:4]), replace(pods[4], role="driver"))
    started = {slot.pod.name for slot in admitted(cluster(node("n0"), g=(group, members_))).assignments}
    assert "g-4" in started, "the driver is the youngest"
    assert len(started) == 4


def test_replaced_member_starts_beside_those_that_have_ended_well() -> None:
    group, pods = gang("g", 4)
    committed = Attempt(AttemptId("e1-1"), 1, 1, 4, AttemptPhase.COMMITTED, ())
    ended = replace(pods[0], node=NodeName("n0"), phase=PodPhase.SUCCEEDED)
    running = tuple(replace(pod, node=NodeName("n0"), phase=PodPhase.RUNNING) for pod in pods[1:3])
    snapshot = cluster(
        taken(node("n0"), 2), g=(replace(group, attempt=committed), (ended, *running, pods[3]))
    )
    assert [slot.pod.name for slot in admitted(snapshot).assignments] == ["g-3"]
    never_started = cluster(taken(node("n0"), 2), g=(group, (ended, *running, pods[3])))
    assert held(never_started).reason is Reason.GANG_INCOMPLETE


def test_unlike_members_are_placed_together_largest_first() -> None:
    group, pods = gang("g", 3, pod=shape(gpus=3))
    large = replace(pods[0], shape=shape(gpus=8))
    decision = admitted(cluster(node("n0"), node("n1"), g=(group, (large, *pods[1:]))))
    assert {slot.pod.name: slot.node for slot in decision.assignments} == {
        "g-0": "n0",
        "g-1": "n1",
        "g-2": "n1",
    }


def unlike_gang_of_four() -> tuple[PodGroup, tuple[Pod, ...]]:
    group, pods = gang("g", 4, pod=shape(gpus=5))
    return group, (*pods[:2], *(replace(pod, shape=shape(gpus=6)) for pod in pods[2:]))


def test_unlike_members_that_fit_one_kind_at_a_time_only_are_proven_not_to_fit() -> None:
    hold = held(cluster(node("n0"), node("n1"), node("n2"), g=unlike_gang_of_four()))
    assert hold.reason is Reason.NO_DOMAIN_FITS
    assert "no room for the unlike members together" in hold.message


def test_search_that_ends_without_proof_does_not_claim_impossibility(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlike_pods, "MOST_WORK", 0)
    hold = held(cluster(node("n0"), node("n1"), node("n2"), g=unlike_gang_of_four()))
    assert hold.reason is Reason.NOT_FOUND_WITHIN_BOUND


def test_unlike_members_use_as_few_racks_as_can_be() -> None:
    racks = {f"n{n}": f"r{n // 4}" for n in range(16)}
    states = [
        taken(node(f"n{n}"), 8 if n % 4 < used else 0)
        for n, used in enumerate([3] * 4 + [1] * 4 + [0] * 4 + [2] * 4)
    ]
    workers = gang("g", 4, pod=shape(gpus=8))
    head = replace(members("g", 1, pod=shape(gpus=4, cpu=32), first=9)[0])
    decision = admitted(
        cluster(*states, racks=racks, g=(replace(workers[0], min_count=5), (*workers[1], head)))
    )
    assert dict(decision.domains_used)["rack"] == 2, (
        "four whole nodes and half of another: no rack has them, two have"
    )


def test_taints_cordons_and_selectors_are_obeyed() -> None:
    tainted = node("n1", taints=(Taint("keep-off", TaintEffect.NO_SCHEDULE),))
    states = (node("n0", unschedulable=True), tainted, node("n2", labels={"kind": "fast"}))
    assert places(admitted(cluster(*states, g=gang("g", 2)))) == {"n2": 2}
    brave = shape(tolerations=(Toleration("keep-off", exists=True),), node_selector=(("kind", "slow"),))
    hold = held(cluster(*states, g=gang("g", 2, pod=brave)))
    assert hold.reason is Reason.NO_ELIGIBLE_NODE
    assert "2 selector or affinity not matched, 1 cordoned" in hold.message


def test_nodes_refused_by_kube_scheduler_are_not_planned() -> None:
    base = cluster(node("n0"), node("n1"), g=gang("g", 1))
    refused = replace(base, refused={PodUid("g-0"): frozenset({NodeName("n0")})})
    assert places(admitted(refused)) == {"n1": 1}
    everywhere = replace(base, refused={PodUid("g-0"): frozenset({NodeName("n0"), NodeName("n1")})})
    assert held(everywhere).reason is Reason.NODE_REFUSED


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"refusal": "spec.minCount is missing."}, Reason.INVALID_SPEC, id="refused-spec"),
        pytest.param(
            {"refusal": "It does not exist.", "refusal_reason": Reason.PRIORITY_CLASS_NOT_FOUND},
            Reason.PRIORITY_CLASS_NOT_FOUND,
            id="no-priority-class",
        ),
    ],
)
def test_what_cannot_be_acted_upon_is_held_not_ignored(spec: dict[str, object], reason: Reason) -> None:
    assert held(cluster(*FOUR, racks=RACKS, g=gang("g", 1, **spec))).reason is reason


def test_gang_that_gave_up_stays_down_also_when_there_is_room() -> None:
    group, pods = gang("g", 2, schedule_timeout_s=60.0, fail_on_timeout=True, has_timed_out=True)
    hold = held(cluster(*FOUR, g=(group, pods)))
    assert (hold.reason, hold.status) == (Reason.TIMEOUT, Status.UNRESOLVABLE)
    assert "set spec.onTimeout to Wait" in hold.message
    patient = replace(group, fail_on_timeout=False)
    assert len(admitted(cluster(*FOUR, g=(patient, pods))).assignments) == 2


def test_pod_that_needs_what_is_not_evaluated_is_held() -> None:
    hold = held(cluster(node("n0"), g=gang("g", 1, pod=shape(unevaluated=("podAffinity",)))))
    assert hold.reason is Reason.UNEVALUATED_CONSTRAINT
    assert "podAffinity" in hold.message


def test_members_of_a_group_that_does_not_exist_wait_for_it() -> None:
    snapshot = replace(cluster(node("n0")), members={GroupKey("team", "late"): members("late", 2)})
    assert held(snapshot).reason is Reason.POD_GROUP_NOT_FOUND


def test_group_with_nothing_left_to_place_gets_no_decision() -> None:
    group, pods = gang("g", 1)
    bound = (replace(pods[0], node=NodeName("n0")),)
    assert decide(cluster(node("n0"), g=(group, bound)), default_policies(), now=0.0).decisions == ()


def test_fault_that_one_group_brings_to_light_does_not_keep_others_from_being_decided() -> None:
    class Thrower(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("boom")

        __hash__ = str.__hash__

    bad, pods = gang("bad", 1, priority=9, topology=TopologyConstraint(required=Thrower("rack")))
    snapshot = cluster(*FOUR, racks=RACKS, bad=(bad, pods), good=gang("good", 2))
    first, second = decide(snapshot, default_policies(), now=0.0).decisions
    assert isinstance(first, Hold)
    assert (first.reason, first.status) == (Reason.INTERNAL_ERROR, Status.ERROR)
    assert isinstance(second, Admit)


def test_quality_tells_what_the_empty_cluster_would_have_given() -> None:
    states = (taken(FOUR[0], 4), FOUR[1], taken(FOUR[2], 4), FOUR[3])
    decision = admitted(cluster(*states, racks=RACKS, g=gang("g", 16)))
    assert [(use.level, use.count, use.best) for use in decision.quality.levels] == [
        ("rack", 2, 1),
        ("host", 3, 2),
    ]
    assert decision.quality.score == pytest.approx((1 / 2 + 2 / 3) / 2, abs=1e-4)
    lone = admitted(cluster(*states, racks=RACKS, g=gang("g", 1)))
    assert lone.quality.score == 1.0


def test_quality_of_a_gang_that_grew_is_that_of_all_its_members() -> None:
    group, pods = gang("g", 9, min_count=1)
    bound = tuple(replace(pod, node=NodeName("n0")) for pod in pods[:8])
    decision = admitted(cluster(taken(FOUR[0], 8), *FOUR[1:], racks=RACKS, g=(group, (*bound, pods[8]))))
    assert [(use.level, use.count, use.best) for use in decision.quality.levels] == [
        ("rack", 1, 1),
        ("host", 2, 2),
    ]


def test_unlike_pods_that_ask_for_nothing_are_placed() -> None:
    group, pods = gang("g", 2, pod=PodShape(Resources({})))
    other = replace(pods[1], shape=PodShape(Resources({}), tolerations=(Toleration("x", exists=True),)))
    assert len(admitted(cluster(node("n0"), g=(group, (pods[0], other)))).assignments) == 2


def test_absurd_amounts_are_refused_and_not_a_fault() -> None:
    group, pods = gang("g", 3, pod=shape(gpus=1))
    absurd = replace(pods[0], shape=PodShape(Resources({"memory": 2**70, "pods": 1})))
    large = replace(pods[1], shape=PodShape(Resources({"memory": 2**61, "pods": 1})))
    hold = held(cluster(node("n0"), g=(group, (absurd, large, pods[2]))))
    assert hold.reason is Reason.INSUFFICIENT_RESOURCES


def test_pod_that_many_hosts_hold_goes_to_the_smallest_hole_in_the_smallest_rack() -> None:
    holes = cluster(node("a"), taken(node("b"), 7), g=gang("g", 1))
    assert places(admitted(holes)) == {"b": 1}
    racks = {"n0": "r0", "n1": "r0", "n2": "r0", "n3": "r1", "n4": "r1"}
    states = (*FOUR, taken(node("n4"), 8))
    whole = cluster(*states, racks=racks, g=gang("g", 1, pod=shape(gpus=8)))
    assert places(admitted(whole)) == {"n3": 1}, "r0 keeps its three whole nodes for a gang of three"


def test_last_node_of_a_rack_is_the_smallest_that_holds_the_rest() -> None:
    racks = dict.fromkeys(("n0", "n1", "n2"), "r0")
    states = (node("n0"), node("n1"), taken(node("n2"), 5))
    assert places(admitted(cluster(*states, racks=racks, g=gang("g", 10)))) == {"n0": 8, "n2": 2}


def test_unlike_members_prefer_the_block_where_they_use_fewer_racks() -> None:
    racks = {f"n{n}": f"r{n // 2}" for n in range(8)}
    blocks = {f"n{n}": f"b{n // 4}" for n in range(8)}
    states = [node(f"n{n}") for n in range(8)]
    for n in (1, 2):  # block b0: one whole node in each of its racks; b1: two in one
        states[n] = taken(states[n], 8)
    group, pods = gang("g", 2, pod=shape(gpus=8))
    unlike = (pods[0], replace(pods[1], shape=shape(gpus=8, cpu=2)))
    decision = admitted(cluster(*states, racks=racks, blocks=blocks, g=(group, unlike)))
    assert dict(decision.domains_used) == {"block": 1, "rack": 1, "host": 2}


def test_unlike_members_are_placed_where_nothing_is_known_of_the_network() -> None:
    group, pods = gang("g", 3)
    odd = replace(pods[2], shape=shape(gpus=2))
    for nodes in ([node("n0")], [node("n0"), node("n1")], [node("n0", gpus=2), node("n1", gpus=2)]):
        assert len(admitted(cluster(*nodes, g=(group, (*pods[:2], odd)))).assignments) == 3


def test_gang_below_its_minimum_of_which_nobody_waits_is_held_for_its_missing_members() -> None:
    group, pods = gang("g", 3)
    bound = tuple(replace(pod, node=NodeName("n0")) for pod in pods[:2])
    hold = held(cluster(node("n0"), g=(group, bound)))
    assert (hold.status, hold.reason, hold.members) == (Status.WAIT, Reason.GANG_INCOMPLETE, ())
    assert hold.message == "2 of 3 members exist, 2 of them with a node; the gang is whole when all do."


def test_gang_that_has_ended_well_gets_no_decision() -> None:
    group, pods = gang("g", 2)
    done = replace(group, attempt=Attempt(AttemptId("e1-1"), 1, 1, 2, AttemptPhase.COMMITTED, ()))
    ended = tuple(replace(pod, node=NodeName("n0"), phase=PodPhase.SUCCEEDED) for pod in pods)
    assert decide(cluster(node("n0"), g=(done, ended)), default_policies(), now=0.0).decisions == ()
