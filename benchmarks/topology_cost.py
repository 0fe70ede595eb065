"""
What the topology of a large cluster costs: ``python -m benchmarks.topology_cost [--nodes N] [--repeats N] [--json]``.

Measured on nodes as they come from the API, with labels of topograph, GPU feature discovery and NVLink beside a dozen that carry
nothing: everything from nothing, one node that is relabelled, and what the result weighs. Wall-clock time and processor time stand side
by side: on a machine that does something else as well only the latter says what the work costs. Nothing is asserted here.
"""

import argparse
import gc
import json
import os
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, Final

from benchmarks.provenance import provenance
from scheduler.model.ids import NodeName
from scheduler.model.nodes import Node
from scheduler.model.resources import Resources
from scheduler.sources.findings import Findings
from scheduler.sources.merge import evidence
from scheduler.topology import compile_tree, network

SEED: Final = 20261125
RACK, NVLINK, BLOCK, ZONE = 32, 16, 512, 5120  # nodes in each


def nodes_of(count: int, rng: random.Random) -> list[Node]:
    """Return so many nodes of 8 GPUs, in an order that has nothing to do with where they are."""
    places = list(range(count))
    rng.shuffle(places)
    return [_node(f"node-{number:05d}", place) for number, place in enumerate(places)]


def measured(count: int, repeats: int) -> dict[str, Any]:
    """Return medians in milliseconds, of wall-clock and of processor time, and the size of the result."""
    rng = random.Random(SEED)
    nodes = nodes_of(count, rng)
    names = frozenset(node.name for node in nodes)
    found = evidence(nodes)
    tree = compile_tree(found, names)
    once = {
        "evidence": lambda: evidence(nodes),
        "tables": lambda: compile_tree(found, names),
        "graph": lambda: network(found, tree),
        "everything": lambda: network(all_of := evidence(nodes), compile_tree(all_of, names)),
    }
    rows = {name: _times(work, max(5, repeats // 10)) for name, work in once.items()}
    findings = Findings()
    for node in nodes:
        findings.put_node(node)
    compile_tree(findings.evidence(), names)

    def relabel() -> None:
        moved = rng.choice(nodes)
        findings.put_node(_node(moved.name, rng.randrange(count)))
        compile_tree(findings.evidence(), names)

    rows["one node relabelled"] = _times(relabel, repeats)
    return {
        "nodes": count,
        "domains": len(tree.domains),
        "levels": [str(level) for level in tree.levels],
        "milliseconds": rows,
        "memoryMiB": _memory(nodes, names),
    }


def _node(name: str, place: int) -> Node:
    labels = {f"example.com/label-{n}": str(n) for n in range(12)} | {
        "topology.kubernetes.io/zone": f"zone-{place // ZONE}",
        "fabric.topograph.run/tier-1": f"block-{place // BLOCK}",
        "fabric.topograph.run/tier-0": f"rack-{place // RACK}",
        "nvidia.com/gpu.clique": f"9e8d0c2a-77f1-4c1b-9c1e-{place // NVLINK:012x}.1",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
        "nvidia.com/gpu.count": "8",
        "nvidia.com/gpu.memory": "81559",
        "kubernetes.io/hostname": name,
    }
    return Node(NodeName(name), Resources({"nvidia.com/gpu": 8, "pods": 110}), labels)


def _times(work: Callable[[], object], repeats: int) -> dict[str, Any]:
    work()
    wall, processor = [], []
    for _ in range(repeats):
        gc.collect()
        begun, used = time.perf_counter(), time.process_time()
        work()
        processor.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - begun) * 1000)
    return {
        "n": repeats,
        "wallMedian": round(statistics.median(wall), 2),
        "wallWorst": round(max(wall), 2),
        "processorMedian": round(statistics.median(processor), 2),
    }


def _memory(nodes: list[Node], names: frozenset[NodeName]) -> dict[str, float]:
    """Return what is kept of everything, beyond the nodes themselves."""
    gc.collect()
    tracemalloc.start()
    findings = Findings()
    for node in nodes:
        findings.put_node(node)
    found = findings.evidence()
    tree = compile_tree(found, names)
    gc.collect()
    tables = tracemalloc.get_traced_memory()[0]
    graph = network(found, tree)
    gc.collect()
    with_graph = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {
        "evidenceAndTables": round(tables / 2**20, 1),
        "graph": round((with_graph - tables) / 2**20, 1),
        "vertices": len(graph),
    }


def _lines(document: dict[str, Any]) -> Iterator[str]:
    yield f"{'nodes':>7}  {'what':<20}{'n':>5}{'wall':>10}{'worst':>10}{'processor':>11}   milliseconds, medians"
    for case in document["cases"]:
        for what, row in case["milliseconds"].items():
            yield (
                f"{case['nodes']:>7,}  {what:<20}{row['n']:>5}{row['wallMedian']:>10.1f}{row['wallWorst']:>10.1f}"
                f"{row['processorMedian']:>11.1f}"
            )
    for case in document["cases"]:
        memory = case["memoryMiB"]
        yield (
            f"{case['nodes']:,} nodes, {case['domains']:,} domains on {len(case['levels'])} levels: evidence and tables keep "
            f"{memory['evidenceAndTables']} MiB, the graph of {memory['vertices']:,} vertices {memory['graph']} MiB more."
        )
    origin, load = document["provenance"], document["load"]
    yield (
        f"commit {origin['commit'][:12]}{' (changed)' if origin['dirty'] else ''}, {origin['machine']['cpu']}, "
        f"{origin['machine']['cores']} cores, Python {origin['python']}, numpy {origin['libraries']['numpy']}, seed {SEED}; "
        f"load average {load['before']:.1f} before, {load['after']:.1f} after."
    )


def main(arguments: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.topology_cost", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[64, 1024, 5120, 15360])
    parser.add_argument("--repeats", type=int, default=100, help="relabelled nodes that are timed")
    parser.add_argument("--json", action="store_true", help="print the result document instead of a table")
    options = parser.parse_args(arguments)
    before = os.getloadavg()[0]
    document = {
        "provenance": provenance(
            seed=SEED, arguments=["python", "-m", "benchmarks.topology_cost", *arguments]
        ),
        "cases": [measured(count, options.repeats) for count in options.nodes],
    }
    document["load"] = {"before": round(before, 2), "after": round(os.getloadavg()[0], 2)}
    print(json.dumps(document, indent=1) if options.json else "\n".join(_lines(document)))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
