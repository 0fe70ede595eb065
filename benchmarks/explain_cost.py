"""
What a full explanation costs, in one process and without any cluster: ``python -m benchmarks.explain_cost``.

A cluster of 5,000 nodes on which 450 gangs run, and one gang more that waits, once for each cause. The first explanation begins with an
empty memory, as on a command line; the next one finds the nodes remembered, as in the operator. `asked` is how many decisions of the engine
it took, `CPU` the CPU time of the next one. Imports the pure rooms only. Wall clock: compare figures of one quiet machine.
"""

import argparse
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter, process_time
from typing import Final

from benchmarks.provenance import provenance
from scheduler.explain import Explanation, explain
from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, GroupKey, GroupUid, LevelName, NodeName, PodKey, PodUid
from scheduler.model.nodes import Node, Taint, TaintEffect
from scheduler.model.podgroups import PodGroup, Role, Slice, TopologyConstraint
from scheduler.model.pods import Pod, PodPhase, PodShape
from scheduler.model.resources import CPU, MEMORY, NOTHING, PODS, Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.registry import default_policies

SEED: Final = 1
GPU: Final = "nvidia.com/gpu"
NODES_PER_RACK, RACKS_PER_BLOCK = 32, 8
NODE: Final = Resources({GPU: 8, CPU: 128_000, MEMORY: 2**40, PODS: 110})
SIZES: Final = (
    1,
    1,
    2,
    2,
    4,
    4,
    8,
    8,
    16,
    32,
)  # whole nodes per running gang; arbitrary, many small and few large ones
SPOT: Final = Taint("example.com/spot", TaintEffect.NO_SCHEDULE)
WAITING: Final = GroupKey("bench", "waiting")
RACK: Final = TopologyConstraint("rack")
BLOCK: Final = TopologyConstraint("block")


def asking(gpus: int, cpu_milli: int = 8_000, node_selector: tuple[tuple[str, str], ...] = ()) -> PodShape:
    """Return the shape of a pod with so many GPUs."""
    return PodShape(Resources({GPU: gpus, CPU: cpu_milli, MEMORY: 2**33, PODS: 1}), node_selector)


@dataclass(frozen=True, slots=True)
class Case:
    """One gang that waits: `parts` are (role, pods, shape)."""

    name: str
    parts: tuple[tuple[str, int, PodShape], ...]
    topology: TopologyConstraint = field(default_factory=TopologyConstraint)


WHOLE: Final = asking(8)
CASES: Final[Sequence[Case]] = (
    Case("32 x 8, rack: no rack is free", (("w", 32, WHOLE),), RACK),
    Case("64 x 8, rack: larger than a rack", (("w", 64, WHOLE),), RACK),
    Case("128 x 8, block", (("w", 128, WHOLE),), BLOCK),
    Case("96 x 8 in racks of 16, block", (("w", 96, WHOLE),), TopologyConstraint("block", slices=(Slice("rack", 16),))),
    Case("300 x 8, pool spot: tainted, cordoned", (("w", 300, asking(8, node_selector=(("pool", "spot"),))),)),
    Case("512 x 8, block: larger than a block", (("w", 512, WHOLE),), BLOCK),
    Case("512 x 1, rack", (("w", 512, asking(1)),), RACK),
    Case("64 x 8 + master, rack: unlike", (("w", 64, WHOLE), ("m", 1, asking(0, 16_000))), RACK),
    Case("128 x 8 + 64 x 2 + 8 CPU, block: unlike", (("w", 128, WHOLE), ("s", 64, asking(2)), ("m", 8, asking(0, 64_000))), BLOCK),
    Case("1,500 x 8, anywhere: too little free", (("w", 1500, WHOLE),)),
    Case("6,000 x 8: larger than the cluster", (("w", 6000, WHOLE),)),
)  # fmt: skip


def cluster(nodes: int, gangs: int, rng: random.Random) -> Snapshot:
    """Return so many nodes with so many gangs on them, each inside one rack; some nodes are tainted and cordoned."""
    names = [NodeName(f"node-{number:05}") for number in range(nodes)]
    racks = [names[first : first + NODES_PER_RACK] for first in range(0, nodes, NODES_PER_RACK)]
    groups: dict[GroupKey, PodGroup] = {}
    members: dict[GroupKey, tuple[Pod, ...]] = {}
    for number, size in enumerate(sorted(rng.choices(SIZES, k=gangs), reverse=True)):
        key = GroupKey("bench", f"gang-{number}")
        rack = rng.choice([rack for rack in racks if len(rack) >= size])
        members[key] = tuple(_running(key, n, rack.pop()) for n in range(size))
        groups[key] = PodGroup(key, GroupUid(key.name), size)
    used = {pod.node: pod.shape.requests for pods in members.values() for pod in pods}
    levels = tuple(Level(LevelName(each), f"example.com/{each}") for each in ("block", "rack"))
    states = {name: NodeState(_node(name, rng), used.get(name, NOTHING)) for name in names}
    return Snapshot(
        nodes=states, groups=groups, members=members, evidence=Evidence(levels, tuple(_facts(names)))
    )


