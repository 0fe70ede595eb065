"""Whole gangs that mind who is near: where they go, in which order, and why they wait."""

from collections import Counter
from dataclasses import replace

import pytest

from scheduler.engine.cycle import decide
from scheduler.engine.validate import violations
from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.neighbours import PodRules, PodTerm
from scheduler.model.plan import Admit, Decision, Hold
from scheduler.model.podgroups import PodGroup, Slice, TopologyConstraint
from scheduler.model.pods import Pod, PodShape
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, shape, taken
from tests.checker.plans import wrongs
from tests.company import (
    HOST,
    RACK,
    ZONE,
    apart,
    even,
    homes,
    labelled,
    near,
    racks,
    resident,
    stands,
    wishing,
)

RING = labelled(app="ring")
Gang = tuple[PodGroup, tuple[Pod, ...]]


def team(name: str, size: int, of: PodShape, labels: dict[str, str] | None = None, **spec: object) -> Gang:
    """Return a gang whose members carry these labels, by default app=ring."""
    group, pods = gang(name, size, pod=of, **spec)
    return group, tuple(
        replace(pod, labels=labels if labels is not None else {"app": "ring"}) for pod in pods
    )


def decided(states: list[NodeState], **gangs: Gang) -> tuple[Snapshot, dict[str, Decision]]:
    snapshot = cluster(*states, racks=homes(states), **gangs)
    plan = decide(snapshot, default_policies(), now=0.0)
    assert wrongs(snapshot, plan) == []
    assert violations(snapshot, plan) == ()
    return snapshot, {decision.group.name: decision for decision in plan.decisions}


def placed(states: list[NodeState], **gangs: Gang) -> list[str]:
    """Return the nodes of gang g, by rank."""
    found = decided(states, **gangs)[1]["g"]
    assert isinstance(found, Admit), found
    return [str(slot.node) for slot in found.assignments]


def held(states: list[NodeState], **gangs: Gang) -> Hold:
    found = decided(states, **gangs)[1]["g"]
    assert isinstance(found, Hold), found
    return found


# --- anti-affinity among members ----------------------------------------------------------------------------------------

ALONE = shape(rules=apart(HOST, app="ring"))


def test_members_that_avoid_each_other_get_a_node_each_in_the_fewest_racks() -> None:
    assert placed(racks(4, 4, 2), g=team("g", 4, ALONE)) == ["n0", "n1", "n2", "n3"]
    assert set(placed(racks(4, 4, 2), g=team("g", 2, ALONE))) == {"n8", "n9"}


def test_members_that_avoid_each_other_in_a_rack_get_a_rack_each() -> None:
    states = racks(2, 1, 2)
    found = placed(states, g=team("g", 3, shape(rules=apart(RACK, app="ring"))))
    assert sorted(homes(states)[name] for name in found) == ["r0", "r1", "r2"]


def test_too_few_domains_for_members_that_avoid_each_other_is_proven_and_told() -> None:
    hold = held(racks(2, 2), g=team("g", 3, shape(rules=apart(RACK, app="ring"))))
    assert hold.reason is Reason.POD_CONSTRAINTS_NOT_MET
    assert hold.message == (
        "Rules on other pods leave too few places for 3 members: they avoid each other, at most one in each rack, which leaves room for 2."
    )


def test_required_level_and_avoidance_may_contradict_each_other() -> None:
    spec = TopologyConstraint(required="rack")
    assert set(placed(racks(2, 3), g=team("g", 3, ALONE, topology=spec))) == {"n2", "n3", "n4"}
    hold = held(racks(2, 3), g=team("g", 4, ALONE, topology=spec))
    assert (
        "4 members in one rack: they avoid each other, at most one in each kubernetes.io/hostname"
        in hold.message
    )


def test_gang_that_is_avoided_by_another_placed_in_the_same_cycle_goes_elsewhere() -> None:
    first = team("a", 2, shape(gpus=8, rules=apart(RACK, app="ring")), {"app": "loner"}, priority=1)
    found = placed(racks(2, 2), a=first, g=team("g", 2, shape(gpus=4)))
    assert set(found) <= {"n2", "n3"}


