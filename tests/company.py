"""Builders for pods that mind who is near, and the question where one of them may stand."""

from dataclasses import replace
from typing import Any

from scheduler.engine.capacity import CapacityMemo
from scheduler.engine.feasibility import may_run
from scheduler.engine.gang_rules import gang_rules
from scheduler.engine.trial import Trial
from scheduler.model.ids import GroupKey, PodKey, PodUid
from scheduler.model.neighbours import PodRules, PodTerm, Resident, Selector, Spread, WeightedPodTerm
from scheduler.model.pods import Operator, Pod, PodShape, Requirement
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.placement import preferred_nodes
from tests.build import node, shape

HOST, ZONE, RACK = "kubernetes.io/hostname", "zone", "rack"
EVERYBODY: Selector = ()


def labelled(**labels: str) -> Selector:
    """Select by labels."""
    return tuple(Requirement(key, Operator.IN, (value,)) for key, value in labels.items())


def near(key: str, **labels: str) -> PodRules:
    """Require pods with these labels in the same domain."""
    return PodRules(affinity=(PodTerm(key, labelled(**labels)),))


def apart(key: str, **labels: str) -> PodRules:
    """Keep away from pods with these labels."""
    return PodRules(anti_affinity=(PodTerm(key, labelled(**labels)),))


def wishing(weight: int, key: str, **labels: str) -> PodRules:
    """Prefer to be near pods with these labels, or away from them where the weight is negative."""
    return PodRules(preferred=(WeightedPodTerm(weight, PodTerm(key, labelled(**labels))),))


def even(
    key: str, max_skew: int = 1, *, required: bool = True, selector: Selector = None, **more: Any
) -> Spread:
    """Spread evenly."""
    return Spread(key, max_skew, required, selector, **more)


def stands(state: NodeState, *residents: Resident) -> NodeState:
    """Return the node with these pods on it, which take nothing."""
    return replace(state, residents=(*state.residents, *residents))


def resident(
    rules: PodRules | None = None, *, namespace: str = "team", leaving: bool = False, **labels: str
) -> Resident:
    """Return a pod that stands."""
    return Resident(namespace, labels, rules, leaving)


def racks(*sizes: int, **changes: Any) -> list[NodeState]:
    """Return nodes n0, n1 … in racks r0, r1 … of these sizes; every two racks are a zone. All labels say so."""
    homes = [rack for rack, size in enumerate(sizes) for _ in range(size)]
    return [
        node(f"n{number}", labels={HOST: f"n{number}", RACK: f"r{home}", ZONE: f"z{home // 2}"}, **changes)
        for number, home in enumerate(homes)
    ]


def homes(states: list[NodeState]) -> dict[str, str]:
    """Return the rack of each node, as `cluster` wants it."""
    return {str(state.node.name): state.node.labels[RACK] for state in states if RACK in state.node.labels}


def pod(name: str = "p", *, namespace: str = "team", of: PodShape | None = None, **labels: str) -> Pod:
    """Return a pod that waits."""
    return Pod(
        PodKey(namespace, name), PodUid(name), of or shape(), group=GroupKey(namespace, "g"), labels=labels
    )


def feasible(snapshot: Snapshot, one: Pod) -> set[str]:
    """Return the nodes where this pod may stand now, beside everybody who is there."""
    memo = CapacityMemo(preferred_nodes)
    trial = Trial(memo.tree(snapshot), snapshot, memo)
    rules = gang_rules(trial.neighbours, trial.columns, [(one.shape, one)])
    allowed = rules.around[0].allowed() & (trial.copies(one.shape) > 0)
    return {
        str(name)
        for number, name in enumerate(trial.tree.nodes)
        if allowed[number] and may_run(one.shape, snapshot.nodes[name]) is None
    }
