"""
A fabric that fills up and stays full, once per contender: the same gangs in the same order, each contender with the state it has made.

A gang arrives when, with it, no more than 95 % of all GPUs would be in use; until then time passes and running gangs end. It is asked for
once: refused, it is gone. A refusal is false when the solver finds a placement in the very state in which it was refused.

Fragmentation, after each arrival: of the free whole hosts of each rack, the part that a gang of the trace's size mix (sizes of two and
more that a rack can hold) leaves unused, weighted by how often a size comes. Stranded: the part of all free hosts that is outside the
rack with the most.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from time import perf_counter
from typing import Protocol

import numpy as np

from benchmarks.place import exact
from benchmarks.place.answers import Answer, Verdict
from benchmarks.place.arrivals import WORKER, Arrival
from benchmarks.place.compare import VoidRunError
from benchmarks.place.measure import domains_used, faults, hosts_used, sums
from benchmarks.place.production import decided, evidence, gang, state
from benchmarks.place.questions import CPU, GPU, PODS, Host, Numbers, Question, Shares, alone, homes
from benchmarks.place.rules import Rule
from scheduler.model.ids import NodeName
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies

FULL = 0.95
RESOURCES = (CPU, GPU, PODS)
RACK = "rack"


class Contender(Protocol):
    """Somebody who places gangs on a fabric whose state it is told."""

    def place(self, arrival: Arrival, asked: Question) -> Answer:
        """Answer one gang; `asked` is the question in the state as it is."""

    def changed(self, hosts: Sequence[int], free: Numbers) -> None:
        """Hear that these hosts have this much free now, [hosts, resources]."""


class OfRule:
    """A rule as a contender: all it needs is in the question."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    def place(self, arrival: Arrival, asked: Question) -> Answer:
        """Answer by the rule."""
        del arrival
        began = perf_counter()
        shares = self._rule.place(asked)
        seconds = perf_counter() - began
        return Answer(Verdict.REFUSED if shares is None else Verdict.PLACED, seconds, shares)

    def changed(self, hosts: Sequence[int], free: Numbers) -> None:
        """Nothing is remembered."""


class OfEngine:
    """The production engine as a contender: it owns the nodes as the scheduler's cache would hold them."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._names = [NodeName(host.name) for host in hosts]
        self._index = {host.name: number for number, host in enumerate(hosts)}
        self._nodes = {NodeName(host.name): state(host) for host in hosts}
        self._evidence = evidence((RACK,), hosts)
        self._policies = default_policies()

    def place(self, arrival: Arrival, asked: Question) -> Answer:
        """Decide a snapshot that holds this gang alone."""
        del asked
        group, members = gang(arrival.roles, RACK if arrival.requires_rack else None)
        snapshot = Snapshot(
            nodes=dict(self._nodes),
            groups={group.key: group},
            members={group.key: members},
            evidence=self._evidence,
        )
        return decided(snapshot, self._policies, arrival.roles, self._index)

    def changed(self, hosts: Sequence[int], free: Numbers) -> None:
        """Replace the states of these nodes."""
        for host in hosts:
            name = self._names[host]
            node = self._nodes[name].node
            left = Resources(dict(zip(RESOURCES, free[host].tolist(), strict=True)))
            self._nodes[name] = NodeState(node, node.allocatable - left)


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one arrival. `racks` used; `fewest`: what equal members would have needed at least in this state."""

    arrival: Arrival
    verdict: Verdict
    seconds: float
    racks: int
    fewest: int | None
    hosts: int
    is_false: bool
    fragmentation: float
    stranded: float
    allocated: float


