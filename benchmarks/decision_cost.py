"""
What one placement costs as cluster and gang grow: ``python -m benchmarks.decision_cost [--out FILE] [--plot FILE]``.

One gang on a cluster of which seven nodes in ten are in use. Three costs of the same placement: `search`, from counted capacities to
shares per node; `decision`, the engine's whole answer, with a slot for each pod, where the nodes are remembered from the cycle before;
`cold`, the same with an empty memory: tree, columns and counts from nothing. Processor time, in milliseconds. Imports the pure rooms only.
"""

import argparse
import json
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any, Final

from benchmarks.explain_cost import WAITING, WHOLE, Case, asking, cluster, with_waiting
from benchmarks.provenance import provenance
from scheduler.engine.cycle import decide
from scheduler.engine.equal_pods import place_equal
from scheduler.engine.gang import Where, batches, rooms_of
from scheduler.engine.mixed import place_unlike, question
from scheduler.engine.trial import Trial
from scheduler.model.plan import Admit
from scheduler.model.snapshot import Snapshot
from scheduler.policies.registry import default_policies

SEED: Final = 1
GANGS_PER_NODE: Final = 0.09  # running gangs; seven nodes in ten are in use then
WHERE: Final = Where()
CASES: Final[Sequence[Case]] = (
    Case("64 x 8", (("w", 64, WHOLE),)),
    Case("512 x 8", (("w", 512, WHOLE),)),
    Case("4,096 x 1", (("w", 4096, asking(1)),)),
    Case("64 x 8 + master", (("w", 64, WHOLE), ("m", 1, asking(0, 16_000)))),
    Case("32 x 8 + 64 x 2 + 8 CPU", (("w", 32, WHOLE), ("s", 64, asking(2)), ("c", 8, asking(0, 64_000)))),
)
SIZES: Final = (
    8,
    64,
    512,
    4096,
    16_384,
)  # GPUs of a gang of one-GPU pods; 16,384 ask for more than there is on most clusters


def measured(snapshot: Snapshot, case: Case, repeats: int) -> dict[str, Any]:
    """Return medians of one case on one cluster."""
    waiting = with_waiting(snapshot, case)
    policies = default_policies()
    plan = decide(waiting, policies, now=0.0, only=frozenset({WAITING}))
    return {
        "case": case.name,
        "nodes": len(snapshot.nodes),
        "pods": sum(count for _, count, _ in case.parts),
        "placed": isinstance(plan.decisions[0], Admit),
        "search_ms": _median(lambda: _search(waiting, case), repeats),
        "decision_ms": _median(
            lambda: _timed(lambda: decide(waiting, policies, now=0.0, only=frozenset({WAITING}))), repeats
        ),
        "cold_ms": _median(
            lambda: _timed(lambda: decide(waiting, default_policies(), now=0.0, only=frozenset({WAITING}))),
            max(3, repeats // 5),
        ),
    }


def _search(waiting: Snapshot, case: Case) -> float:
    """Return what it takes to find the nodes, in seconds; capacities were counted before."""
    memo = default_policies().memo
    trial = Trial(memo.tree(waiting), waiting, memo)
    wanted = batches(waiting.members[WAITING], {}, trial.columns.largest)
    for batch in wanted:
        trial.copies(batch.shape)
    if len(wanted) == 1:
        shape = wanted[0].shape
        sizes, scores = trial.copies(shape), trial.scores(shape)

        def search() -> object:
            rooms, wish = rooms_of(trial, wanted[0], WHERE)
            return place_equal(trial.tree.layers, rooms, wish, scores, sizes)

        return _timed(search)

    def search_jointly() -> object:
        rooms = tuple(rooms_of(trial, batch, WHERE)[0] for batch in wanted)
        shapes, counts = [batch.shape for batch in wanted], [len(batch.pods) for batch in wanted]
        kinds, _ = question(shapes, counts, [each[-1] for each in rooms], trial.free_of)
        return place_unlike(trial.tree, kinds, rooms, required=0, bound=(), most_tried=64)

    return _timed(search_jointly)


def _timed(work: Callable[[], object]) -> float:
    begun = process_time()
    work()
    return process_time() - begun


def _median(seconds: Callable[[], float], repeats: int) -> float:
    seconds()
    return round(1000 * statistics.median(seconds() for _ in range(repeats)), 3)


def _rows(nodes: Sequence[int], repeats: int, seed: int) -> Iterator[dict[str, Any]]:
    for count in nodes:
        snapshot = cluster(count, round(GANGS_PER_NODE * count), random.Random(seed))
        sizes = [Case(f"{gpus:,} x 1", (("w", gpus, asking(1)),)) for gpus in SIZES if gpus != 4096]
        for case in (*CASES, *sizes):
            yield measured(snapshot, case, repeats)


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw time against nodes, and against the size of the gang on the largest cluster, both on logarithmic axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  an extra
    from matplotlib.figure import Figure  # noqa: PLC0415  an extra

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    by_nodes, by_size = figure.subplots(1, 2)
    for case in CASES:
        own = [row for row in rows if row["case"] == case.name and row["placed"]]
        by_nodes.plot(
            [row["nodes"] for row in own], [row["decision_ms"] for row in own], marker="o", label=case.name
        )
    largest = max(row["nodes"] for row in rows)
    on_largest = [row for row in rows if row["nodes"] == largest and row["placed"]]
    growing = sorted(
        (row for row in on_largest if row["case"].endswith(" x 1")), key=lambda row: int(row["pods"])
    )
    for cost in ("search", "decision", "cold"):
        spent = [row[f"{cost}_ms"] for row in growing]
        by_size.plot([row["pods"] for row in growing], spent, marker="o", label=cost)
    for axes, what in ((by_nodes, "nodes"), (by_size, f"one-GPU pods, on {largest:,} nodes")):
        axes.set(xscale="log", yscale="log", xlabel=what, ylabel="processor time of a decision, ms")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)


def main(arguments: list[str]) -> None:
    """Measure and print, row by row."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decision_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--nodes", type=int, nargs="+", default=[64, 320, 1024, 5120, 15360], help="sizes of clusters"
    )
    parser.add_argument("--repeats", type=int, default=15, help="n of each median (default: 15)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the clusters (default: {SEED})")
    parser.add_argument("--out", type=Path, help="write the result document here")
    parser.add_argument("--plot", type=Path, help="draw it (needs matplotlib)")
    asked = parser.parse_args(arguments)
    head = f"{'nodes':>7}  {'gang':<26}{'placed':>7}{'search':>10}{'decision':>10}{'cold':>10}"
    print(head + "   ms of processor time, medians")  # noqa: T201  the command's output
    rows = []
    for row in _rows(asked.nodes, asked.repeats, asked.seed):
        rows.append(row)
        print(  # noqa: T201  the command's output
            f"{row['nodes']:>7,}  {row['case']:<26}{'yes' if row['placed'] else 'no':>7}"
            f"{row['search_ms']:>10.2f}{row['decision_ms']:>10.2f}{row['cold_ms']:>10.1f}",
            flush=True,
        )
    origin = provenance(seed=asked.seed, arguments=["python", "-m", "benchmarks.decision_cost", *arguments])
    if asked.out:
        document = {"provenance": origin, "repeats": asked.repeats, "rows": rows}
        asked.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if asked.plot:
        plot(rows, asked.plot)


if __name__ == "__main__":
    main(sys.argv[1:])
