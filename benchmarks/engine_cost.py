"""
What one cycle of the engine costs, in one process and without any cluster: ``python -m benchmarks.engine_cost``.

Each case is a cluster and a queue. The first cycle begins with an empty memory, as after a start; the next one decides the same again,
as when nothing has changed. Imports the pure rooms only. Wall clock: compare figures of one quiet machine.
"""

import argparse
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from time import perf_counter

from benchmarks.provenance import provenance
from scheduler.engine.cycle import decide
from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, GroupKey, GroupUid, LevelName, NodeName, PodKey, PodUid
from scheduler.model.nodes import Node
from scheduler.model.podgroups import PodGroup, TopologyConstraint
from scheduler.model.pods import NodeSelectorTerm, Operator, Pod, PodShape, Requirement
from scheduler.model.resources import CPU, MEMORY, PODS, Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies

SEED = 1
NODES_PER_RACK, RACKS_PER_BLOCK = 32, 4
NODE = Resources({CPU: 64_000, MEMORY: 2**38, PODS: 110})


@dataclass(frozen=True, slots=True)
class Case:
    """`gangs` of `size` members, each gang's of one `shape`. `is_full`: nothing is left on the nodes. `required`: a level or None."""

    name: str
    gangs: int
    size: int
    shape: Callable[[int], PodShape]
    is_full: bool = False
    required: str | None = None


@cache
def asking(cpu_milli: int, terms: tuple[NodeSelectorTerm, ...] | None = None) -> PodShape:
    """Return the shape of a pod that asks for so much CPU; equal pods share one, as they do behind a watch."""
    return PodShape(Resources({CPU: cpu_milli, MEMORY: 2**30, PODS: 1}), required_terms=terms)


def small(gang: int) -> PodShape:
    """Return the same pod for every gang; sixteen fill a node."""
    return asking(4000)


def large(gang: int) -> PodShape:
    """Return the same pod for every gang; two fill a node."""
    return asking(32_000)


def unlike(gang: int) -> PodShape:
    """Return another pod for every gang."""
    return asking(1000 + gang)


def particular(gang: int) -> PodShape:
    """Return a pod with as much affinity as a pod may have: half of it about a label that every node has another value of."""
    here = (Requirement("kubernetes.io/hostname", Operator.NOT_IN, (f"host-{n:05}",)) for n in range(511))
    nowhere = (Requirement(f"example.com/{n}", Operator.DOES_NOT_EXIST) for n in range(512))
    return asking(1000, (NodeSelectorTerm((*here, *nowhere)),))


CASES: Sequence[Case] = (
    Case("single pods that do not fit", 2000, 1, small, is_full=True),
    Case("single pods that fit", 1000, 1, small),
    Case("single pods that fit", 2000, 1, small),
    Case("single pods that fit", 4000, 1, small),
    Case("gangs of 8 that do not fit", 1000, 8, small, is_full=True),
    Case("gangs of 8 that fit, one rack each", 200, 8, large, required="rack"),
    Case("gangs of 50 that fit", 200, 50, small),
    Case("single pods of as many shapes, none fits", 300, 1, unlike, is_full=True),
    Case("single pods of as many shapes, all fit", 300, 1, unlike),
    Case("single pod with 1,023 requirements", 1, 1, particular),
)


def snapshot(case: Case, nodes: int, rng: random.Random) -> Snapshot:
    """Return the case as one moment of a cluster of so many nodes, the gangs created in an order of chance."""
    names = [NodeName(f"host-{number:05}") for number in range(nodes)]
    used = NODE if case.is_full else Resources()
    ages = rng.sample(range(case.gangs), case.gangs)
    gangs = [_gang(case, number, float(age)) for number, age in enumerate(ages)]
    return Snapshot(
        nodes={name: NodeState(Node(name, NODE, {"kubernetes.io/hostname": name}), used) for name in names},
        groups={group.key: group for group, _ in gangs},
        members={group.key: pods for group, pods in gangs},
        evidence=Evidence(
            tuple(Level(LevelName(level)) for level in ("block", "rack")), tuple(_facts(names))
        ),
    )


def _gang(case: Case, number: int, created_at: float) -> tuple[PodGroup, tuple[Pod, ...]]:
    key, shape = GroupKey("team", f"gang-{number}"), case.shape(number)
    names = [f"gang-{number}-{member}" for member in range(case.size)]
    pods = tuple(
        Pod(PodKey("team", name), PodUid(name), shape, group=key, created_at=created_at) for name in names
    )
    group = PodGroup(
        key, GroupUid(key.name), case.size, created_at=created_at, topology=TopologyConstraint(case.required)
    )
    return group, pods


def _facts(names: Sequence[NodeName]) -> Iterator[TopologyFact]:
    for number, name in enumerate(names):
        rack = number // NODES_PER_RACK
        yield TopologyFact(name, LevelName("block"), DomainName(f"b{rack // RACKS_PER_BLOCK}"), "benchmark")
        yield TopologyFact(name, LevelName("rack"), DomainName(f"r{rack}"), "benchmark")


def measure(case: Case, nodes: int, repeats: int, seed: int) -> tuple[int, float, float]:
    """Return how many gangs were admitted, and the medians of the first and of the next cycle in milliseconds."""
    moment = snapshot(case, nodes, random.Random(seed))
    admitted = 0
    first: list[float] = []
    following: list[float] = []
    for _ in range(repeats):
        policies = default_policies()
        for durations in (first, following):
            begun = perf_counter()
            plan = decide(moment, policies, now=0.0)
            durations.append(1000 * (perf_counter() - begun))
        admitted = len(plan.admitted)
    return admitted, statistics.median(first), statistics.median(following)


def main() -> None:
    """Print a table of all cases, and where it comes from."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.engine_cost", description=__doc__)
    options.add_argument("--nodes", type=int, default=1000, help="nodes of 64 cores (default: 1000)")
    options.add_argument("--repeats", type=int, default=5, help="runs of each case, n (default: 5)")
    options.add_argument("--seed", type=int, default=SEED, help=f"of the order of creation (default: {SEED})")
    asked = options.parse_args()
    origin = provenance(seed=asked.seed, arguments=[])
    machine = origin["machine"]
    lines = [
        f"Medians of n = {asked.repeats} cycles in ms, {asked.nodes:,} nodes; seed {origin['seed']}",
        f"commit {origin['commit']}{' with changes' if origin['dirty'] else ''}, {origin['startedAt']}",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memoryGiB']} GiB, {machine['system']}; "
        f"Python {origin['python']}, numpy {origin['libraries']['numpy']}",
        "",
        f"{'gangs':>6}  {'case':<42}{'admitted':>9}{'first':>9}{'next':>9}",
    ]
    print("\n".join(lines))  # noqa: T201
    for case in CASES:
        admitted, first, following = measure(case, asked.nodes, asked.repeats, asked.seed)
        row = f"{case.gangs:>6}  {case.name:<42}{admitted:>9}{first:>9.1f}{following:>9.1f}"
        print(row, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
