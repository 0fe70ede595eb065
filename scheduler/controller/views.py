"""What a status should say, computed from what is known: pure functions from values to plain data."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scheduler.model.facts import Evidence
from scheduler.model.ids import QueueName
from scheduler.model.podgroups import DEFAULT_QUEUE, PodGroup
from scheduler.model.pods import Pod, PodPhase
from scheduler.model.queues import Queue
from scheduler.model.reasons import Reason
from scheduler.model.resources import CPU, EPHEMERAL_STORAGE, MEMORY, NOTHING, PODS, Resources

PLAIN: Final = frozenset({CPU, MEMORY, EPHEMERAL_STORAGE, PODS})


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition without its times."""

    type: str
    holds: bool
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Members:
    """Counts of members by state. `bound` have a node and have not ended."""

    total: int
    gated: int
    pending: int
    bound: int
    running: int
    succeeded: int
    failed: int


def count(pods: Iterable[Pod]) -> Members:
    """Count the members of a group; those being deleted count where they are, as they still hold their nodes."""
    everyone = list(pods)
    alive = [pod for pod in everyone if not pod.phase.is_terminal]
    return Members(
        total=len(everyone),
        gated=sum(1 for pod in alive if pod.is_gated),
        pending=sum(1 for pod in alive if not pod.is_bound),
        bound=sum(1 for pod in alive if pod.is_bound),
        running=sum(1 for pod in alive if pod.phase is PodPhase.RUNNING),
        succeeded=sum(1 for pod in everyone if pod.phase is PodPhase.SUCCEEDED),
        failed=sum(1 for pod in everyone if pod.phase is PodPhase.FAILED),
    )


def group_status(
    group: PodGroup, pods: Sequence[Pod], not_acted_upon: Sequence[str]
) -> tuple[dict[str, Any], tuple[Condition, ...]]:
    """Return the fields of a PodGroup's status that are the operator's, and its conditions."""
    members = count(pods)
    fields = {
        "phase": phase(group, members),
        "observedGeneration": group.generation,
        "members": {name: getattr(members, name) for name in Members.__slots__},
    }
    return fields, (_accepted(group, not_acted_upon), _ready(group, members), _degraded(group, members))


def phase(group: PodGroup, members: Members) -> str:
    """Return where the group stands in one word. ``Running`` only if enough members run or have ended well."""
    ended_well, holding = members.succeeded, members.bound + members.succeeded
    if members.total and not members.bound and not members.pending:
        return "Succeeded" if ended_well >= group.min_count else "Failed"
    if members.running + ended_well >= group.min_count:
        return "Running"
    if holding >= group.min_count or (group.attempt is not None and group.attempt.phase.is_open):
        return "Binding"
    if holding:
        return "Degraded"
    return "Queued" if members.pending - members.gated >= group.min_count and not group.refusal else "Pending"


def queue_status(
    queue: QueueName,
    groups: Mapping[QueueName, Sequence[tuple[PodGroup, Sequence[Pod]]]],
    capacity: Resources,
) -> dict[str, Any]:
    """Return a Queue's usage: what the bound members of its groups ask for, and what waits."""
    used, pending_groups, pending_gpus = NOTHING, 0, 0
    for group, pods in groups.get(queue, ()):
        waiting = [pod for pod in pods if pod.counts_for_quorum and not pod.is_bound]
        for pod in pods:
            if pod.is_bound and not pod.phase.is_terminal:
                used = used + pod.shape.requests
        if waiting and len(waiting) < len(pods) + 1 and phase(group, count(pods)) in {"Pending", "Queued"}:
            pending_groups += 1
            pending_gpus += sum(gpus(pod.shape.requests) for pod in waiting)
    shares = [amount / capacity[name] for name, amount in used.items() if capacity[name]]
    return {
        "usage": [{"name": name, "used": quantity(name, amount)} for name, amount in used.items()],
        "dominantShare": round(max(shares, default=0.0), 4),
        "pendingGroups": pending_groups,
        "pendingGPUs": pending_gpus,
    }