def test_what_a_gang_that_found_no_place_had_tried_keeps_nobody_away() -> None:
    first = team("a", 5, shape(gpus=8, rules=apart(RACK, app="ring")), {"app": "loner"}, priority=1)
    assert set(placed(racks(2, 2), a=first, g=team("g", 4, shape(gpus=8)))) == {"n0", "n1", "n2", "n3"}


# --- affinity -----------------------------------------------------------------------------------------------------------

CLOSE = shape(gpus=4, rules=near(RACK, app="ring"))


def test_members_that_must_be_near_each_other_start_in_one_domain_with_room_for_all() -> None:
    states = [taken(state, 4) if number < 2 else state for number, state in enumerate(racks(2, 2))]
    assert set(placed(states, g=team("g", 4, CLOSE))) == {"n2", "n3"}


def test_members_join_those_of_their_group_that_stand_though_there_is_more_room_elsewhere() -> None:
    states = racks(1, 2)
    states[0] = stands(states[0], resident(app="ring"))
    assert set(placed(states, g=team("g", 2, CLOSE))) == {"n0"}
    hold = held(states, g=team("g", 3, CLOSE))
    assert hold.message == (
        "Rules on other pods leave too few places for 3 members: 2 of 3 nodes are in no rack of a pod that they must be near to; "
        "what is left has room for 2."
    )


def test_affinity_over_a_key_that_is_no_level_keeps_a_gang_together() -> None:
    states = [
        replace(state, node=replace(state.node, labels={**state.node.labels, "room": "ab"[number % 2]}))
        for number, state in enumerate(racks(2, 2))
    ]
    found = placed(states, g=team("g", 4, shape(gpus=4, rules=near("room", app="ring"))))
    assert {states[int(name[1:])].node.labels["room"] for name in found} == {"a"}


def test_best_domain_with_too_little_room_is_told() -> None:
    hold = held(racks(1, 2), g=team("g", 5, CLOSE))
    assert hold.message == (
        "Rules on other pods leave too few places for 5 members: they must be near each other, and the best rack has room for 4."
    )


def test_nobody_to_be_near_to_is_told() -> None:
    hold = held(racks(1, 1), g=team("g", 1, shape(rules=near(RACK, app="db"))))
    assert hold.reason is Reason.POD_CONSTRAINTS_NOT_MET
    assert hold.message == (
        "Rules on other pods leave too few places for 1 member: no pod that they must be near to stands anywhere (by rack); "
        "what is left has room for 0."
    )


def leader_and_workers(name: str, workers: int, of: PodRules) -> Gang:
    """Return a gang of a leader with 8 GPUs and workers with 4 that must mind it."""
    group, pods = gang(name, workers + 1, pod=shape(gpus=4, rules=of))
    leader = replace(pods[-1], shape=shape(gpus=8), labels={"role": "leader"})
    return group, (*(replace(pod, labels={"role": "worker"}) for pod in pods[:-1]), leader)


def test_workers_are_put_near_the_leader_that_is_placed_with_them() -> None:
    states = [taken(state, 4) if number in {0, 2} else state for number, state in enumerate(racks(2, 3))]
    found = placed(states, g=leader_and_workers("g", 3, near(RACK, role="leader")))
    assert {homes(states)[name] for name in found} == {"r1"}


def test_workers_avoid_the_leader_that_is_placed_with_them() -> None:
    states = racks(2, 2)
    found = placed(states, g=leader_and_workers("g", 4, apart(RACK, role="leader")))
    assert homes(states)[found[-1]] not in {homes(states)[name] for name in found[:-1]}


def test_documented_example_of_a_web_server_beside_its_cache() -> None:
    cache = shape(rules=apart(HOST, app="store"))
    web = shape(
        rules=PodRules(
            affinity=(PodTerm(HOST, labelled(app="store")),),
            anti_affinity=(PodTerm(HOST, labelled(app="web")),),
        )
    )
    states = racks(3)
    stores = team("a", 3, cache, {"app": "store"}, priority=1)
    assert sorted(placed(states, a=stores, g=team("g", 3, web, {"app": "web"}))) == ["n0", "n1", "n2"]
    assert sorted(placed(states, a=stores, g=team("g", 2, web, {"app": "web"}))) == ["n0", "n1"]


# --- spread -------------------------------------------------------------------------------------------------------------


