"""
The demo in words, for 80 columns: a line per event, a map of the cluster, a table at the end.

On a terminal a spinner shows what is being waited for; without one there are plain lines and nothing else. May not: judge or measure.
"""

import contextlib
import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scheduler.cli.demo.play import Half, Waiting
from scheduler.cli.demo.story import POD_BY_POD, WORK_S, Gang, Load
from scheduler.cli.demo.timeline import Measures, occupied
from scheduler.cli.demo.watch import PodWatch

MOST_ON_MAP: Final = 256
"""Nodes; a larger cluster does not fit on a screen beside the story."""

COLOURS: Final = {"A": "cyan", "B": "magenta"}
"""By the first letter of the gang; names of racks are in small letters."""

INDENT: Final = 19
MAP_WIDTH: Final = 76


class Teller:
    """Writes to one console."""

    def __init__(self, console: Console, rack_of: Mapping[str, str]) -> None:
        self._console = console
        self._rack_of = rack_of

    def scene(self, half: Half, load: Load) -> None:
        title = "Pod by pod: the plain kube-scheduler" if half.scheduler == POD_BY_POD else "Under Tutti"
        self._console.print(f"\n{title}", style="bold")
        if half.scheduler == POD_BY_POD:
            self._say("  The same pods in the same order, without a group to belong to.")

    def arrived(self, load: Load, seconds: float) -> None:
        count = sum(gang.members for gang in load.gangs)
        self._line(seconds, "", f"{count} pods created, one of each gang in turn")

    def started(self, measures: Measures, racks: int, at: float, watch: PodWatch, *, waited: bool) -> None:
        self._line(
            at,
            measures.gang,
            f"starts whole: {measures.bound} of {measures.size} bound",
            mark="✓",
            style="green",
        )
        gap, span = measures.create_to_bind_s or 0.0, measures.bind_span_s or 0.0
        where = "1 rack" if racks == 1 else f"{racks} racks"
        start = (
            f"it waited {gap:.2f} s for room" if waited else f"first bind {gap:.2f} s after its last create"
        )
        self._more(f"{start}, all within {span:.2f} s, on {where}")
        self._map(watch)

    def waits(self, gang: Gang, waiting: Waiting, at: float) -> None:
        self._line(
            at, gang.name, f"waits whole: {waiting.bound} of {gang.members} bound", mark="…", style="yellow"
        )
        self._more(f"{waiting.reason}: {waiting.message}" if waiting.reason else "It does not say why.")
        for remedy in waiting.remedies:
            self._more(f"→ {remedy}")

    def ended(self, gang: Gang, at: float) -> None:
        self._line(at, gang.name, f"has trained for {WORK_S} s and ended; its {gang.gpus} GPUs are free")

    def stuck(self, load: Load, half: Half, at: float, watch: PodWatch) -> None:
        for gang in load.gangs:
            seen = half.measures[gang.name]
            words = f"{seen.bound} of {gang.members} bound"
            if seen.is_whole:
                self._line(at, gang.name, words, mark="✓", style="green")
            else:
                self._line(
                    at,
                    gang.name,
                    f"{words}, waits for {gang.members - seen.bound} peers",
                    mark="✗",
                    style="red",
                )
        self._more(f"{half.gpus_held} GPUs are held, nobody trains, and nothing will change that.")
        self._map(watch)

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show what is being waited for, where somebody watches."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(f"[dim]{text}[/]"):
            yield

    def opening(self, mode: str, load: Load, *, nodes: int, gpus: int, racks: int, version: str) -> None:
        self._console.print(f"Tutti demo · {mode} mode · Kubernetes {version}", style="bold", highlight=False)
        first = load.gangs[0]
        self._say(
            f"  {nodes} nodes of {gpus} GPUs in {racks} racks. Two gangs, alpha and beta, of {first.members} workers × "
            f"{first.gpus_each} GPUs: each needs {first.gpus} of {nodes * gpus} GPUs. A worker waits for its peers; when all "
            f"of them run, they train for {WORK_S} s and end."
        )

    def ready(self, what: str, seconds: float) -> None:
        self._console.print(f"  ✓ {what:<58}{seconds:>6.1f} s", style="dim", highlight=False, markup=False)

    def comparison(self, load: Load, tutti: Half, plain: Half) -> None:
        grid = Table(
            title="The same load, side by side", title_style="bold", title_justify="left", expand=False
        )
        for name, justify in (("", "left"), ("Tutti", "right"), ("pod by pod", "right")):
            grid.add_column(name, justify=justify)  # type: ignore[arg-type]
        grid.add_row(
            "gangs that ran to the end", *(f"{half.finished} of {len(load.gangs)}" for half in (tutti, plain))
        )
        for gang in load.gangs:
            grid.add_row(
                f"{gang.name}, members bound",
                *(f"{half.measures[gang.name].bound} of {gang.members}" for half in (tutti, plain)),
            )
        grid.add_row(
            "partial gangs seen by an outside watch", *(str(half.partial_gangs) for half in (tutti, plain))
        )
        grid.add_row("GPUs held by gangs that cannot run", *(str(half.gpus_held) for half in (tutti, plain)))
        grid.add_row("after", *(_outcome(half, load) for half in (tutti, plain)))
        self._console.print()
        self._console.print(grid)

    def _line(self, at: float, subject: str, words: str, *, mark: str = " ", style: str = "") -> None:
        self._console.print(
            f"  {at:6.2f} s  {subject:<6} {mark} {words}".rstrip(), style=style, highlight=False, markup=False
        )

    def _more(self, words: str) -> None:
        space = " " * INDENT
        for line in textwrap.wrap(words, 80 - INDENT):
            self._console.print(space + line, highlight=False, markup=False)

    def _say(self, words: str) -> None:
        for line in textwrap.wrap(words, 78, subsequent_indent="  "):
            self._console.print(line, highlight=False, markup=False)

    def _map(self, watch: PodWatch) -> None:
        """One sign per node, one word per rack: whose workers it holds."""
        if len(self._rack_of) > MOST_ON_MAP:
            return
        for line in map_lines(self._rack_of, occupied(watch.sightings)):
            text = Text("    " + line)
            text.highlight_regex(r"[^AB]+", "dim")
            for letter, colour in COLOURS.items():
                text.highlight_regex(f"{letter}+", colour)
            self._console.print(text)


def _outcome(half: Half, load: Load) -> str:
    return f"{half.seconds:.1f} s, {'done' if half.finished == len(load.gangs) else 'stuck'}"


def map_lines(rack_of: Mapping[str, str], holds: Mapping[str, str]) -> list[str]:
    """Return the cluster in lines of at most 76 characters; `holds` is the gang by node."""
    racks: dict[str, str] = {}
    for node, rack in sorted(rack_of.items(), key=lambda item: (item[1], item[0])):
        racks[rack] = racks.get(rack, "") + (holds[node][0].upper() if node in holds else ".")
    lines = [""]
    for rack, signs in racks.items():
        word = f"{rack} {signs}"
        if lines[-1] and len(lines[-1]) + 2 + len(word) > MAP_WIDTH:
            lines.append("")
        lines[-1] += f"  {word}" if lines[-1] else word
    return lines
