"""
Random clusters with random gangs: everything that a plan has to respect, in small numbers.

Most draws are plain, so that gangs often fit; each oddity turns up now and then, alone or beside others.
"""

from dataclasses import replace

from hypothesis import strategies as st

from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.podgroups import Attempt, AttemptPhase, PodGroup, Role, Slice, TopologyConstraint
from scheduler.model.pods import (
    HostPort,
    NodeSelectorTerm,
    Operator,
    Pod,
    PodPhase,
    PodShape,
    Requirement,
    Toleration,
)
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot
from tests.build import GPU, cluster, gang, node, shape

SLICE = 2
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
EFFECTS = st.sampled_from(list(TaintEffect))
PORTS = st.builds(
    HostPort,
    st.sampled_from(["TCP", "UDP"]),
    st.sampled_from([8080, 9090]),
    st.sampled_from(["0.0.0.0", "10.0.0.1", "10.0.0.2"]),  # noqa: S104  what pods ask for
)


def now_and_then(draw: st.DrawFn, one_in: int) -> bool:
    """Whether an oddity turns up."""
    return draw(st.integers(1, one_in)) == one_in


@st.composite
def states(draw: st.DrawFn) -> tuple[list[NodeState], dict[str, str], dict[str, str]]:
    """Draw nodes, and the racks and blocks that some of them are in."""
    made: list[NodeState] = []
    racks: dict[str, str] = {}
    blocks: dict[str, str] = {}
    for number in range(draw(st.integers(2, 8))):
        name = f"n{number}"
        labels = {
            "kind": draw(st.sampled_from(["fast", "slow"])),
            "size": draw(st.sampled_from(["1", "10", "x"])),
        }
        taints = (
            (
                Taint(
                    draw(st.sampled_from(["team", "old"])), draw(EFFECTS), draw(st.sampled_from(["", "red"]))
                ),
            )
            if now_and_then(draw, 5)
            else ()
        )
        state = node(
            name,
            gpus=draw(st.sampled_from([8, 8, 4, 0])),
            cpu=draw(st.sampled_from([64, 64, 4])),
            pods=draw(st.sampled_from([110, 9, 2])),
            labels=labels,
            taints=taints,
            unschedulable=now_and_then(draw, 10),
        )
        if now_and_then(draw, 3):
            used = Resources({GPU: draw(st.integers(0, 9)), "cpu": draw(st.integers(0, 5000)), "pods": 1})
            state = replace(state, requested=used)
        if now_and_then(draw, 6):
            state = replace(state, host_ports=(draw(PORTS),))
        made.append(state)
        if not now_and_then(draw, 8):
            racks[name] = f"r{draw(st.integers(0, 2))}"
        if not now_and_then(draw, 8):
            blocks[name] = f"b{draw(st.integers(0, 1))}"
    return made, racks, blocks


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    """Draw one condition on a node's labels."""
    operator = draw(st.sampled_from(list(Operator)))
    if operator in {Operator.GT, Operator.LT}:
        return Requirement("size", operator, (draw(st.sampled_from(["0", "5", "20", "x"])),))
    key = draw(st.sampled_from(["kind", "size", "absent"]))
    if operator in {Operator.EXISTS, Operator.DOES_NOT_EXIST}:
        return Requirement(key, operator)
    values = draw(st.lists(st.sampled_from(["fast", "slow", "1", "10"]), min_size=1, max_size=3))
    return Requirement(key, operator, tuple(values))


@st.composite
def terms(draw: st.DrawFn) -> NodeSelectorTerm:
    """Draw one term of a required node affinity, now and then an empty one, or one that names nodes."""
    labels = tuple(draw(st.lists(requirements(), max_size=2)))
    if not now_and_then(draw, 3):
        return NodeSelectorTerm(labels)
    operator = draw(st.sampled_from([Operator.IN, Operator.NOT_IN]))
    return NodeSelectorTerm(
        labels, (Requirement("metadata.name", operator, (f"n{draw(st.integers(0, 3))}",)),)
    )


@st.composite
def tolerations(draw: st.DrawFn) -> Toleration:
    """Draw one toleration of any form that the API server accepts."""
    key = draw(st.sampled_from(["", "team", "old", UNSCHEDULABLE]))
    effect = draw(st.none() | EFFECTS)
    if not key or draw(st.booleans()):
        return Toleration(key, exists=True, effect=effect)
    return Toleration(key, value=draw(st.sampled_from(["", "red"])), effect=effect)


