"""The cache counts every pod, keeps every promise made to an open attempt, and hands out frozen pictures."""

from dataclasses import replace

import pytest

from scheduler.kube.cache import Cache
from scheduler.model.facts import Level
from scheduler.model.ids import (
    POD_DIALECT,
    AttemptId,
    GroupKey,
    GroupUid,
    LevelName,
    NodeName,
    PodKey,
    PodUid,
)
from scheduler.model.neighbours import PodRules, PodTerm, Spread
from scheduler.model.nodes import Node
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import Pod, PodPhase, PodShape
from scheduler.model.reasons import Reason
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.resources import Resources

GANG = GroupKey("a", "g")
N1 = NodeName("n1")
SHAPE = PodShape(Resources({"cpu": 1000, "pods": 1}))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Cache:
    cache = Cache(scheduler_names=("tutti",), clock=clock)
    cache.put_node(node("n1"))
    return cache


def node(name: str, **labels: str) -> Node:
    return Node(NodeName(name), Resources({"cpu": 4000, "pods": 10}), labels=labels)


def pod(name: str, group: GroupKey | None = GANG, *, bound_to: NodeName | None = None, uid: str = "") -> Pod:
    scheduler = "tutti" if group is not None else "default-scheduler"
    return Pod(
        PodKey("a", name),
        PodUid(uid or f"uid-{name}"),
        SHAPE,
        "1",
        scheduler_name=scheduler,
        group=group,
        node=bound_to,
    )


def gang(**more: object) -> PodGroup:
    return replace(PodGroup(GANG, GroupUid("guid"), 2), **more)


def slot(name: str) -> HeldSlot:
    return HeldSlot(PodKey("a", name), PodUid(f"uid-{name}"), N1, SHAPE)


def reservation(*names: str) -> Reservation:
    return Reservation(GANG, AttemptId("t"), tuple(slot(name) for name in names))


def cpu(cache: Cache) -> int:
    return cache.snapshot().nodes[N1].requested["cpu"]


def test_pods_of_every_scheduler_occupy_their_node_until_they_end_or_go(cache: Cache) -> None:
    cache.put_pod(pod("foreign", None, bound_to=N1))
    cache.put_pod(pod("own", bound_to=N1))
    assert cpu(cache) == 2000
    cache.put_pod(replace(pod("foreign", None, bound_to=N1), phase=PodPhase.SUCCEEDED))
    assert cpu(cache) == 1000
    cache.drop_pod(PodKey("a", "own"), PodUid("uid-own"))
    assert cpu(cache) == 0


def test_a_foreign_pod_that_ended_leaves_no_trace(cache: Cache) -> None:
    cache.put_pod(pod("foreign", None, bound_to=N1))
    cache.put_pod(replace(pod("foreign", None, bound_to=N1), phase=PodPhase.FAILED))
    assert cache.pod(PodKey("a", "foreign")) is None


def test_usage_seen_before_its_node_is_not_lost(cache: Cache) -> None:
    cache.put_pod(pod("early", None, bound_to=NodeName("late")))
    cache.put_node(node("late"))
    assert cache.snapshot().nodes[NodeName("late")].requested["cpu"] == 1000


def test_members_that_ended_stay_while_they_exist(cache: Cache) -> None:
    cache.put_group(gang())
    cache.put_pod(replace(pod("x", bound_to=N1), phase=PodPhase.SUCCEEDED))
    group, members = cache.view(GANG)
    assert group is not None
    assert [member.key.name for member in members] == ["x"]


def test_a_recreated_pod_is_another_pod(cache: Cache) -> None:
    cache.put_pod(pod("x", bound_to=N1))
    cache.put_pod(pod("x", uid="successor"))
    assert cpu(cache) == 0
    assert not cache.knows(PodUid("uid-x"))
    assert cache.knows(PodUid("successor"))
    cache.drop_pod(PodKey("a", "x"), PodUid("uid-x"))
    assert cache.knows(PodUid("successor")), "a late deletion of the predecessor does not touch it"


def test_members_without_a_pod_group_are_shown_without_one(cache: Cache) -> None:
    cache.put_pod(pod("x"))
    assert cache.keys() == (GANG,)
    assert GANG not in cache.snapshot().groups
    assert len(cache.snapshot().members[GANG]) == 1


