"""`tutti bench`: the benchmark suite, added to the command through an entry point."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from benchmarks.check import RangesError, check
from benchmarks.live.audit import VoidRunError
from benchmarks.live.cases import CASES, FOUR_CASES
from benchmarks.live.client import RefusedError
from benchmarks.live.rivals import RivalError
from benchmarks.live.run import Plan, results, run
from benchmarks.live.submit import StuckError
from benchmarks.place.compare import VoidRunError as VoidPlacementError
from benchmarks.place.exact import NoSolverError
from benchmarks.place.run import Plan as PlacePlan
from benchmarks.place.run import run as run_place
from benchmarks.place.tables import tables
from benchmarks.place.traces import TraceError
from benchmarks.place.traces import read as read_traces
from benchmarks.provenance import provenance
from scheduler.cli.errors import ANSWER_IS_NO, CommandError
from scheduler.cli.interrupts import heed_signals_to_end
from scheduler.cli.manifests import definitions_and_roles
from scheduler.cli.mounting import not_yet
from scheduler.cli.options import Format
from scheduler.cli.render import Output, show
from scheduler.cli.render import table as print_rows
from scheduler.config import Mode

LATER: Final = frozenset({"report"})


class Benches(TyperGroup):
    """The benchmarks there are, and a sentence for those that a later version brings."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of this name. Raises CommandError for one that is not there yet."""
        if cmd_name in LATER:
            raise not_yet(ctx.command_path, cmd_name)
        return super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=Benches,
    help="Measure Tutti: on a real control plane, and its placements against an exact solver.",
    no_args_is_help=True,
)


@app.callback()
def bench() -> None:
    """Measure Tutti: on a real control plane, and its placements against an exact solver."""


@app.command()
def live(
    case: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(CASES)}; may be given several times.")
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, max=50, help="How often each case is run, schedulers in turn.")
    ] = 3,
    mode: Annotated[Mode, typer.Option(help="Tutti's mode.")] = Mode.STANDALONE,
    nodes: Annotated[int, typer.Option(min=1, max=5000, help="Nodes of 8 GPUs.")] = 1000,
    native: Annotated[
        bool, typer.Option(help="Also run native gang scheduling (KEP-4671) on the same control plane.")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Write the result document to this file.")] = None,
    ranges: Annotated[
        Path | None, typer.Option("--check", help="Exit with 1 when a figure is out of this file's ranges.")
    ] = None,
    output: Format = Output.TABLE,
) -> None:
    """
    Run gangs on a real control plane, in turn with the ceiling and a rival.

    The ceiling is a plain client that creates and binds the same pods with no thought; every rate is quoted as a share of it.
    """
    names = tuple(case) if case else FOUR_CASES
    for name in names:
        if name not in CASES:
            raise CommandError(f"--case {name} is not known; there are {', '.join(CASES)}.")
    heed_signals_to_end()
    errors = Console(stderr=True)
    plan = Plan(cases=names, repeats=repeats, mode=mode.value, nodes=nodes, native=native)
    origin = provenance(seed=None, arguments=sys.argv[1:])
    with TemporaryDirectory(prefix="tutti-bench-") as directory:
        try:
            findings = run(
                plan,
                Path(directory),
                lambda line: errors.print(line, highlight=False, markup=False),
                manifests=definitions_and_roles(),
            )
        except (VoidRunError, RefusedError, RivalError, StuckError) as problem:
            raise CommandError(f"The run is void: {problem}", ANSWER_IS_NO) from problem
    document = results(plan, findings, origin)
    if out is not None:
        keep(document, out)
    show(document, output, lambda console: _print_table(console, document))
    if ranges is not None:
        judge(document, ranges)