def _running(key: GroupKey, number: int, node: NodeName) -> Pod:
    name = f"{key.name}-{number}"
    return Pod(PodKey("bench", name), PodUid(name), WHOLE, group=key, node=node, phase=PodPhase.RUNNING)


def _node(name: NodeName, rng: random.Random) -> Node:
    """Return a node; every tenth is a spot node and tainted, every fiftieth is cordoned."""
    spot = rng.random() < 0.1
    labels = {"kubernetes.io/hostname": str(name), "pool": "spot" if spot else "fixed"}
    return Node(name, NODE, labels, (SPOT,) if spot else (), unschedulable=rng.random() < 0.02)


def _facts(names: Sequence[NodeName]) -> Iterator[TopologyFact]:
    for number, name in enumerate(names):
        rack = number // NODES_PER_RACK
        yield TopologyFact(name, LevelName("block"), DomainName(f"b{rack // RACKS_PER_BLOCK}"), "benchmark")
        yield TopologyFact(name, LevelName("rack"), DomainName(f"r{rack}"), "benchmark")


def with_waiting(snapshot: Snapshot, case: Case) -> Snapshot:
    """Return the cluster with the case's gang, of which nobody is placed."""
    pods = tuple(
        Pod(PodKey("bench", f"{role}-{n}"), PodUid(f"{role}-{n}"), shape, group=WAITING, role=role)
        for role, count, shape in case.parts
        for n in range(count)
    )
    roles = tuple(Role(role, count) for role, count, _ in case.parts) if len(case.parts) > 1 else ()
    group = PodGroup(WAITING, GroupUid("waiting"), len(pods), roles=roles, topology=case.topology)
    return replace(
        snapshot, groups={**snapshot.groups, WAITING: group}, members={**snapshot.members, WAITING: pods}
    )


def measure(snapshot: Snapshot, repeats: int) -> tuple[Explanation, float, float, float]:
    """Return the explanation, the medians of the first and of the next one, and of the CPU time of the next one, in milliseconds."""
    first: list[float] = []
    following: list[float] = []
    spent: list[float] = []
    for _ in range(repeats):
        policies = default_policies()
        for durations in (first, following):
            begun, begun_cpu = perf_counter(), process_time()
            found = explain(snapshot, WAITING, policies, now=0.0)
            durations.append(1000 * (perf_counter() - begun))
        spent.append(1000 * (process_time() - begun_cpu))
    return found, statistics.median(first), statistics.median(following), statistics.median(spent)


def main() -> None:
    """Print a table of all cases, and where it comes from."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.explain_cost", description=__doc__)
    options.add_argument("--nodes", type=int, default=5000, help="nodes of 8 GPUs (default: 5000)")
    options.add_argument("--gangs", type=int, default=450, help="gangs that run (default: 450)")
    options.add_argument("--repeats", type=int, default=7, help="runs of each case, n (default: 7)")
    options.add_argument("--seed", type=int, default=SEED, help=f"of the cluster (default: {SEED})")
    asked = options.parse_args()
    origin = provenance(seed=asked.seed, arguments=[])
    machine = origin["machine"]
    snapshot = cluster(asked.nodes, asked.gangs, random.Random(asked.seed))
    busy = sum(1 for state in snapshot.nodes.values() if state.requested)
    lines = [
        f"Medians of n = {asked.repeats} explanations in ms; {asked.nodes:,} nodes, {busy:,} of them in use by {asked.gangs} gangs; "
        f"seed {origin['seed']}",
        f"commit {origin['commit']}{' with changes' if origin['dirty'] else ''}, {origin['startedAt']}",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memoryGiB']} GiB, {machine['system']}; "
        f"Python {origin['python']}, numpy {origin['libraries']['numpy']}",
        "",
        f"{'case':<42}{'reason':<24}{'sets':>5}{'changes':>8}{'asked':>6}{'first':>8}{'next':>8}{'CPU':>8}",
    ]
    print("\n".join(lines))  # noqa: T201  the command's output
    for case in CASES:
        found, first, following, spent = measure(with_waiting(snapshot, case), asked.repeats)
        sets, changes = len(found.blocking.sets), len(found.changes)
        row = f"{case.name:<42}{found.reason:<24}{sets:>5}{changes:>8}{found.questions:>6}{first:>8.1f}{following:>8.1f}{spent:>8.1f}"
        print(row, flush=True)  # noqa: T201  the command's output


if __name__ == "__main__":
    main()
