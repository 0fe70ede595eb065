"""Gangs that mind who is near, judged by a checker that shares no code with the engine, and by trying every placement."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement, product

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from scheduler.engine.cycle import decide
from scheduler.engine.validate import violations
from scheduler.model.ids import NodeName
from scheduler.model.plan import Admit, Assignment, Plan
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import Snapshot
from scheduler.policies.registry import default_policies
from tests.build import cluster
from tests.checker.plans import wrongs
from tests.properties.neighbour_worlds import TEAMS, gangs, states, worlds

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=500, suppress_health_check=SLOW)
@given(worlds())
def test_no_plan_puts_a_pod_beside_those_that_keep_it_away(snapshot: Snapshot) -> None:
    plan = decide(snapshot, default_policies(), now=0.0)
    event(f"{len(plan.admitted)} of {len(snapshot.groups)} gangs start")
    assert wrongs(snapshot, plan) == []
    assert violations(snapshot, plan) == ()


@st.composite
def small_worlds(draw: st.DrawFn) -> Snapshot:
    """One gang of up to four on up to four nodes."""
    nodes, racks = draw(states(most=4))
    made = cluster(*nodes, racks=racks, g=draw(gangs("g", most=4)))
    return replace(made, namespaces=TEAMS)


@settings(max_examples=400, suppress_health_check=SLOW)
@given(small_worlds())
def test_gang_is_only_said_not_to_fit_if_no_placement_is_sound(snapshot: Snapshot) -> None:
    (decision,) = decide(snapshot, default_policies(), now=0.0).decisions
    assume(not isinstance(decision, Admit))
    found = next(_sound(snapshot), None)
    if decision.reason is Reason.NOT_FOUND_WITHIN_BOUND:
        event("not found, and there is none" if found is None else "not found, though there is one")
    else:
        assert found is None, f"{decision.reason}: {decision.message}"


def _sound(snapshot: Snapshot) -> Iterator[Plan]:
    """Try every way to place the fewest members that make the gang."""
    ((key, group),) = snapshot.groups.items()
    pods = snapshot.members[key]
    kinds = sorted({(repr(pod.shape), tuple(sorted(pod.labels.items()))) for pod in pods})
    by_kind = [
        [p for p in pods if (repr(p.shape), tuple(sorted(p.labels.items()))) == kind] for kind in kinds
    ]
    needed = pods[: group.min_count]
    counts = [sum(pod in needed for pod in kind) for kind in by_kind]
    names = sorted(snapshot.nodes)
    for places in product(*(combinations_with_replacement(names, count) for count in counts)):
        slots = [
            Assignment(pod.key, pod.uid, NodeName(name), 0)
            for kind, chosen in zip(by_kind, places, strict=True)
            for pod, name in zip([p for p in kind if p in needed], chosen, strict=True)
        ]
        ranked = tuple(replace(slot, rank=rank) for rank, slot in enumerate(slots))
        plan = Plan((Admit(key, group.min_count, group.generation, ranked),))
        if not wrongs(snapshot, plan):
            yield plan


@settings(max_examples=100, suppress_health_check=SLOW)
@given(worlds(), st.randoms(use_true_random=False))
def test_plan_does_not_depend_on_the_order_of_pods_and_nodes(snapshot: Snapshot, rng: random.Random) -> None:
    nodes = list(snapshot.nodes.items())
    rng.shuffle(nodes)
    other = replace(
        snapshot,
        nodes={
            name: replace(state, residents=tuple(rng.sample(state.residents, len(state.residents))))
            for name, state in nodes
        },
    )
    assert decide(other, default_policies(), now=0.0) == decide(snapshot, default_policies(), now=0.0)


@settings(max_examples=100, suppress_health_check=SLOW)
@given(worlds(), worlds())
def test_memory_of_other_clusters_changes_nothing(before: Snapshot, snapshot: Snapshot) -> None:
    policies = default_policies()
    decide(before, policies, now=0.0)
    emptier = {
        name: replace(state, residents=()) if number % 2 else state
        for number, (name, state) in enumerate(snapshot.nodes.items())
    }
    decide(replace(snapshot, nodes=emptier), policies, now=0.0)
    assert decide(snapshot, policies, now=0.0) == decide(snapshot, default_policies(), now=0.0)