def test_a_pod_without_a_group_is_a_gang_of_one(cache: Cache) -> None:
    key = GroupKey("a", "alone", POD_DIALECT)
    cache.put_pod(replace(pod("alone", key), priority=7))
    group = cache.snapshot().groups[key]
    assert (group.min_count, group.priority) == (1, 7)
    cache.drop_pod(PodKey("a", "alone"), PodUid("uid-alone"))
    assert key not in cache.snapshot().groups
    assert cache.keys() == ()


def test_a_pod_that_changes_its_label_leaves_one_group_and_joins_the_other(cache: Cache) -> None:
    other = GroupKey("a", "h")
    cache.put_pod(pod("x"))
    cache.drain()
    cache.put_pod(pod("x", other))
    assert cache.drain().groups == {GANG, other}
    assert cache.view(GANG)[1] == ()
    assert len(cache.view(other)[1]) == 1


def test_the_priority_of_a_group_is_its_class_else_the_highest_of_its_pods(cache: Cache) -> None:
    cache.put_group(gang())
    cache.put_pod(replace(pod("x"), priority=3))
    cache.put_pod(replace(pod("y"), priority=9))
    assert cache.snapshot().groups[GANG].priority == 9
    cache.put_priority("high", 1000)
    cache.put_group(gang(priority_class="high"))
    assert cache.snapshot().groups[GANG].priority == 1000


def test_an_unknown_priority_class_is_refused_by_name_until_it_exists(cache: Cache) -> None:
    cache.put_group(gang(priority_class="high"))
    group = cache.snapshot().groups[GANG]
    assert (group.priority, group.refusal) == (0, "PriorityClass high does not exist.")
    assert group.refusal_reason is Reason.PRIORITY_CLASS_NOT_FOUND
    cache.put_priority("high", 5)
    assert cache.snapshot().groups[GANG].refusal == ""


def test_a_slot_counts_until_its_pod_is_seen_bound_or_gone(cache: Cache) -> None:
    for name in "xyz":
        cache.put_pod(pod(name))
    cache.reserve(reservation("x", "y", "z"))
    cache.put_pod(pod("x", bound_to=N1))
    cache.drop_pod(PodKey("a", "y"), PodUid("uid-y"))
    (held,) = cache.snapshot().reservations
    assert [slot.pod.name for slot in held.slots] == ["z"]
    cache.put_pod(pod("z", bound_to=N1))
    assert cache.snapshot().reservations == ()


def test_a_slot_does_not_outlive_its_pod_when_that_changed_its_group(cache: Cache) -> None:
    cache.put_pod(pod("x"))
    cache.reserve(reservation("x"))
    cache.put_pod(pod("x", GroupKey("a", "h")))
    assert len(cache.snapshot().reservations) == 1
    cache.put_pod(pod("x", GroupKey("a", "h"), bound_to=N1))
    assert cache.snapshot().reservations == ()


def test_nothing_is_reserved_for_a_pod_that_is_bound_or_gone_already(cache: Cache) -> None:
    cache.put_pod(pod("x", bound_to=N1))
    cache.reserve(reservation("x", "never-seen"))
    assert cache.snapshot().reservations == ()


def test_released_slots_are_free_and_the_others_stay(cache: Cache) -> None:
    cache.put_pod(pod("x"))
    cache.put_pod(pod("y"))
    cache.reserve(reservation("x", "y"))
    cache.drain()
    cache.release(GANG, [PodUid("uid-x")])
    (held,) = cache.snapshot().reservations
    assert [slot.pod.name for slot in held.slots] == ["y"]
    assert cache.drain().capacity


def test_a_refused_node_counts_until_its_time_and_goes_with_its_pod(cache: Cache, clock: Clock) -> None:
    cache.put_pod(pod("x"))
    cache.refuse(PodUid("uid-x"), frozenset({N1}), until=130.0)
    assert cache.snapshot().refused == {PodUid("uid-x"): frozenset({N1})}
    clock.now = 130.0
    assert cache.snapshot().refused == {}
    cache.refuse(PodUid("uid-x"), frozenset({N1}), until=190.0)
    cache.forget_refusals(GANG)
    assert cache.snapshot().refused == {}