def queue_condition(queue: Queue, known: frozenset[QueueName]) -> Condition:
    """Return whether a Queue is accepted; quotas are kept and counted, not enforced, by this version."""
    if queue.parent is not None and queue.parent not in known and queue.parent != DEFAULT_QUEUE:
        return Condition(
            "Accepted",
            False,
            Reason.QUEUE_NOT_FOUND,
            f"spec.parent names Queue {queue.parent}, which does not exist.",
        )
    text = "Usage is counted; quota, weight and order are kept but not acted upon by this version."
    return Condition("Accepted", True, Reason.NOT_ACTED_UPON, text)


def topology_condition(
    levels: Sequence[str], labels: Sequence[str], carried: frozenset[str], is_used: bool
) -> Condition:
    """Return whether a Topology is acted upon: nodes must carry its labels, and it must be the one in use."""
    if not is_used:
        return Condition(
            "Accepted",
            True,
            Reason.NOT_ACTED_UPON,
            "Another Topology is in use; name this one default to use it.",
        )
    missing = [
        f"{level} ({label})" for level, label in zip(levels, labels, strict=True) if label not in carried
    ]
    if missing:
        text = f"No node carries the label of level {', '.join(missing)}; check the spelling, or label nodes."
        return Condition("Accepted", False, Reason.TOPOLOGY_LEVEL_NOT_FOUND, text)
    return Condition("Accepted", True, Reason.ACCEPTED, f"Nodes are arranged by {', '.join(levels)}.")


def by_queue(
    groups: Iterable[tuple[PodGroup, Sequence[Pod]]],
) -> dict[QueueName, list[tuple[PodGroup, Sequence[Pod]]]]:
    """Gather groups by the queue they name."""
    gathered: dict[QueueName, list[tuple[PodGroup, Sequence[Pod]]]] = defaultdict(list)
    for group, pods in groups:
        gathered[group.queue].append((group, pods))
    return dict(gathered)


def gpus(requests: Resources) -> int:
    """Return how many GPUs this is, whatever vendor they are from."""
    return sum(amount for name, amount in requests.items() if name.endswith("/gpu"))


def quantity(name: str, amount: int) -> str:
    """Return an amount as Kubernetes writes it."""
    return f"{amount}m" if name == CPU else str(amount)


def unknown_levels(group: PodGroup, evidence: Evidence) -> tuple[str, ...]:
    """Return the levels a group names that no level of the evidence is called or labelled by."""
    known = (
        {"host"}
        | {str(level.name) for level in evidence.levels}
        | {level.node_label for level in evidence.levels}
    )
    named = (group.topology.required, group.topology.preferred)
    return tuple(name for name in named if name is not None and name not in known)


def _accepted(group: PodGroup, not_acted_upon: Sequence[str]) -> Condition:
    if group.refusal:
        reason = (
            Reason.PRIORITY_CLASS_NOT_FOUND
            if group.refusal.startswith("PriorityClass")
            else Reason.INVALID_SPEC
        )
        return Condition("Accepted", False, reason, group.refusal)
    if not_acted_upon:
        text = f"Kept but not acted upon by this version: {', '.join(f'spec.{path}' for path in not_acted_upon)}."
        return Condition("Accepted", True, Reason.NOT_ACTED_UPON, text)
    return Condition("Accepted", True, Reason.ACCEPTED, "The spec is valid and acted upon.")


def _ready(group: PodGroup, members: Members) -> Condition:
    standing = members.running + members.succeeded
    if members.total and not members.bound and not members.pending:
        if members.succeeded >= group.min_count:
            return Condition(
                "Ready", False, Reason.COMPLETED, f"{members.succeeded} members have ended well."
            )
        return Condition(
            "Ready", False, Reason.FAILED, f"{members.failed} members have failed and none is left."
        )
    if standing >= group.min_count:
        return Condition(
            "Ready", True, Reason.READY, f"At least {group.min_count} members run or have ended well."
        )
    return Condition("Ready", False, Reason.BELOW_MIN_COUNT, f"Fewer than {group.min_count} members run.")


def _degraded(group: PodGroup, members: Members) -> Condition:
    if phase(group, members) == "Degraded":
        text = f"{members.bound + members.succeeded} members hold a node; the gang needs {group.min_count}."
        return Condition("Degraded", True, Reason.BELOW_MIN_COUNT, text)
    return Condition("Degraded", False, Reason.READY, "The gang stands whole, or nobody of it does.")
