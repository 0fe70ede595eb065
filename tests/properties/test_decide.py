"""Random clusters and gangs through `decide`, judged by the checker that knows nothing of the search."""

import random
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.engine.cycle import decide
from scheduler.engine.validate import violations
from scheduler.model.ids import NodeName
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.plan import Admit
from scheduler.model.podgroups import PodGroup, TopologyConstraint
from scheduler.model.pods import HostPort, Pod, PodShape, Toleration
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, node, shape, taken

TAINT = Taint("team", TaintEffect.NO_SCHEDULE, "red")


@st.composite
def states(draw: st.DrawFn) -> tuple[list[NodeState], dict[str, str]]:
    """Draw nodes, some tainted, cordoned, labelled or in use, in a few racks."""
    made, racks = [], {}
    for number in range(draw(st.integers(1, 7))):
        name = f"n{number}"
        labels = {"kind": draw(st.sampled_from(["fast", "slow"]))}
        taints = (TAINT,) if draw(st.booleans()) and draw(st.booleans()) else ()
        state = node(
            name, gpus=draw(st.integers(0, 8)), pods=draw(st.integers(1, 9)), labels=labels, taints=taints
        )
        made.append(taken(state, draw(st.integers(0, 3))) if draw(st.booleans()) else state)
        if draw(st.integers(0, 5)):
            racks[name] = f"r{draw(st.integers(0, 2))}"
    return made, racks


@st.composite
def shapes(draw: st.DrawFn) -> PodShape:
    """Draw a pod: GPUs, sometimes a selector, a toleration or a host port."""
    selector = (("kind", draw(st.sampled_from(["fast", "slow"]))),) if draw(st.integers(0, 3)) == 0 else ()
    tolerations = (Toleration("team", exists=True),) if draw(st.booleans()) else ()
    ports = (HostPort("TCP", 8080),) if draw(st.integers(0, 5)) == 0 else ()
    return shape(
        gpus=draw(st.integers(0, 5)), node_selector=selector, tolerations=tolerations, host_ports=ports
    )


@st.composite
def gangs(draw: st.DrawFn, name: str) -> tuple[PodGroup, tuple[Pod, ...]]:
    """Draw a gang of equal or unlike members, some bound, gated or missing."""
    size = draw(st.integers(1, 6))
    topology = (
        TopologyConstraint(required="rack")
        if draw(st.booleans())
        else TopologyConstraint(preferred=draw(st.sampled_from([None, "rack"])))
    )
    group, pods = gang(
        name,
        size,
        pod=draw(shapes()),
        topology=topology,
        min_count=draw(st.integers(1, 7)),
        priority=draw(st.integers(0, 1)),
    )
    if draw(st.booleans()):
        group = replace(group, max_count=group.min_count + draw(st.integers(0, 2)))
    if draw(st.booleans()):
        pods = tuple(replace(pod, shape=draw(shapes())) if draw(st.booleans()) else pod for pod in pods)
    return group, tuple(replace(pod, is_gated=draw(st.integers(0, 9)) == 0) for pod in pods)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw a whole cluster."""
    nodes, racks = draw(states())
    named = {name: draw(gangs(name)) for name in ("a", "b", "c")[: draw(st.integers(1, 3))]}
    return cluster(*nodes, racks=racks or {"none": "r0"}, **named)


@settings(max_examples=400)
@given(snapshots())
def test_no_plan_breaks_an_invariant(snapshot: Snapshot) -> None:
    assert violations(snapshot, decide(snapshot, default_policies(), now=0.0)) == ()


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
@given(states(), st.integers(1, 5), st.integers(1, 3), st.booleans())
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


def test_checker_sees_what_it_is_for() -> None:
    snapshot = cluster(node("n0", gpus=2), g=gang("g", 2))
    plan = decide(snapshot, default_policies(), now=0.0)
    smaller = replace(snapshot, nodes={NodeName("n0"): node("n0", gpus=1)})
    assert violations(snapshot, plan) == ()
    assert any("would give" in found for found in violations(smaller, plan))
