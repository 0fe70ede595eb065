"""Both modes are one engine: what kube-scheduler leaves on offer changes where a gang may be, and nothing else."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from scheduler.engine.cycle import decide
from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.plan import Admit, Decision
from scheduler.model.snapshot import Snapshot
from scheduler.policies.registry import default_policies
from tests.properties.worlds import snapshots

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]


@settings(max_examples=200, suppress_health_check=SLOW)
@given(snapshots())
def test_standalone_and_extender_mode_make_the_same_plan(snapshot: Snapshot) -> None:
    assume(not any(pod.shape.unevaluated for pods in snapshot.members.values() for pod in pods))
    standalone = decide(snapshot, default_policies(holds_unevaluated=True), now=0.0)
    event(f"{len(standalone.admitted)} gangs start")
    assert decide(snapshot, default_policies(holds_unevaluated=False), now=0.0) == standalone


@settings(max_examples=300, suppress_health_check=SLOW)
@given(snapshots(), st.data())
def test_nodes_that_kube_scheduler_refuses_are_as_good_as_gone(
    snapshot: Snapshot, data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(snapshot.groups)), label="gang")
    bound = {pod.node for pods in snapshot.members.values() for pod in pods if pod.node}
    free = sorted(snapshot.nodes.keys() - bound)
    assume(len(free) > 1)
    refused = frozenset(data.draw(st.sets(st.sampled_from(free), min_size=1, max_size=len(free) - 1)))
    members = {pod.uid for pod in snapshot.members.get(key, ())}
    told = replace(snapshot, refused=dict.fromkeys(members, refused))
    gone = replace(
        snapshot,
        nodes={name: state for name, state in snapshot.nodes.items() if name not in refused},
        refused={},
    )
    asked, expected = _decided(told, key), _decided(gone, key)
    assume(expected is not None and asked is not None)
    event("starts" if isinstance(asked, Admit) else "waits")
    assert isinstance(asked, Admit) == isinstance(expected, Admit)
    if isinstance(asked, Admit) and isinstance(expected, Admit):
        nodes = {slot.node for slot in asked.assignments}
        assert not nodes & refused
        assert _used(snapshot, asked) == _used(snapshot, expected)


def _decided(snapshot: Snapshot, key: GroupKey) -> Decision | None:
    plan = decide(snapshot, default_policies(holds_unevaluated=False), now=0.0, only=frozenset({key}))
    return next(iter(plan.decisions), None)


def _used(snapshot: Snapshot, admit: Admit) -> dict[str, int]:
    """Return how many domains of each level a placement uses, by the evidence and not by the plan's own word."""
    used: dict[str, set[object]] = {}
    homes = {(fact.node, fact.level): fact.domain for fact in snapshot.evidence.facts}
    nodes: set[NodeName] = {slot.node for slot in admit.assignments}
    for level in snapshot.evidence.levels:
        used[level.name] = {homes.get((node, level.name), node) for node in nodes}
    return {level: len(domains) for level, domains in used.items()}
