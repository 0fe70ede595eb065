"""What explanations claim of random clusters holds: the engine is asked again about each claim, on a snapshot changed by hand."""

import random
from dataclasses import replace

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from scheduler.engine.cycle import decide
from scheduler.explain import Explanation, explain
from scheduler.explain.blocking import BlockingSet
from scheduler.explain.constraints import Constraint, Sort
from scheduler.explain.edits import Counts, Edit, edited
from scheduler.explain.judge import edits_of
from scheduler.explain.oracle import Verdict
from scheduler.explain.questions import counted
from scheduler.model.ids import GroupKey
from scheduler.model.plan import Admit, Hold
from scheduler.model.pods import PodPhase
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies
from tests.properties.worlds import now_and_then, snapshots

A = GroupKey("team", "a")
FOUND_OUT = settings(
    max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def crowded(draw: st.DrawFn) -> Snapshot:
    """Draw a cluster in which gang a often waits: the other gangs run, some nodes are cordoned, and it is itself larger now and then."""
    snapshot = draw(snapshots())
    nodes = dict(snapshot.nodes)
    members = dict(snapshot.members)
    for key in sorted(snapshot.groups.keys() - {A}):
        pods = []
        for pod in snapshot.members[key]:
            name = draw(st.sampled_from(sorted(nodes)))
            nodes[name] = _with(nodes[name], pod.shape.requests, pod.shape.host_ports)
            pods.append(replace(pod, node=name, phase=PodPhase.RUNNING, is_gated=False))
        members[key] = tuple(pods)
    for name in sorted(nodes):
        if now_and_then(draw, 4):
            nodes[name] = replace(nodes[name], node=replace(nodes[name].node, unschedulable=True))
    if now_and_then(draw, 2):
        factor = draw(st.integers(2, 4))
        group, pods_of_a = snapshot.groups[A], snapshot.members[A]
        more = [
            replace(
                pod, key=pod.key._replace(name=f"{pod.key.name}.{n}"), uid=type(pod.uid)(f"{pod.uid}.{n}")
            )
            for n in range(factor)
            for pod in pods_of_a
        ]
        members[A] = tuple(more)
        roles = tuple(replace(role, min_count=role.min_count * factor) for role in group.roles)
        most = group.max_count * factor if group.max_count is not None else None
        group = replace(group, min_count=group.min_count * factor, max_count=most, roles=roles)
        snapshot = replace(snapshot, groups={**snapshot.groups, A: group})
    return replace(snapshot, nodes=nodes, members=members)


def _with(state: NodeState, requests: object, ports: tuple[object, ...]) -> NodeState:
    return replace(state, requested=state.requested + requests, host_ports=(*state.host_ports, *ports))  # type: ignore[operator, arg-type]


def explained(snapshot: Snapshot, key: GroupKey = A) -> Explanation:
    return explain(snapshot, key, default_policies(), now=0.0)


def decided(snapshot: Snapshot, *edits: Edit) -> Admit | Hold | None:
    """Return the engine's word, with a memory of its own."""
    changed = edited(counted(snapshot, A), edits)
    return next(iter(decide(changed, default_policies(), now=0.0, only=frozenset({A})).decisions), None)


@FOUND_OUT
@given(crowded(), st.randoms(use_true_random=False))
def test_explanation_never_fails_and_does_not_depend_on_the_order_of_the_input(
    snapshot: Snapshot, rng: random.Random
) -> None:
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
    for key in sorted(snapshot.groups):
        told = explained(snapshot, key)
        event(told.reason or "nothing fails")
        assert told.reason != Reason.INTERNAL_ERROR
        assert told.to_dict() == explained(other, key).to_dict()


@FOUND_OUT
@given(crowded())
def test_every_change_that_is_named_lets_the_gang_start(snapshot: Snapshot) -> None:
    for change in explained(snapshot).changes:
        event(change.kind.value)
        assert isinstance(decided(snapshot, *change.edits), Admit), change.text


@FOUND_OUT
@given(crowded())
def test_every_blocking_set_is_irreducible(snapshot: Snapshot) -> None:
    for found in explained(snapshot).blocking.sets:
        event(f"set of {len(found.constraints)}")
        assert isinstance(decided(snapshot, *edits_of(found.constraints)), Admit)
        if found.is_irreducible:
            _needs_each(snapshot, found)


def _needs_each(snapshot: Snapshot, found: BlockingSet) -> None:
    for spared in found.constraints:
        kept: list[Constraint] = [each for each in found.constraints if each is not spared]
        assert isinstance(decided(snapshot, *edits_of(kept)), Hold), spared.name


@FOUND_OUT
@given(crowded())
def test_constraint_that_does_not_help_alone_does_not(snapshot: Snapshot) -> None:
    told = explained(snapshot)
    for each in told.blocking.relaxations:
        event(f"{each.constraint.sort.value} {each.verdict.value}")
        answer = decided(snapshot, *each.constraint.edits)
        if each.verdict is Verdict.STARTS:
            assert isinstance(answer, Admit)
        elif each.verdict is Verdict.WAITS:
            assert isinstance(answer, Hold)
    if told.outsized:
        everything = edits_of(each.constraint for each in told.blocking.relaxations)
        assert isinstance(decided(snapshot, *everything), Hold)


@FOUND_OUT
@given(crowded())
def test_members_that_fit_are_those_that_the_engine_would_place(snapshot: Snapshot) -> None:
    """An elastic gang of one member at least is given as many as fit."""
    group = snapshot.groups[A]
    for each in explained(snapshot).blocking.relaxations:
        if not each.is_exact or each.constraint.sort is Sort.SLICES or group.topology.slices or group.roles:
            continue
        if len(_kinds(edited(snapshot, each.constraint.edits))) > 1:
            continue  # members beyond the start are unlike it: of those the engine does not try each number
        answer = decided(snapshot, *each.constraint.edits, Counts(A, 1))
        placed = len(answer.assignments) if isinstance(answer, Admit) else 0
        assert min(placed, each.needed) == each.fit, each.constraint.name


def _kinds(snapshot: Snapshot) -> set[object]:
    waiting = [pod for pod in snapshot.members[A] if not pod.is_bound and pod.counts_for_quorum]
    return {(pod.shape, snapshot.refused.get(pod.uid)) for pod in waiting}


@FOUND_OUT
@given(crowded())
def test_gate_that_fails_is_the_engines(snapshot: Snapshot) -> None:
    answer, told = decided(snapshot), explained(snapshot)
    passed = [gate.passed for gate in told.gates]
    if isinstance(answer, Hold):
        assert told.headline == answer.message
        assert passed.count(False) == 1
        assert passed == sorted(passed, key=[True, False, None].index)
    else:
        assert set(passed) <= {True}


@FOUND_OUT
@given(crowded(), st.integers(0, 3))
def test_bound_on_questions_is_kept_and_told(snapshot: Snapshot, most: int) -> None:
    told = explain(snapshot, A, default_policies(), now=0.0, most_questions=most)
    assert told.questions <= most + 1
    free = explained(snapshot)
    if free.questions > most + 1:
        assert any("bound" in note for note in told.notes)
    for change in told.changes:
        assert isinstance(decided(snapshot, *change.edits), Admit), change.text