def test_evidence_is_the_same_object_until_labels_of_a_level_or_nodes_change(cache: Cache) -> None:
    before = cache.snapshot().evidence
    cache.put_pod(pod("x", bound_to=N1))
    cache.put_node(replace(node("n1"), unschedulable=True))
    cache.put_node(node("n1", team="of no level"))
    assert cache.snapshot().evidence is before
    cache.put_node(node("n1", **{"topology.kubernetes.io/zone": "z"}))
    relabelled = cache.snapshot().evidence
    assert relabelled is not before
    cache.put_node(node("n2"))
    assert cache.snapshot().evidence is not relabelled


def test_a_snapshot_never_changes_and_is_shared_while_nothing_does(cache: Cache) -> None:
    before = cache.snapshot()
    assert cache.snapshot() is before
    cache.put_pod(pod("x", bound_to=N1))
    assert before.nodes[N1].requested["cpu"] == 0
    assert before.members == {}
    assert cpu(cache) == 1000


def test_a_heartbeat_of_a_node_is_no_change(cache: Cache) -> None:
    cache.drain()
    revision = cache.revision
    cache.put_node(node("n1"))
    assert cache.revision == revision
    assert not cache.changed.is_set()


def test_draining_tells_what_changed_once(cache: Cache) -> None:
    cache.drain()
    cache.put_pod(pod("x", bound_to=N1))
    changes = cache.drain()
    assert changes.groups == {GANG}
    assert not changes.capacity, "a pod that arrives frees nothing"
    assert cache.drain().groups == frozenset()
    cache.drop_pod(PodKey("a", "x"), PodUid("uid-x"))
    assert cache.changed.is_set()
    assert cache.drain().capacity


def test_the_end_of_the_first_list_asks_for_a_look_at_everything(cache: Cache) -> None:
    cache.put_pod(pod("x"))
    cache.drain()
    cache.mark_synced()
    changes = cache.drain()
    assert changes.everything
    assert changes.groups == {GANG}


def test_members_are_in_one_order_whatever_the_order_of_arrival(cache: Cache) -> None:
    late, early = replace(pod("a"), created_at=2.0), replace(pod("b"), created_at=1.0)
    cache.put_pod(late)
    cache.put_pod(early)
    assert [member.key.name for member in cache.view(GANG)[1]] == ["b", "a"]


def test_an_object_set_aside_is_named_until_it_can_be_read(cache: Cache) -> None:
    cache.put_aside("pods", ("a", "x"), "spec.containers is not a list.")
    (aside,) = cache.set_aside
    assert aside.sentence == "spec.containers is not a list."
    cache.forget_aside("pods", ("a", "x"))
    assert cache.set_aside == ()


def test_topology_in_use_is_the_default_one_else_the_first_by_name(cache: Cache) -> None:
    assert cache.topology_in_use == ""
    rack = (Level(LevelName("rack"), "x/rack"),)
    for name in ("b", "a"):
        cache.put_topology(name, rack)
    assert cache.topology_in_use == "a"
    cache.put_topology("default", rack)
    assert cache.topology_in_use == "default"
    cache.drop_topology("default")
    assert cache.topology_in_use == "a"


def reserved(cache: Cache, *names: str, on: NodeName = N1) -> None:
    for name in names:
        cache.put_pod(pod(name))
    slots = tuple(HeldSlot(PodKey("a", name), PodUid(f"uid-{name}"), on, SHAPE) for name in names)
    cache.reserve(Reservation(GANG, AttemptId("e1-1"), slots))


def test_room_of_a_planned_pod_that_is_deleted_or_bound_elsewhere_is_free_again(cache: Cache) -> None:
    reserved(cache, "p")
    cache.drain()
    cache.drop_pod(PodKey("a", "p"), PodUid("uid-p"))
    assert cache.drain().capacity
    reserved(cache, "q")
    cache.drain()
    cache.put_pod(pod("q", bound_to=N1))
    assert not cache.drain().capacity, "bound where it was planned: nothing is freed"
    reserved(cache, "r")
    cache.drain()
    cache.put_pod(pod("r", bound_to=NodeName("elsewhere")))
    assert cache.drain().capacity


def test_pod_that_another_gang_takes_over_leaves_nothing_behind_with_the_first(cache: Cache) -> None:
    other = GroupKey("a", "h")
    reserved(cache, "p")
    cache.put_pod(replace(pod("p"), group=other))
    slot = HeldSlot(PodKey("a", "p"), PodUid("uid-p"), NodeName("n2"), SHAPE)
    cache.reserve(Reservation(other, AttemptId("e1-2"), (slot,)))
    assert [held.group for held in cache.snapshot().reservations] == [other]
    cache.release(GANG, [PodUid("uid-p")])
    assert [held.group for held in cache.snapshot().reservations] == [other]
    cache.release(other, [PodUid("uid-p")])
    assert cache.snapshot().reservations == ()
    assert cache.obstacle(PodUid("uid-p"), N1) == ""