def spread(gpus: int = 1, *constraints: tuple[str, int]) -> PodShape:
    return shape(gpus=gpus, spreads=tuple(even(key, skew, selector=RING) for key, skew in constraints))


def test_members_are_spread_as_evenly_as_asked_for_and_no_more() -> None:
    states = racks(2, 2, 2)
    found = Counter(homes(states)[name] for name in placed(states, g=team("g", 6, spread(1, (RACK, 1)))))
    assert found == {"r0": 2, "r1": 2, "r2": 2}
    found = Counter(homes(states)[name] for name in placed(states, g=team("g", 4, spread(1, (RACK, 4)))))
    assert len(found) == 1


def test_pods_that_stand_count_in_the_spread() -> None:
    states = racks(1, 1, 1)
    states[0] = stands(states[0], resident(app="ring"), resident(app="ring"))
    found = Counter(homes(states)[name] for name in placed(states, g=team("g", 4, spread(1, (RACK, 1)))))
    assert found == {"r1": 2, "r2": 2}


def test_ranks_are_in_an_order_in_which_kube_scheduler_would_admit_the_members() -> None:
    states = racks(2, 2)
    found = [homes(states)[name] for name in placed(states, g=team("g", 6, spread(1, (RACK, 2))))]
    counts = Counter({"r0": 0, "r1": 0})
    for home in found:
        counts[home] += 1
        assert max(counts.values()) - min(counts.values()) <= 2


def test_two_constraints_at_once_are_kept() -> None:
    states = racks(2, 2, 2, 2)
    found = placed(states, g=team("g", 8, spread(1, (ZONE, 1), (HOST, 1))))
    assert sorted(found) == [f"n{number}" for number in range(8)]


def test_domain_that_is_full_limits_the_spread_and_is_told() -> None:
    states = racks(1, 1)
    states[1] = taken(states[1], 8)
    hold = held(states, g=team("g", 2, spread(1, (RACK, 1))))
    assert hold.message == (
        "Rules on other pods leave too few places for 2 members: the spread over rack (maxSkew 1) leaves room for 1, "
        "with 0 in the emptiest domain."
    )


def test_nodes_without_the_label_are_told() -> None:
    hold = held(racks(2), g=team("g", 1, spread(1, ("nowhere", 1))))
    assert hold.message == (
        "Rules on other pods leave too few places for 1 member: 2 of 2 nodes lack the label nowhere that they are spread over; "
        "what is left has room for 0."
    )


# --- who keeps them away ------------------------------------------------------------------------------------------------


def test_pods_that_keep_members_away_are_counted_by_who_avoids_whom() -> None:
    states = racks(1, 1, 1)
    states[0] = stands(states[0], resident(apart(RACK, app="ring"), app="db"))
    states[1] = stands(states[1], resident(app="cache"))
    hold = held(states, g=team("g", 2, shape(gpus=8, rules=apart(HOST, app="cache"))))
    assert hold.message == (
        "Rules on other pods leave too few places for 2 members: "
        "1 of 3 nodes are in the same kubernetes.io/hostname as pods that they avoid; "
        "1 of 3 nodes are in the same rack as pods that avoid them; what is left has room for 1."
    )


def test_too_little_room_is_told_before_any_rule() -> None:
    hold = held(racks(1, 1), g=team("g", 3, shape(gpus=8, rules=apart(RACK, app="ring"))))
    assert hold.reason is Reason.INSUFFICIENT_RESOURCES


# --- wishes, slices, growth ---------------------------------------------------------------------------------------------


def test_of_equal_nodes_the_one_near_liked_pods_is_taken() -> None:
    states = racks(1, 1, 1)
    states[1] = stands(states[1], resident(app="db"))
    states[2] = stands(states[2], resident(wishing(-50, HOST, app="ring"), app="x"))
    assert placed(states, g=team("g", 1, shape(rules=wishing(10, RACK, app="db")))) == ["n1"]
    assert placed(states, g=team("g", 1, shape(rules=wishing(-10, RACK, app="db")))) == ["n0"]
    states[0] = stands(states[0], resident(app="y"))
    liking = stands(racks(1, 1, 1)[2], resident(wishing(50, HOST, app="ring"), app="x"))
    assert placed([*states[:2], liking], g=team("g", 1, shape())) == ["n2"]