@st.composite
def shapes(draw: st.DrawFn) -> PodShape:
    """Draw what a pod asks for."""
    selector = (("kind", draw(st.sampled_from(["fast", "slow"]))),) if now_and_then(draw, 5) else ()
    affinity = tuple(draw(st.lists(terms(), max_size=2))) if now_and_then(draw, 5) else None
    return shape(
        gpus=draw(st.sampled_from([0, 1, 1, 2, 4, 5])),
        cpu=draw(st.sampled_from([0, 1, 1, 3])),
        node_selector=selector,
        required_terms=affinity,
        tolerations=tuple(draw(st.lists(tolerations(), max_size=2))),
        host_ports=(draw(PORTS),) if now_and_then(draw, 6) else (),
        unevaluated=("podAffinity",) if now_and_then(draw, 30) else (),
    )


@st.composite
def topologies(draw: st.DrawFn) -> TopologyConstraint:
    """Draw what a gang asks of the network."""
    levels = st.sampled_from(
        ["rack", "rack", "rack", "block", "block", "host", "example.com/rack", "example.com/block", "nowhere"]
    )
    return TopologyConstraint(
        required=draw(levels) if now_and_then(draw, 3) else None,
        preferred=draw(levels) if now_and_then(draw, 4) else None,
        slices=(Slice(draw(st.sampled_from(["rack", "host"])), SLICE),) if now_and_then(draw, 5) else (),
    )


@st.composite
def gangs(draw: st.DrawFn, name: str, nodes: list[NodeState]) -> tuple[PodGroup, tuple[Pod, ...]]:
    """Draw a gang of equal or unlike members, some bound, gated, ended, going or missing."""
    size = draw(st.integers(1, 6))
    group, pods = gang(
        name,
        size,
        pod=draw(shapes()),
        topology=draw(topologies()),
        min_count=max(1, size - draw(st.sampled_from([0, 0, 0, 0, 1, 2, -1]))),
        priority=draw(st.integers(0, 1)),
        refusal="It asks for the impossible." if now_and_then(draw, 20) else "",
    )
    if now_and_then(draw, 4):
        group = replace(group, max_count=group.min_count + draw(st.integers(0, 2)))
    if group.topology.slices and group.min_count % SLICE:  # the API server refuses these
        group = replace(group, topology=replace(group.topology, slices=()))
    if group.min_count > 1 and now_and_then(draw, 4):
        group = replace(
            group, roles=(Role("leader", 1), Role("worker", draw(st.integers(1, group.min_count - 1))))
        )
        pods = tuple(replace(pod, role="leader" if n == size - 1 else "worker") for n, pod in enumerate(pods))
    if now_and_then(draw, 3):
        pods = tuple(replace(pod, shape=draw(shapes())) if draw(st.booleans()) else pod for pod in pods)
    if now_and_then(draw, 5):
        attempt = Attempt(AttemptId("e1-1"), 1, 1, group.min_count, AttemptPhase.COMMITTED, ())
        group = replace(group, attempt=attempt if draw(st.booleans()) else None)
        pods = tuple(_bound(draw, pod, nodes) if draw(st.booleans()) else pod for pod in pods)
    return group, tuple(_odd(draw, pod) for pod in pods)


def _bound(draw: st.DrawFn, pod: Pod, nodes: list[NodeState]) -> Pod:
    """Bind a pod wherever it is: somebody may have done so by hand. What it takes is in its node's state already, or lost."""
    phase = draw(st.sampled_from([PodPhase.RUNNING, PodPhase.RUNNING, PodPhase.SUCCEEDED, PodPhase.FAILED]))
    names = [state.node.name for state in nodes] + [NodeName("gone")]
    return replace(pod, node=draw(st.sampled_from(names)), phase=phase)


def _odd(draw: st.DrawFn, pod: Pod) -> Pod:
    if pod.node is None and now_and_then(draw, 15):
        return replace(pod, is_gated=True)
    return replace(pod, is_deleting=True) if now_and_then(draw, 20) else pod


@st.composite
def reservations(draw: st.DrawFn, nodes: list[NodeState]) -> tuple[Reservation, ...]:
    """Draw room held for a gang of which nothing else is known yet, now and then on a node that has gone."""
    names = [state.node.name for state in nodes] + [NodeName("gone")]
    slots = tuple(
        HeldSlot(
            PodKey("held", f"p{number}"),
            PodUid(f"held-{number}"),
            draw(st.sampled_from(names)),
            draw(shapes()),
        )
        for number in range(draw(st.integers(0, 3)))
    )
    return (Reservation(GroupKey("held", "g"), AttemptId("e1-9"), slots),) if slots else ()


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw a whole cluster."""
    nodes, racks, blocks = draw(states())
    named = {name: draw(gangs(name, nodes)) for name in ("a", "b", "c")[: draw(st.integers(1, 3))]}
    made = cluster(*nodes, racks=racks or {"none": "r0"}, blocks=blocks or {"none": "b0"}, **named)
    refused = {
        pod.uid: frozenset({draw(st.sampled_from(nodes)).node.name})
        for _, pods in named.values()
        for pod in pods
        if now_and_then(draw, 20)
    }
    return replace(made, reservations=draw(reservations(nodes)), refused=refused)
