"""Random volumes, claims and limits through `decide`: judged by a checker that shares no code with it, and by trying every placement."""

from dataclasses import replace
from itertools import product

from hypothesis import event, given, settings
from hypothesis import strategies as st

from scheduler.engine.cycle import decide
from scheduler.engine.validate import violations
from scheduler.model.ids import AttemptId, GroupKey, NodeName
from scheduler.model.plan import Admit, Assignment, Hold, Plan
from scheduler.model.pods import Pod
from scheduler.model.reasons import Reason
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.snapshot import Snapshot
from scheduler.model.volumes import (
    Attachment,
    Claim,
    ClaimKey,
    ClaimUse,
    Handle,
    NodeDrivers,
    Storage,
    StorageClass,
    Volume,
)
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, members, node, shape
from tests.checker.plans import wrongs
from tests.volumes import on

CLAIMS = tuple(f"c{number}" for number in range(7))
DRIVERS = ("limited", "demanding", "free")
ZONE = "topology.kubernetes.io/zone"
OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"


def now_and_then(draw: st.DrawFn, one_in: int) -> bool:
    return draw(st.integers(1, one_in)) == one_in


@st.composite
def storages(draw: st.DrawFn, nodes: list[str]) -> Storage:
    """Draw claims in every state, with volumes behind most of them, and what nodes attach."""
    claims, volumes = {}, {}
    for name in CLAIMS:
        claim = Claim(
            f"pv-{name}",
            storage_class=draw(st.sampled_from(["", "late"])),
            is_bound=not now_and_then(draw, 25),
            is_deleting=now_and_then(draw, 40),
            is_exclusive=now_and_then(draw, 5),
        )
        if now_and_then(draw, 12):
            claim = Claim(storage_class=draw(st.sampled_from(["at-once", "late", "late", "late"])))
            if now_and_then(draw, 4):
                claim = replace(claim, selected_node=NodeName(draw(st.sampled_from(nodes))))
        if not now_and_then(draw, 40):
            claims[ClaimKey("team", name)] = claim
        handle = Handle(draw(st.sampled_from(DRIVERS)), draw(st.sampled_from("uvwxyz")))
        volume = Volume(
            handle=handle if draw(st.booleans()) or draw(st.booleans()) else None,
            storage_class=draw(st.sampled_from(["", "late"])),
            claimed_by=None if now_and_then(draw, 30) else ClaimKey("team", name),
        )
        if now_and_then(draw, 4):
            volume = replace(volume, reach=on("host", *draw(st.lists(st.sampled_from(nodes), max_size=3))))
        if now_and_then(draw, 4):
            zones = tuple(sorted(set(draw(st.lists(st.sampled_from("ab"), min_size=1, max_size=2)))))
            volume = replace(volume, zones=((draw(st.sampled_from([ZONE, OLD_ZONE])), zones),))
        if claim.volume and not now_and_then(draw, 40):
            volumes[f"pv-{name}"] = volume
    return Storage(
        claims,
        volumes,
        {
            "late": StorageClass("limited", True, on("host", *nodes[:2]) if draw(st.booleans()) else None),
            "at-once": StorageClass("limited"),
        },
        {
            NodeName(name): NodeDrivers(
                DRIVERS if draw(st.booleans()) else ("limited",),
                {"limited": draw(st.integers(0, 3))} if not now_and_then(draw, 4) else {},
            )
            for name in nodes
            if not now_and_then(draw, 8)
        },
        frozenset({"demanding"}) if draw(st.booleans()) else frozenset(),
        attachments={
            f"va{number}": Attachment(
                NodeName(draw(st.sampled_from(nodes))), draw(st.sampled_from(DRIVERS)), f"pv-c{number}"
            )
            for number in range(draw(st.integers(0, 3)))
        },
    )


@st.composite
def worlds(draw: st.DrawFn) -> Snapshot:
    """Draw a few nodes, one or two gangs whose members use claims, and claims in use."""
    names = [f"n{number}" for number in range(draw(st.integers(1, 4)))]
    states = []
    for name in names:
        labels = {"host": name}
        if not now_and_then(draw, 4):
            labels[draw(st.sampled_from([ZONE, ZONE, OLD_ZONE]))] = draw(st.sampled_from("ab"))
        used = draw(st.lists(st.sampled_from(CLAIMS), max_size=2, unique=True))
        claims = tuple(ClaimKey("team", each) for each in sorted(used)) if now_and_then(draw, 3) else ()
        states.append(replace(node(name, gpus=draw(st.integers(1, 4)), labels=labels), claims=claims))
    gangs = {}
    for name in ("a", "b")[: draw(st.integers(1, 2))]:
        group, pods = gang(name, draw(st.integers(1, 4)))
        shared = tuple(
            sorted({draw(st.sampled_from(CLAIMS)) for _ in range(draw(st.sampled_from([0, 0, 1])))})
        )
        gangs[name] = (group, tuple(_with_claims(draw, pod, shared) for pod in pods))
    snapshot = replace(cluster(*states, **gangs), storage=draw(storages(names)))
    if now_and_then(draw, 4):
        held = _with_claims(draw, members("held", 1)[0], ())
        slot = HeldSlot(
            held.key, held.uid, NodeName(draw(st.sampled_from(names))), held.shape, claims=held.claims
        )
        reservation = Reservation(GroupKey("team", "held"), AttemptId("e"), (slot,))
        snapshot = replace(snapshot, reservations=(reservation,))
    return snapshot


def _with_claims(draw: st.DrawFn, pod: Pod, shared: tuple[str, ...]) -> Pod:
    own = draw(st.lists(st.sampled_from(CLAIMS), max_size=2))
    claims = tuple(ClaimUse(name) for name in sorted({*own, *shared}))
    return replace(pod, shape=shape(gpus=draw(st.sampled_from([1, 1, 1, 2]))), claims=claims)


@settings(max_examples=400, deadline=None)
@given(worlds(), st.booleans())
def test_no_plan_breaks_a_rule_on_volumes(snapshot: Snapshot, holds_unevaluated: bool) -> None:
    plan = decide(snapshot, default_policies(holds_unevaluated=holds_unevaluated), now=0.0)
    event(f"{len(plan.admitted)} of {len(snapshot.groups)} gangs start")
    assert wrongs(snapshot, plan, evaluates_all=not holds_unevaluated) == []
    assert violations(snapshot, plan) == ()


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_a_gang_is_refused_for_good_only_if_no_placement_is_right(snapshot: Snapshot) -> None:
    key = min(snapshot.groups)
    (decision,) = decide(snapshot, default_policies(), now=0.0, only=frozenset({key})).decisions
    if isinstance(decision, Admit):
        return
    assert isinstance(decision, Hold)
    event(decision.reason.value)
    if decision.reason is Reason.NOT_FOUND_WITHIN_BOUND:
        return
    pods = snapshot.members[key]
    for homes in product(sorted(snapshot.nodes), repeat=len(pods)):
        slots = tuple(
            Assignment(pod.key, pod.uid, home, rank)
            for rank, (pod, home) in enumerate(zip(pods, homes, strict=True))
        )
        admit = Admit(key, len(pods), 1, slots)
        assert wrongs(snapshot, Plan((admit,))), f"{homes} would be right, and it is said: {decision.message}"
