"""
What a Queue's status should say: what its groups use and wait for, counted up the tree.

A queue's numbers cover its own groups and those of every queue below it, so that a parent's guarantee is compared with all that is used on
the strength of it. Exact integers up to the one division that makes a share of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from scheduler.controller.conditions import Condition, Finding, accepted, not_acted_upon
from scheduler.controller.group_views import count, phase
from scheduler.model.ids import QueueName
from scheduler.model.podgroups import DEFAULT_QUEUE, PodGroup
from scheduler.model.pods import Pod
from scheduler.model.queues import Queue
from scheduler.model.reasons import Reason
from scheduler.model.resources import CPU, Resources

# Bounds of the definition: a status beyond them would be refused whole.
MAX_LINES: Final = 64
MAX_AMOUNT: Final = 10**19 - 1
MAX_COUNT: Final = 2**31 - 1
MAX_GPUS: Final = 2**53 - 1
MAX_SHARE: Final = 1e9
SHARE_DIGITS: Final = 4  # a finer share would be written more often and tell nobody more

PLACED: Final = frozenset({"Binding", "Running", "Degraded"})
WAITING: Final = frozenset({"Pending", "Queued"})


@dataclass(slots=True)
class Tally:
    """What the groups of one queue use and wait for; grows while it is counted, and is then left alone."""

    used: Counter[str] = field(default_factory=Counter)
    running_groups: int = 0
    pending_groups: int = 0
    pending_gpus: int = 0

    def include(self, other: "Tally") -> None:
        """Count another queue's groups as well."""
        self.used.update(other.used)
        self.running_groups += other.running_groups
        self.pending_groups += other.pending_groups
        self.pending_gpus += other.pending_gpus


@dataclass(frozen=True, slots=True)
class Counted:
    """One group with its members, and whether the scheduler says that it has timed out."""

    group: PodGroup
    pods: Sequence[Pod]
    has_timed_out: bool = False


def tallies(
    groups: Iterable[Counted], queues: Mapping[QueueName, Queue], *, now: float
) -> dict[QueueName, Tally]:
    """
    Return the tally of each queue that any of these groups counts for, at this time in seconds since 1970.

    Cost: O(members x resources + queues x depth).
    """
    own: dict[QueueName, Tally] = defaultdict(Tally)
    for each in groups:
        _count_in(own[each.group.queue], each, now)
    whole: dict[QueueName, Tally] = defaultdict(Tally)
    for name, tally in own.items():
        for above in lineage(name, queues):
            whole[above].include(tally)
    return dict(whole)


def _count_in(tally: Tally, each: Counted, now: float) -> None:
    for pod in each.pods:
        if pod.is_bound and not pod.phase.is_terminal:
            for name, amount in pod.shape.requests.items():
                tally.used[name] += amount
    word = phase(each.group, count(each.pods), now=now, has_timed_out=each.has_timed_out)
    waiting = [pod for pod in each.pods if pod.counts_for_quorum and not pod.is_bound]
    if word in PLACED:
        tally.running_groups += 1
    elif word in WAITING and waiting:
        tally.pending_groups += 1
        tally.pending_gpus += sum(gpus(pod.shape.requests) for pod in waiting)


def lineage(name: QueueName, queues: Mapping[QueueName, Queue]) -> tuple[QueueName, ...]:
    """Return a queue and those it is a part of, innermost first; ends where a parent does not exist, or comes a second time."""
    path: list[QueueName] = []
    here: QueueName | None = name
    while here is not None and here not in path:
        path.append(here)
        here = queues[here].parent if here in queues else None
    return tuple(path)


def queue_status(queue: Queue, tally: Tally, capacity: Resources) -> dict[str, Any]:
    """Return the fields of a Queue's status. `capacity` is what all nodes offer."""
    used = Resources(tally.used)
    named_first = sorted(used, key=lambda name: (name not in queue.guaranteed, name))
    lines = [
        {
            "name": name,
            "used": quantity(name, used[name]),
            "borrowed": quantity(name, _over_guarantee(queue, used, name)),
        }
        for name in sorted(named_first[:MAX_LINES])
    ]
    return {
        "usage": lines,
        "dominantShare": dominant_share(queue, used, capacity),
        "runningGroups": min(MAX_COUNT, tally.running_groups),
        "pendingGroups": min(MAX_COUNT, tally.pending_groups),
        "pendingGPUs": min(MAX_GPUS, tally.pending_gpus),
    }


def dominant_share(queue: Queue, used: Resources, capacity: Resources) -> float:
    """
    Return the largest share of any one resource of the cluster that is used over the guarantee, divided by the queue's weight.

    A resource that no node offers has no share. Above 1 / weight only while more is bound than the nodes offer.
    Source: Ghodsi et al., "Dominant Resource Fairness", NSDI 2011, section 4, on what exceeds a guarantee.
    """
    shares = [
        Fraction(_over_guarantee(queue, used, name), capacity[name] * queue.weight)
        for name in used
        if capacity[name] > 0
    ]
    return min(MAX_SHARE, round(float(max(shares, default=Fraction(0))), SHARE_DIGITS))


def _over_guarantee(queue: Queue, used: Resources, name: str) -> int:
    return max(0, used[name] - queue.guaranteed[name])


def queue_condition(queue: Queue, queues: Mapping[QueueName, Queue], ignored: Sequence[str]) -> Condition:
    """Return whether a Queue is accepted: it must hang in a tree. `ignored` names the fields of its spec that are not acted upon."""
    problems = _misplaced(queue, queues)
    return accepted(
        (*problems, *not_acted_upon(ignored)),
        holds=not problems,
        otherwise="Usage is counted; the spec asks for nothing more.",
    )


def _misplaced(queue: Queue, queues: Mapping[QueueName, Queue]) -> tuple[Finding, ...]:
    if queue.parent is None:
        return ()
    if queue.parent not in queues and queue.parent != DEFAULT_QUEUE:
        text = f"spec.parent names Queue {queue.parent}, which does not exist; create it, or leave spec.parent out."
        return ((Reason.QUEUE_NOT_FOUND, text),)
    known = {**queues, queue.name: queue}
    path = lineage(queue.name, known)
    back = known[path[-1]].parent if path[-1] in known else None
    if back in path:
        text = f"spec.parent leads round in a circle: {' in '.join((*path, back))}; break it at one of them."
        return ((Reason.INVALID_SPEC, text),)
    return ()


def total(vectors: Iterable[Resources]) -> Resources:
    """Return the sum of many vectors, in one pass."""
    amounts: Counter[str] = Counter()
    for vector in vectors:
        for name, amount in vector.items():
            amounts[name] += amount
    return Resources(amounts)


def gpus(requests: Resources) -> int:
    """Return how many GPUs this is, whatever vendor they are from."""
    return sum(amount for name, amount in requests.items() if name.endswith("/gpu"))


def quantity(name: str, amount: int) -> str:
    """Return an amount as Kubernetes writes it."""
    amount = min(MAX_AMOUNT, amount)
    return f"{amount}m" if name == CPU else str(amount)
