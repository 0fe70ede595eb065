"""
Random clusters in which pods mind who is near: affinity, anti-affinity and spread, of members and of pods that stand already.

Small enough that every placement can be tried, and dense enough that rules meet: few labels, few namespaces, topology keys that are levels
of the network, that are none, that cross each other, and that some nodes lack.
"""

from dataclasses import replace

from hypothesis import strategies as st

from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.neighbours import PodRules, PodTerm, Resident, Selector, Spread, WeightedPodTerm
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.podgroups import PodGroup, TopologyConstraint
from scheduler.model.pods import Operator, Pod, PodShape, Requirement, Toleration
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.snapshot import NodeState, Snapshot
from tests.build import cluster, gang, node, shape, taken

HOST, ZONE, RACK, ROOM = "kubernetes.io/hostname", "zone", "example.com/rack", "room"
KEYS = st.sampled_from([HOST, HOST, RACK, RACK, ZONE, ZONE, ROOM, "nowhere"])
LABELS = st.fixed_dictionaries({}, optional={"app": st.sampled_from("abc"), "tier": st.sampled_from("xy")})
NAMESPACES = st.sampled_from(["team", "team", "team", "other"])
TEAMS = {"team": {"kind": "ours"}, "other": {"kind": "theirs"}}
RED = Taint("red", TaintEffect.NO_SCHEDULE)


def now_and_then(draw: st.DrawFn, one_in: int) -> bool:
    """Whether an oddity turns up."""
    return draw(st.integers(1, one_in)) == one_in


@st.composite
def selectors(draw: st.DrawFn) -> Selector:
    """Draw a label selector of any form; most name a label."""
    if now_and_then(draw, 12):
        return draw(st.sampled_from([None, ()]))
    key, values = draw(st.sampled_from([("app", "abc"), ("app", "abc"), ("tier", "xy")]))
    operator = draw(st.sampled_from([Operator.IN, Operator.IN, Operator.NOT_IN, Operator.EXISTS]))
    chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))
    return (Requirement(key, operator, tuple(chosen) if operator is not Operator.EXISTS else ()),)


@st.composite
def terms(draw: st.DrawFn) -> PodTerm:
    """Draw a term; now and then it reaches into other namespaces."""
    if not now_and_then(draw, 4):
        return PodTerm(draw(KEYS), draw(selectors()))
    kind = (Requirement("kind", Operator.IN, (draw(st.sampled_from(["ours", "theirs"])),)),)
    return PodTerm(
        draw(KEYS),
        draw(selectors()),
        draw(st.sampled_from([(), ("other",), ("team",)])),
        draw(st.sampled_from([None, (), kind])),
    )


@st.composite
def rules(draw: st.DrawFn) -> PodRules | None:
    """Draw what a pod asks of others."""
    made = PodRules(
        affinity=tuple(draw(st.lists(terms(), min_size=1, max_size=2))) if now_and_then(draw, 3) else (),
        anti_affinity=tuple(draw(st.lists(terms(), min_size=1, max_size=2))) if now_and_then(draw, 2) else (),
        preferred=(WeightedPodTerm(draw(st.sampled_from([-5, 5, 100])), draw(terms())),)
        if now_and_then(draw, 4)
        else (),
    )
    return made if made != PodRules() else None


@st.composite
def spreads(draw: st.DrawFn) -> Spread:
    """Draw a spread constraint."""
    return Spread(
        draw(KEYS),
        draw(st.integers(1, 2)),
        not now_and_then(draw, 4),
        draw(selectors()),
        min_domains=draw(st.sampled_from([1, 1, 1, 2, 4])),
        honours_affinity=not now_and_then(draw, 4),
        honours_taints=now_and_then(draw, 3),
    )


@st.composite
def shapes(draw: st.DrawFn) -> PodShape:
    """Draw what a pod asks for; most ask something of others."""
    return shape(
        gpus=draw(st.sampled_from([1, 1, 2, 4])),
        node_selector=(("fast", "yes"),) if now_and_then(draw, 6) else (),
        tolerations=(Toleration("red", exists=True),) if now_and_then(draw, 3) else (),
        rules=draw(rules()) if not now_and_then(draw, 3) else None,
        spreads=tuple(draw(st.lists(spreads(), min_size=1, max_size=2))) if now_and_then(draw, 3) else (),
    )