def test_gang_of_one_that_has_ended_leaves_no_trace(cache: Cache) -> None:
    lone = replace(pod("p"), group=GroupKey("a", "p", POD_DIALECT))
    cache.put_pod(lone)
    assert cache.knows(lone.uid)
    cache.put_pod(replace(lone, node=N1, phase=PodPhase.SUCCEEDED))
    assert not cache.knows(lone.uid)
    assert cache.keys() == ()
    assert cache.pod(lone.key) is None


def test_planned_node_that_is_not_what_it_was_is_an_obstacle(cache: Cache) -> None:
    reserved(cache, "p", "q")
    uid = PodUid("uid-p")
    assert cache.obstacle(uid, N1) == ""
    cache.put_pod(pod("foreign", None, bound_to=N1))
    cache.put_pod(pod("another", None, bound_to=N1))
    assert cache.obstacle(uid, N1) == "", "four cores: two are planned, two are taken"
    cache.put_pod(pod("third", None, bound_to=N1))
    assert cache.obstacle(uid, N1) == "node n1 has too little cpu left"
    cache.drop_pod(PodKey("a", "third"), PodUid("uid-third"))
    cache.put_node(replace(node("n1"), unschedulable=True))
    assert cache.obstacle(uid, N1) == "node n1 is not what it was: cordoned"
    cache.drop_node(N1)
    assert cache.obstacle(uid, N1) == "node n1 has gone"


# --- rules on other pods ------------------------------------------------------------------------------------------------

NEAR = replace(SHAPE, rules=PodRules(affinity=(PodTerm("rack", ()),)))
SPREAD = replace(SHAPE, spreads=(Spread("rack", 1, True, ()),))
WISH = replace(SHAPE, spreads=(Spread("rack", 1, False, ()),))


def test_nodes_show_who_stands_on_them_whoever_scheduled_them(cache: Cache) -> None:
    cache.put_pod(replace(pod("foreign", None, bound_to=N1), labels={"app": "db"}))
    cache.put_pod(replace(pod("own", bound_to=N1), labels={"app": "web"}))
    cache.put_pod(replace(pod("waiting"), labels={"app": "other"}))
    found = cache.snapshot().nodes[N1].residents
    assert {(each.namespace, each.labels["app"]) for each in found} == {("a", "db"), ("a", "web")}


@pytest.mark.parametrize(
    ("shape", "woken"),
    [(SHAPE, False), (NEAR, True), (SPREAD, True), (WISH, False)],
    ids=["plain", "affinity", "spread", "wish"],
)
def test_newcomer_is_news_only_to_those_that_mind_who_is_near(
    cache: Cache, shape: PodShape, woken: bool
) -> None:
    cache.put_group(gang())
    cache.put_pod(replace(pod("x"), shape=shape))
    cache.drain()
    cache.put_pod(pod("foreign", None, bound_to=N1))
    assert cache.drain().capacity is woken


def test_newcomer_is_no_news_once_those_that_minded_are_bound_or_gone(cache: Cache) -> None:
    cache.put_group(gang())
    cache.put_pod(replace(pod("x"), shape=NEAR))
    cache.put_pod(replace(pod("y"), shape=NEAR))
    cache.put_pod(replace(pod("x", bound_to=N1), shape=NEAR))
    cache.drop_pod(PodKey("a", "y"), PodUid("uid-y"))
    cache.drain()
    cache.put_pod(pod("foreign", None, bound_to=N1))
    assert not cache.drain().capacity


def test_namespaces_are_shown_with_their_labels_and_change_what_may_start(cache: Cache) -> None:
    cache.put_namespace("a", {})
    cache.drain()
    cache.put_namespace("a", {"team": "red"})
    assert cache.drain().capacity
    cache.put_namespace("a", {"team": "red"})
    assert not cache.drain().capacity
    assert cache.snapshot().namespaces == {"a": {"team": "red"}}
    cache.drop_namespace("a")
    assert cache.snapshot().namespaces == {}
