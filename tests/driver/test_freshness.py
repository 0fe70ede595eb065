"""A plan is thrown away when its nodes moved on, and only then."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from scheduler.driver.freshness import overtaken
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.nodes import Node
from scheduler.model.plan import Admit, Assignment, Plan
from scheduler.model.pods import Pod, PodShape
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot

GPU = "nvidia.com/gpu"
SHAPE = PodShape(Resources({GPU: 1, "pods": 1}))
NODE = NodeState(Node(NodeName("n0"), Resources({GPU: 4, "pods": 110})))
NODES = (NodeName("n0"), NodeName("n1"))


def members(name: str, count: int) -> tuple[Pod, ...]:
    key = GroupKey("team", name)
    return tuple(
        Pod(PodKey("team", f"{name}-{i}"), PodUid(f"{name}-{i}"), SHAPE, group=key) for i in range(count)
    )


def admit(name: str, count: int, nodes: tuple[str, ...] = ("n0",)) -> Admit:
    slots = tuple(
        Assignment(p.key, p.uid, NodeName(nodes[rank % len(nodes)]), rank)
        for rank, p in enumerate(members(name, count))
    )
    return Admit(GroupKey("team", name), count, 1, slots)


def snapshot(state: NodeState | None = NODE, **groups: int) -> Snapshot:
    nodes = {NodeName("n0"): state} if state is not None else {}
    return Snapshot(
        nodes=nodes, members={GroupKey("team", name): members(name, count) for name, count in groups.items()}
    )


def test_undisturbed_plan_stands() -> None:
    then = snapshot(a=3)
    assert overtaken(Plan((admit("a", 3),)), then, then) == frozenset()


def test_plan_stands_when_others_took_what_it_does_not_need() -> None:
    now = snapshot(replace(NODE, requested=Resources({GPU: 1, "pods": 1})), a=3)
    assert overtaken(Plan((admit("a", 3),)), snapshot(a=3), now) == frozenset()


def test_plan_falls_when_others_took_what_it_needs() -> None:
    now = snapshot(replace(NODE, requested=Resources({GPU: 2, "pods": 2})), a=3)
    assert overtaken(Plan((admit("a", 3),)), snapshot(a=3), now) == {GroupKey("team", "a")}


def test_only_the_gang_that_no_longer_fits_falls() -> None:
    now = snapshot(replace(NODE, requested=Resources({GPU: 2, "pods": 2})), a=2, b=1)
    assert overtaken(Plan((admit("a", 2), admit("b", 1))), snapshot(a=2, b=1), now) == {GroupKey("team", "b")}


def test_reservations_made_meanwhile_count() -> None:
    slots = tuple(HeldSlot(p.key, p.uid, NodeName("n0"), SHAPE) for p in members("z", 2))
    held = Reservation(GroupKey("team", "z"), AttemptId("e1-1"), slots)
    moved = replace(NODE, requested=Resources({"pods": 1}))
    now = replace(snapshot(moved, a=3), reservations=(held,))
    assert overtaken(Plan((admit("a", 3),)), snapshot(a=3), now) == {GroupKey("team", "a")}


def test_plan_falls_when_its_node_is_gone_or_another_one() -> None:
    cordoned = NodeState(replace(NODE.node, unschedulable=True))
    for now in (snapshot(None, a=1), snapshot(cordoned, a=1)):
        assert overtaken(Plan((admit("a", 1),)), snapshot(a=1), now) == {GroupKey("team", "a")}


@st.composite
def moments(draw: st.DrawFn) -> tuple[Plan, Snapshot, Snapshot]:
    """Draw a plan on two nodes, what it was made from, and what there is now: use, reservations, members bound meanwhile."""
    then = snapshot(a=4, b=4, z=4)
    then = replace(then, nodes={name: replace(NODE, node=replace(NODE.node, name=name)) for name in NODES})
    nodes = {
        name: replace(state, requested=Resources({GPU: draw(st.integers(0, 4))}))
        for name, state in then.nodes.items()
        if draw(st.integers(0, 9))
    }
    kept = {name: then.nodes[name] for name in nodes if draw(st.booleans())}
    placed = st.sampled_from([("n0",), ("n1",), ("n0", "n1"), ("n1", "n0")])
    plan = Plan(tuple(admit(name, draw(st.integers(1, 4)), draw(placed)) for name in ("a", "b")))
    z = [replace(pod, node=NODES[0] if draw(st.booleans()) else None) for pod in members("z", 4)]
    slots = tuple(HeldSlot(p.key, p.uid, draw(st.sampled_from(NODES)), SHAPE) for p in z)
    now = replace(
        then,
        nodes={**nodes, **kept},
        members={**then.members, GroupKey("team", "z"): tuple(z)},
        reservations=(Reservation(GroupKey("team", "z"), AttemptId("e1-1"), slots),),
    )
    return plan, then, now


@given(moments())
def test_judgement_is_that_of_counting_pod_by_pod(moment: tuple[Plan, Snapshot, Snapshot]) -> None:
    plan, then, now = moment
    bound = {pod.uid for pod in now.members[GroupKey("team", "z")] if pod.is_bound}
    free = {name: state.free[GPU] for name, state in now.nodes.items()}
    for slot in now.reservations[0].slots:
        if slot.uid not in bound and slot.node in free:
            free[slot.node] -= 1
    lost = set()
    for each in plan.admitted:
        for name in dict.fromkeys(slot.node for slot in each.assignments):
            if now.nodes.get(name) is then.nodes[name]:
                continue
            wanted = sum(1 for slot in each.assignments if slot.node == name)
            if free.get(name, -1) < wanted:
                lost.add(each.group)
                break
            free[name] -= wanted
    assert overtaken(plan, then, now) == lost