@st.composite
def states(draw: st.DrawFn, most: int = 6) -> tuple[list[NodeState], dict[str, str]]:
    """Draw nodes with pods on them, and their racks."""
    made, racks = [], {}
    for number in range(draw(st.integers(2, most))):
        name = f"n{number}"
        labels = {HOST: name, ZONE: draw(st.sampled_from("ab")), ROOM: draw(st.sampled_from("pq"))}
        if number == 0 or not now_and_then(draw, 6):
            racks[name] = labels[RACK] = f"r{draw(st.integers(0, 2))}"
        if now_and_then(draw, 3):
            labels["fast"] = "yes"
        for key in (HOST, ZONE, ROOM):
            if now_and_then(draw, 12):
                del labels[key]
        state = node(
            name,
            gpus=draw(st.sampled_from([8, 4, 2])),
            labels=labels,
            taints=(RED,) if now_and_then(draw, 6) else (),
        )
        residents = tuple(draw(st.lists(_residents(), max_size=2))) if draw(st.booleans()) else ()
        if residents:
            state = taken(replace(state, residents=residents), draw(st.integers(0, 3)))
        made.append(state)
    return made, racks


@st.composite
def _residents(draw: st.DrawFn) -> Resident:
    return Resident(
        draw(NAMESPACES),
        draw(LABELS),
        draw(rules()) if now_and_then(draw, 3) else None,
        now_and_then(draw, 5),
    )


@st.composite
def gangs(draw: st.DrawFn, name: str, most: int = 5) -> tuple[PodGroup, tuple[Pod, ...]]:
    """Draw a gang of equal or unlike members."""
    size = draw(st.integers(1, most))
    group, pods = gang(
        name,
        size,
        pod=draw(shapes()),
        min_count=max(1, size - draw(st.sampled_from([0, 0, 0, 1, 2]))),
        topology=TopologyConstraint(
            required=draw(st.sampled_from([None, None, None, "rack", "host"])),
            preferred=draw(st.sampled_from([None, "rack"])),
        ),
    )
    labels = draw(LABELS)
    pods = tuple(replace(pod, labels=labels) for pod in pods)
    if now_and_then(draw, 3):  # unlike in what they ask for, in who they are, or both
        other_shape, other_labels = draw(shapes()), draw(LABELS)
        changed = draw(st.sets(st.integers(0, size - 1), min_size=1))
        pods = tuple(
            replace(pod, shape=other_shape, labels=other_labels) if number in changed else pod
            for number, pod in enumerate(pods)
        )
    return group, pods


@st.composite
def reservations(draw: st.DrawFn, nodes: list[NodeState]) -> tuple[Reservation, ...]:
    """Draw room that is held for somebody."""
    slots = tuple(
        HeldSlot(
            PodKey(draw(NAMESPACES), f"held-{number}"),
            PodUid(f"held-{number}"),
            draw(st.sampled_from(nodes)).node.name,
            draw(shapes()),
            draw(LABELS),
        )
        for number in range(draw(st.integers(0, 2)))
    )
    return (Reservation(GroupKey("other", "held"), AttemptId("e1-1"), slots),) if slots else ()


@st.composite
def worlds(draw: st.DrawFn) -> Snapshot:
    """Draw a whole cluster with one to three gangs."""
    nodes, racks = draw(states())
    named = {name: draw(gangs(name)) for name in ("g", "h", "i")[: draw(st.integers(1, 3))]}
    made = cluster(*nodes, racks=racks, **named)
    made = replace(made, namespaces=TEAMS, reservations=draw(reservations(nodes)))
    if now_and_then(draw, 4):
        made = _with_bound_members(draw, made)
    return made


def _with_bound_members(draw: st.DrawFn, snapshot: Snapshot) -> Snapshot:
    """Bind the first member of a gang wherever it is: somebody may have done so by hand."""
    key = sorted(snapshot.members)[0]
    first, *others = snapshot.members[key]
    name = draw(st.sampled_from(sorted(snapshot.nodes)))
    state = snapshot.nodes[name]
    occupied = replace(
        state,
        requested=state.requested + first.shape.requests,
        residents=(*state.residents, first.as_resident()),
    )
    return replace(
        snapshot,
        nodes={**snapshot.nodes, NodeName(name): occupied},
        members={**snapshot.members, key: (replace(first, node=NodeName(name)), *others)},
    )
