"""
The production engine, asked as the scheduler asks it: a snapshot in, a plan out, nothing of its inside.
"""

from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter

import numpy as np

from benchmarks.place.answers import Answer, Verdict
from benchmarks.place.questions import Host, Instance, Role
from scheduler.engine.cycle import decide
from scheduler.engine.extension_points import PolicySet
from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, GroupKey, GroupUid, LevelName, NodeName, PodKey, PodUid
from scheduler.model.nodes import Node
from scheduler.model.plan import Admit, Decision
from scheduler.model.podgroups import PodGroup, Slice, TopologyConstraint
from scheduler.model.podgroups import Role as GroupRole
from scheduler.model.pods import Pod, PodShape
from scheduler.model.reasons import Reason
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies

NAME = "tutti"
POOL = "example.com/pool"
NAMESPACE = "bench"
REFUSALS = frozenset({Reason.NO_DOMAIN_FITS, Reason.INSUFFICIENT_RESOURCES, Reason.NO_ELIGIBLE_NODE})


class UnexpectedAnswer(AssertionError):  # noqa: N818  reads as what it is
    """The engine answered something that is neither a place nor a refusal: the run is void."""


def ask(instance: Instance) -> tuple[Answer, float]:
    """
    Return the engine's answer to an instance that it sees for the first time, and the seconds of the same decision once more.

    The first includes the compilation of the topology; the second is what a scheduler pays that has seen the nodes before.
    """
    snapshot = snapshot_of(instance)
    policies = default_policies()
    index = {host.name: number for number, host in enumerate(instance.hosts)}
    answer = decided(snapshot, policies, instance.roles, index)
    again = decided(snapshot, policies, instance.roles, index)
    return answer, again.seconds


def decided(
    snapshot: Snapshot, policies: PolicySet, roles: Sequence[Role], index: Mapping[str, int]
) -> Answer:
    """Return what `decide` says of the only gang of a snapshot. `index`: the number of each host. Raises: UnexpectedAnswer."""
    began = perf_counter()
    plan = decide(snapshot, policies, now=0.0)
    seconds = perf_counter() - began
    if len(plan.decisions) != 1:
        raise UnexpectedAnswer(f"{len(plan.decisions)} decisions for one gang")
    return _read(plan.decisions[0], seconds, roles, index)


def _read(decision: Decision, seconds: float, roles: Sequence[Role], index: Mapping[str, int]) -> Answer:
    if isinstance(decision, Admit):
        shares = np.zeros((len(roles), len(index)), dtype=np.int64)
        number = {role.name: at for at, role in enumerate(roles)}
        for slot in decision.assignments:
            shares[number[slot.pod.name.rpartition("-")[0]], index[slot.node]] += 1
        return Answer(Verdict.PLACED, seconds, shares)
    if decision.reason is Reason.NOT_FOUND_WITHIN_BOUND:
        return Answer(Verdict.GAVE_UP, seconds)
    if decision.reason not in REFUSALS:
        raise UnexpectedAnswer(f"{decision.reason}: {decision.message}")
    return Answer(Verdict.REFUSED, seconds)


def snapshot_of(instance: Instance) -> Snapshot:
    """Return an instance as the scheduler would see it."""
    group, members = gang(instance.roles, instance.required, instance.slices)
    return Snapshot(
        nodes={NodeName(host.name): state(host) for host in instance.hosts},
        groups={group.key: group},
        members={group.key: members},
        evidence=evidence(instance.levels, instance.hosts),
    )


def evidence(levels: Sequence[str], hosts: Iterable[Host]) -> Evidence:
    """Return what is known of the network: nothing for a domain without a name."""
    return Evidence(
        tuple(Level(LevelName(level)) for level in levels),
        tuple(
            TopologyFact(NodeName(host.name), LevelName(level), DomainName(home), "bench")
            for host in hosts
            for level, home in zip(levels, host.homes, strict=True)
            if home
        ),
    )


def state(host: Host) -> NodeState:
    """Return a host as a node."""
    total = Resources(host.total)
    labels = {POOL: host.pool} if host.pool else {}
    return NodeState(Node(NodeName(host.name), total, labels), total - Resources(host.free))


def gang(
    roles: Sequence[Role], required: str | None, slices: Sequence[tuple[str, int]] = (), name: str = "gang"
) -> tuple[PodGroup, tuple[Pod, ...]]:
    """Return a group that starts whole or not at all, and its pods in spec order."""
    key = GroupKey(NAMESPACE, name)
    members = []
    for role in roles:
        shape = PodShape(Resources(role.asks), ((POOL, role.pool),) if role.pool else ())
        for number in range(role.count):
            uid = PodUid(f"{name}-{role.name}-{number}")
            pod = Pod(PodKey(NAMESPACE, f"{role.name}-{number}"), uid, shape, group=key, role=role.name)
            members.append(pod)
    group = PodGroup(
        key,
        GroupUid(name),
        min_count=len(members),
        roles=tuple(GroupRole(role.name, role.count) for role in roles) if len(roles) > 1 else (),
        topology=TopologyConstraint(required=required, slices=tuple(Slice(*part) for part in slices)),
    )
    return group, tuple(members)