def test_wish_to_be_spread_prefers_the_emptiest_domain() -> None:
    states = racks(1, 1, 1)
    for number in (0, 2):
        states[number] = stands(states[number], resident(app="ring"))
    wish = shape(spreads=(even(RACK, selector=RING, required=False),))
    assert placed(states, g=team("g", 1, wish)) == ["n1"]


def test_wishes_do_not_pull_a_gang_apart() -> None:
    states = racks(2, 2)
    states[2] = stands(states[2], resident(app="db"))
    found = placed(states, g=team("g", 2, shape(gpus=8, rules=wishing(100, HOST, app="db"))))
    assert {homes(states)[name] for name in found} == {"r1"}


def test_slices_are_kept_whole_beside_pods_that_keep_members_away() -> None:
    states = racks(3, 3)
    states[0] = stands(states[0], resident(apart(HOST, app="ring"), app="db"))
    spec = TopologyConstraint(slices=(Slice("rack", 2),))
    found = placed(states, g=team("g", 4, shape(gpus=8), topology=spec))
    assert Counter(homes(states)[name] for name in found) == {"r0": 2, "r1": 2}
    assert "n0" not in found


def test_elastic_gang_starts_with_as_many_as_the_rules_leave_room_for() -> None:
    found = placed(racks(1, 1, 1), g=team("g", 5, shape(rules=apart(RACK, app="ring")), min_count=2))
    assert len(found) == 3


def test_member_that_grows_a_gang_minds_the_bound_ones() -> None:
    states = racks(1, 1, 1)
    group, pods = team("g", 2, shape(rules=apart(RACK, app="ring")))
    bound = replace(pods[0], node=NodeName("n1"))
    states[1] = stands(states[1], bound.as_resident())
    assert placed(states, g=(group, (bound, pods[1]))) == ["n0"]


@pytest.mark.parametrize("count", [1, 2])
def test_equal_gangs_of_one_cycle_do_not_inherit_each_others_answers(count: int) -> None:
    """Gangs that are alike to the engine but for whom the rules speak of."""
    states = racks(1)
    states[0] = stands(states[0], resident(apart(HOST, app="red"), app="db"))
    red = team("a", count, shape(), {"app": "red"}, priority=1)
    found = decided(states, a=red, g=team("g", count, shape(), {"app": "blue"}))[1]
    assert isinstance(found["a"], Hold)
    assert isinstance(found["g"], Admit)


def test_quality_is_measured_against_what_the_rules_allow() -> None:
    found = decided(racks(2, 2, 2, 2), g=team("g", 4, shape(rules=apart(RACK, app="ring"))))[1]["g"]
    assert isinstance(found, Admit)
    assert found.quality.score == 1.0


def test_gang_of_another_namespace_is_not_meant() -> None:
    states = racks(1, 1)
    states[0] = stands(states[0], resident(apart(HOST, app="ring"), namespace="other", app="x"))
    assert placed(states, g=team("g", 1, shape(gpus=8))) == ["n0"]


def test_unlike_members_that_avoid_each_other_share_no_node() -> None:
    group, pods = team("g", 4, shape(gpus=2, rules=apart(HOST, app="ring")))
    unlike = tuple(
        replace(pod, shape=replace(pod.shape, requests=shape(gpus=8).requests)) if number == 0 else pod
        for number, pod in enumerate(pods)
    )
    assert sorted(placed(racks(2, 2), g=(group, unlike))) == ["n0", "n1", "n2", "n3"]
    assert held(racks(2, 1), g=(group, unlike)).reason is not Reason.NOT_FOUND_WITHIN_BOUND


def test_members_that_differ_in_a_label_that_nobody_asks_for_are_one_kind() -> None:
    group, pods = team("g", 6, ALONE)
    indexed = tuple(replace(pod, labels={"app": "ring", "index": str(n)}) for n, pod in enumerate(pods))
    snapshot, found = decided(racks(4, 4), g=(group, indexed))
    assert isinstance(found["g"], Admit)
    assert [slot.pod.name for slot in found["g"].assignments] == [pod.key.name for pod in indexed]
    assert snapshot.groups[GroupKey("team", "g")].min_count == 6