@dataclass(slots=True)
class _Fabric:
    """The state that one contender has made: what is free, and what each running gang has taken until when."""

    hosts: Sequence[Host]
    free: Numbers
    total: Numbers
    racks: Numbers
    now_s: float = 0.0
    running: list[tuple[float, int]] = field(default_factory=list)
    taken: dict[int, Numbers] = field(default_factory=dict)

    def question(self, arrival: Arrival) -> Question:
        """Return the question that a gang asks now."""
        roles = arrival.roles
        return Question(
            tuple(role.count for role in roles),
            np.array([[role.asks.get(name, 0) for name in RESOURCES] for role in roles]),
            self.free,
            self.total,
            np.ones((len(roles), len(self.hosts)), dtype=bool),
            self.racks[None, :],
            0 if arrival.requires_rack else None,
        )

    def wait_for_room(self, gpus: int) -> list[int]:
        """Let time pass until so many GPUs more are within the limit; return the hosts that were given back."""
        at = RESOURCES.index(GPU)
        limit = FULL * int(self.total[:, at].sum())
        given: set[int] = set()
        while self.running and int((self.total - self.free)[:, at].sum()) + gpus > limit:
            self.now_s, number = heappop(self.running)
            taken = self.taken.pop(number)
            self.free += taken
            given.update(np.flatnonzero(taken.any(axis=1)).tolist())
        return sorted(given)

    def start(self, arrival: Arrival, asked: Question, shares: Shares) -> list[int]:
        """Take the room of a gang until its run is over; return the hosts it is on."""
        taken = shares.T @ asked.asked
        self.free -= taken
        self.taken[arrival.number] = taken
        heappush(self.running, (self.now_s + arrival.run_s, arrival.number))
        return np.flatnonzero(taken.any(axis=1)).tolist()


def fill(
    hosts: Sequence[Host], gangs: Sequence[Arrival], who: str, contender: Contender, effort: float
) -> list[Step]:
    """Let one contender place all gangs. Raises: VoidRunError; NoSolverError."""
    total = np.array([[host.total[name] for name in RESOURCES] for host in hosts])
    racks = homes([host.homes for host in hosts], [host.name for host in hosts])[0]
    free = np.array([[host.free[name] for name in RESOURCES] for host in hosts])
    fabric = _Fabric(hosts, free, total, racks)
    mix = size_mix(gangs, int(sums(np.ones(len(hosts), dtype=np.int64), racks).max()))
    steps = []
    for arrival in gangs:
        contender.changed(fabric.wait_for_room(arrival.gpus), fabric.free)
        asked = fabric.question(arrival)
        answer = contender.place(arrival, asked)
        fewest = _fewest(asked)
        racks_used, hosts_taken, is_false = 0, 0, False
        if answer.shares is not None:
            wrong = faults(asked, answer.shares)
            if wrong:
                raise VoidRunError(f"{who} places gang {arrival.number} wrongly: {'; '.join(wrong)}.")
            (racks_used,), hosts_taken = domains_used(asked, answer.shares), hosts_used(answer.shares)
            contender.changed(fabric.start(arrival, asked, answer.shares), fabric.free)
        else:
            is_false = _is_feasible(asked, fewest, effort)
        steps.append(
            Step(
                arrival,
                answer.verdict,
                answer.seconds,
                racks_used,
                fewest,
                hosts_taken,
                is_false,
                *_shape(fabric, mix),
            )
        )
    return steps


def size_mix(gangs: Sequence[Arrival], largest_rack: int) -> dict[int, float]:
    """Return how often each size comes, of those with two members and more that a rack can hold."""
    counts = Counter(each.workers for each in gangs if 1 < each.workers <= largest_rack)
    return {size: count / counts.total() for size, count in sorted(counts.items())}


def _fewest(asked: Question) -> int | None:
    """Return the fewest racks for a gang of equal pods, by the largest racks first, which one level makes exact; 0: none hold it."""
    if len(asked.counts) > 1:
        return None
    held = np.sort(sums(alone(asked, asked.free, 0, asked.counts[0]), asked.racks))[::-1]
    enough = int(np.searchsorted(np.cumsum(held), asked.counts[0])) + 1
    most = len(held) if asked.required is None else 1
    return enough if enough <= most else 0


def _is_feasible(asked: Question, fewest: int | None, effort: float) -> bool:
    if fewest is not None:
        return fewest > 0
    return exact.exists(asked, effort) is Verdict.PLACED


def _shape(fabric: _Fabric, mix: dict[int, float]) -> tuple[float, float, float]:
    """Return fragmentation, the stranded part, and the part of all GPUs in use."""
    at = RESOURCES.index(GPU)
    needs = [WORKER[name] for name in RESOURCES]
    are_whole: Numbers = np.asarray((fabric.free >= needs).all(axis=1), dtype=np.int64)
    whole = sums(are_whole, fabric.racks)
    free = int(whole.sum())
    unused = sum(part * int((whole % size).sum()) for size, part in mix.items())
    in_use = 1 - int(fabric.free[:, at].sum()) / int(fabric.total[:, at].sum())
    return (unused / free if free else 0.0), (1 - int(whole.max()) / free if free else 0.0), in_use
