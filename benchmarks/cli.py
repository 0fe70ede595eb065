"""`tutti bench`: the benchmark suite, added to the command through an entry point."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.live.audit import VoidRunError
from benchmarks.live.cases import CASES, FOUR_CASES
from benchmarks.live.client import RefusedError
from benchmarks.live.rivals import RivalError
from benchmarks.live.run import Plan, results, run
from benchmarks.live.submit import StuckError
from benchmarks.provenance import provenance

app = typer.Typer(
    help="Measure Tutti against the raw ceiling and against native gang scheduling.", no_args_is_help=True
)


@app.callback()
def bench() -> None:
    """Measure Tutti against the raw ceiling and against native gang scheduling."""


@app.command()
def live(
    case: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(CASES)}; may be given several times.")
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, max=50, help="How often each case is run, schedulers in turn.")
    ] = 3,
    mode: Annotated[str, typer.Option(help="Tutti's mode: standalone or extender.")] = "standalone",
    nodes: Annotated[int, typer.Option(min=1, max=5000, help="Nodes of 8 GPUs.")] = 1000,
    native: Annotated[
        bool, typer.Option(help="Also run native gang scheduling (KEP-4671) on the same control plane.")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Write the result document to this file.")] = None,
    output: Annotated[str, typer.Option(help="What to print at the end: table or json.")] = "table",
) -> None:
    """
    Run gangs on a real control plane, in turn with the ceiling and a rival.

    The ceiling is a plain client that creates and binds the same pods with no thought; every rate is quoted as a share of it.
    """
    names = tuple(case) if case else FOUR_CASES
    errors = Console(stderr=True)
    unknown = [name for name in names if name not in CASES]
    if unknown or mode not in {"standalone", "extender"} or output not in {"table", "json"}:
        wrong = (
            f"--case {unknown[0]}"
            if unknown
            else f"--mode {mode}"
            if mode not in {"standalone", "extender"}
            else f"--output {output}"
        )
        errors.print(f"[red]{wrong} is not known; see tutti bench live --help.[/]")
        raise typer.Exit(2)
    plan = Plan(cases=names, repeats=repeats, mode=mode, nodes=nodes, native=native)
    origin = provenance(seed=None, arguments=sys.argv[1:])
    with TemporaryDirectory(prefix="tutti-bench-") as directory:
        try:
            findings = run(plan, Path(directory), lambda line: errors.print(line, highlight=False))
        except (VoidRunError, RefusedError, RivalError, StuckError) as problem:
            errors.print(f"[red]The run is void:[/] {problem}")
            raise typer.Exit(1) from problem
    document = results(plan, findings, origin)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(document, indent=1) + "\n")
    if output == "json":
        print(json.dumps(document, indent=1))  # noqa: T201
    else:
        _print_table(document)


def _print_table(document: dict[str, Any]) -> None:
    table = Table(title=f"Medians of {document['plan']['repeats']} repeats; seconds, pods per second")
    for column in ("case", "scheduler", "end to end", "gap", "span", "binds/s", "of ceiling", "× native"):
        table.add_column(column, justify="left" if column in {"case", "scheduler"} else "right")
    for name, rows in document["cases"].items():
        for scheduler in ("ceiling", "tutti", "native"):
            if scheduler not in rows:
                continue
            row, ratios = rows[scheduler], rows["ratios"]
            is_ours = scheduler == "tutti"
            faster = ratios.get("timesFasterThanNative")
            table.add_row(
                name,
                scheduler,
                f"{row['endToEnd_s']['median']:.2f}",
                f"{row['decisionGap_s']['median']:+.3f}",
                f"{row['bindSpan_s']['median']:.2f}",
                f"{row['bindRate']['median']:.0f}",
                f"{ratios['bindRateShareOfCeiling']['median']:.0%}" if is_ours else "",
                f"{faster['median']:.1f}" if is_ours and faster else "",
            )
    console = Console()
    console.print(table)
    if document["footprint"]:
        foot = document["footprint"]
        console.print(
            f"With {foot['nodes']:,} nodes and {foot['pods']:,} pods: {foot['rssMiB']:.0f} MiB resident, "
            f"{foot['idleCpuPercentOfCore']:.1f} % of a core when idle."
        )
