"""Random clusters and gangs through `decide`, judged by a checker that shares no code with it, and by brute force."""

import random
from dataclasses import replace
from itertools import product

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from scheduler.engine.cycle import decide
from scheduler.engine.validate import violations
from scheduler.model.ids import NodeName
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.plan import Admit, Plan
from scheduler.model.podgroups import TopologyConstraint
from scheduler.model.pods import PodShape
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, node, shape, taken
from tests.checker.plans import wrongs
from tests.properties.worlds import snapshots

TAINT = Taint("team", TaintEffect.NO_SCHEDULE, "red")


@st.composite
def plain_states(draw: st.DrawFn) -> tuple[list[NodeState], dict[str, str]]:
    """Draw nodes, some tainted or in use, in a few racks."""
    made, racks = [], {}
    for number in range(draw(st.integers(1, 7))):
        name = f"n{number}"
        taints = (TAINT,) if draw(st.booleans()) and draw(st.booleans()) else ()
        state = node(name, gpus=draw(st.integers(0, 8)), pods=draw(st.integers(1, 9)), taints=taints)
        made.append(taken(state, draw(st.integers(0, 3))) if draw(st.booleans()) else state)
        if draw(st.integers(0, 5)):
            racks[name] = f"r{draw(st.integers(0, 2))}"
    return made, racks


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots(), st.booleans())
def test_no_plan_breaks_an_invariant(snapshot: Snapshot, holds_unevaluated: bool) -> None:
    policies = default_policies(holds_unevaluated=holds_unevaluated)
    plan = decide(snapshot, policies, now=0.0)
    event(f"{len(plan.admitted)} of {len(snapshot.groups)} gangs start")
    assert wrongs(snapshot, plan, evaluates_all=not holds_unevaluated) == []
    assert violations(snapshot, plan) == ()


@settings(max_examples=150)
@given(snapshots(), st.randoms(use_true_random=False))
def test_plan_does_not_depend_on_the_order_of_the_input(snapshot: Snapshot, rng: random.Random) -> None:
    def shuffled(mapping: dict) -> dict:  # type: ignore[type-arg]
        items = list(mapping.items())
        rng.shuffle(items)
        return dict(items)

    other = replace(
        snapshot,
        nodes=shuffled(dict(snapshot.nodes)),
        groups=shuffled(dict(snapshot.groups)),
        members=shuffled(dict(snapshot.members)),
    )
    assert decide(other, default_policies(), now=0.0) == decide(snapshot, default_policies(), now=0.0)


@settings(max_examples=150)
@given(snapshots())
def test_memory_between_cycles_changes_nothing(snapshot: Snapshot) -> None:
    policies = default_policies()
    fresh = decide(snapshot, default_policies(), now=0.0)
    emptier = replace(snapshot, nodes={name: replace(s, host_ports=()) for name, s in snapshot.nodes.items()})
    decide(emptier, policies, now=0.0)
    assert decide(snapshot, policies, now=0.0) == fresh


@settings(max_examples=200)
@given(plain_states(), st.integers(1, 5), st.integers(1, 3), st.booleans())
def test_gang_of_equal_pods_is_placed_exactly_when_it_fits(
    drawn: tuple[list[NodeState], dict[str, str]], size: int, gpus: int, required: bool
) -> None:
    nodes, racks = drawn
    topology = TopologyConstraint(required="rack") if required else TopologyConstraint()
    snapshot = cluster(
        *nodes, racks=racks or {"none": "r0"}, g=gang("g", size, pod=shape(gpus=gpus), topology=topology)
    )
    if required and not racks:
        return
    (decision,) = decide(snapshot, default_policies(), now=0.0).decisions
    assert isinstance(decision, Admit) == _fits(nodes, racks, size, shape(gpus=gpus), required=required)


def _fits(nodes: list[NodeState], racks: dict[str, str], size: int, pod: PodShape, *, required: bool) -> bool:
    """Try every way to spread the members over the nodes."""
    counts = [_copies(state, pod) for state in nodes]
    for spread in product(*(range(count + 1) for count in (min(c, size) for c in counts))):
        if sum(spread) != size:
            continue
        used = [str(state.node.name) for state, count in zip(nodes, spread, strict=True) if count]
        homes = {racks.get(name, f"alone {name}") for name in used}
        if not required or len(homes) == 1:
            return True
    return False


def _copies(state: NodeState, pod: PodShape) -> int:
    if state.node.taints:
        return 0
    free, copies = state.free, 0
    while pod.requests.fits_in(free):
        free, copies = free - pod.requests, copies + 1
    return copies


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots(), st.randoms(use_true_random=False))
def test_what_one_judge_finds_in_a_spoilt_plan_the_independent_one_finds_too(
    snapshot: Snapshot, rng: random.Random
) -> None:
    plan = decide(snapshot, default_policies(), now=0.0)
    if not plan.admitted:
        return
    spoilt = _spoilt(plan, sorted(snapshot.nodes), rng)
    if violations(snapshot, spoilt):
        assert wrongs(snapshot, spoilt) != []


def _spoilt(plan: Plan, nodes: list[NodeName], rng: random.Random) -> Plan:
    """Move one member to another node, leave one out, or plan one twice."""
    admit = rng.choice(plan.admitted)
    slots = list(admit.assignments)
    number = rng.randrange(len(slots))
    match rng.choice(["move", "move", "drop", "repeat"]):
        case "move":
            slots[number] = replace(slots[number], node=rng.choice(nodes))
        case "drop":
            del slots[number]
        case "repeat":
            slots.append(replace(slots[number], rank=len(slots) + 100))
    changed = replace(admit, assignments=tuple(slots))
    return Plan(tuple(changed if each is admit else each for each in plan.decisions))


def test_both_judges_see_what_they_are_for() -> None:
    snapshot = cluster(node("n0", gpus=2), g=gang("g", 2))
    plan = decide(snapshot, default_policies(), now=0.0)
    smaller = replace(snapshot, nodes={NodeName("n0"): node("n0", gpus=1)})
    assert violations(snapshot, plan) == ()
    assert any("would give" in found for found in violations(smaller, plan))
    assert any("would carry" in found for found in wrongs(smaller, plan))