@app.command()
def place(
    instances: Annotated[
        int,
        typer.Option(min=0, max=1_000_000, help="Random instances, each also solved exactly; 0 for none."),
    ] = 2400,
    seed: Annotated[int, typer.Option(min=0, help="What everything is drawn from.")] = 0,
    traces: Annotated[
        Path | None,
        typer.Option(
            help="Folder with lingjun_topo.csv and philly.csv, to fill a real fabric as well.",
            show_default=False,
        ),
    ] = None,
    gangs: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Gangs that arrive on the real fabric.")
    ] = 6000,
    out: Annotated[Path | None, typer.Option(help="Write the result document to this file.")] = None,
    ranges: Annotated[
        list[Path] | None,
        typer.Option(
            "--check",
            help="Exit with 1 when a figure is out of this file's ranges; may be given several times.",
        ),
    ] = None,
    output: Format = Output.TABLE,
) -> None:
    """
    Compare placements with an exact solver and with the rules of other schedulers.

    The same instances for everybody, drawn from a seed. Needs the exact solver: the extra `exact` of the package tutti-scheduler.
    """
    if not instances and traces is None:
        raise CommandError("--instances 0 without --traces leaves nothing to run; give one of them.")
    heed_signals_to_end()
    errors = Console(stderr=True)

    def tell(line: str) -> None:
        errors.print(line, highlight=False, markup=False, soft_wrap=True)

    origin = provenance(seed=seed, arguments=sys.argv[1:])
    try:
        fabric = read_traces(traces) if traces is not None else None
        if fabric is None:
            tell("The real fabric is left out; give --traces DIR to fill it.")
        document = run_place(PlacePlan(seed, instances, gangs, fabric), origin, tell)
    except (TraceError, NoSolverError) as problem:
        raise CommandError(str(problem)) from problem
    except VoidPlacementError as problem:
        raise CommandError(f"The run is void: {problem}", ANSWER_IS_NO) from problem
    if out is not None:
        keep(document, out)
    show(document, output, lambda console: _print_tables(console, document))
    judge(document, *(ranges or ()))


def _print_tables(console: Console, document: dict[str, Any]) -> None:
    for each in tables(document):
        console.print(f"{each.title}\n", highlight=False, markup=False)
        print_rows(console, each.columns, each.rows, right=frozenset(each.columns[1:]))
        console.print(f"\n{each.note}\n" if each.note else "", highlight=False, markup=False)


def keep(document: dict[str, Any], path: Path) -> None:
    """Write a result document. Raises CommandError when the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1) + "\n")
    except OSError as problem:
        raise CommandError(f"--out {path} cannot be written: {problem}.") from problem


def judge(document: dict[str, Any], *ranges: Path) -> None:
    """Say which figures are out of range. Raises CommandError when there are any, or the ranges cannot be used."""
    try:
        misses = [miss for each in ranges for miss in check(document, each)]
    except RangesError as problem:
        raise CommandError(str(problem)) from problem
    if misses:
        raise CommandError("Out of range: " + "; ".join(map(str, misses)) + ".", ANSWER_IS_NO)


def _print_table(console: Console, document: dict[str, Any]) -> None:
    table = Table(
        title=f"Medians of {document['plan']['repeats']} repeats; seconds, share of the ceiling, racks of the widest gang",
        box=SIMPLE,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in ("case", "by", "all", "gap", "span", "binds/s", "share", "× native", "racks"):
        table.add_column(column, justify="left" if column in {"case", "by"} else "right", no_wrap=True)
    for name, rows in document["cases"].items():
        for scheduler in ("ceiling", "tutti", "native"):
            if scheduler not in rows:
                continue
            row, ratios = rows[scheduler], rows["ratios"]
            is_ours = scheduler == "tutti"
            faster, racks = ratios.get("timesFasterThanNative"), row.get("racksOfWidestGang")
            table.add_row(
                name,
                scheduler,
                f"{row['endToEnd_s']['median']:.2f}",
                f"{row['decisionGap_s']['median']:+.3f}",
                f"{row['bindSpan_s']['median']:.2f}",
                f"{row['bindRate']['median']:.0f}",
                f"{ratios['bindRateShareOfCeiling']['median']:.0%}" if is_ours else "",
                f"{faster['median']:.1f}" if is_ours and faster else "",
                f"{racks['high']:.0f}" if racks else "",
            )
    console.print(table)
    if document["footprint"]:
        foot = document["footprint"]
        console.print(
            f"With {foot['nodes']:,} nodes and {foot['pods']:,} pods: {foot['rssMiB']:.0f} MiB resident, "
            f"{foot['idleCpuPercentOfCore']:.1f} % of a core when idle."
        )
