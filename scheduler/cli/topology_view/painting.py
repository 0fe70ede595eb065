"""Frames, tiles and squares onto a page: colour for the share that is free, the numbers beside it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from scheduler.cli.topology_view.boxes import Box, Detail, Plan
from scheduler.cli.topology_view.document import devices
from scheduler.cli.topology_view.packing import GAP, PAD, SQUARE, TITLE, Placed, columns_of
from scheduler.model.snapshot import Snapshot
from scheduler.topology import DomainTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK: Final = "#1b1f24"
FAINT: Final = "#57606a"
EDGE: Final = "#8c959f"
FRAMES: Final = ("#ffffff", "#f3f4f6", "#e6e9ed", "#d8dce2")
NONE: Final = "#d0d7de"
HATCH: Final = "/////"
BAND: Final = 0.1  # height of the mark on a tile that is cordoned
CHAR: Final = 0.58  # width of a letter, as a share of the font's size
BOLD: Final = 0.68

Color = tuple[float, float, float, float] | str


class Painter:
    """Draws one plan. `free` and `total` are by number of node."""

    def __init__(self, snapshot: Snapshot, tree: DomainTree, plan: Plan, axes: "Axes", unit: float) -> None:
        from matplotlib import colormaps  # noqa: PLC0415

        states = [snapshot.nodes[name] for name in tree.nodes]
        self.resource = devices(snapshot)
        self.free = np.array([max(0, state.free[self.resource]) for state in states])
        self.total = np.array([state.node.allocatable[self.resource] for state in states])
        self.cordoned: NDArray[np.bool_] = np.array([state.node.unschedulable for state in states])
        self.plan = plan
        self.colors = colormaps["viridis"]
        self._axes = axes
        self._unit = unit

    def paint(self, placed: Sequence[Placed]) -> None:
        """Draw everything, frames in front of what they hold."""
        for each in placed:
            if each.box.parts:
                self._frame(each)
            elif self.plan.detail is Detail.SQUARES:
                self._tile_of_squares(each)
            else:
                self._tile(each)

    def color(self, free: int, total: int) -> Color:
        """Return the colour of a share."""
        color: Color = self.colors(free / total) if total else NONE
        return color

    def _frame(self, each: Placed) -> None:
        if not each.box.title:
            return
        self._rectangle(each, FRAMES[min(each.depth, len(FRAMES) - 1)], EDGE, 0.9)
        size = self._points(0.17)
        counts = f"{self._sums(each.box)} free"
        room = each.w - 2 * PAD - self._width(counts, size) - 0.1
        y = each.y + each.h - TITLE / 2 - PAD / 2
        level, _, name = each.box.title.partition(" ")
        name = self._cut(name, room - self._width(f"{level} ", size, BOLD), size, BOLD)
        self._text(each.x + PAD, y, f"{level} {name}", size, weight="bold")
        self._text(each.x + each.w - PAD, y, counts, size, color=FAINT, ha="right")

    def _tile(self, each: Placed) -> None:
        hosts = list(each.box.hosts)
        free, total = int(self.free[hosts].sum()), int(self.total[hosts].sum())
        color = self.color(free, total)
        self._rectangle(each, color, "#ffffff", 0.8)
        if self.cordoned[hosts].all():
            self._hatch((each.x, each.y + each.h - BAND), each.w, BAND, self._ink(color))
        name, ink = self._name(each.box), self._ink(color)
        is_sum = self.plan.detail is Detail.SUM
        top, bottom = (0.76, 0.45) if is_sum else (0.63, 0.27)
        middle = each.x + each.w / 2
        size, name = self._fitted(name, each.w - GAP, 0.145)
        self._text(middle, each.y + top * each.h, name, size, color=ink, ha="center")
        size, counts = self._fitted(f"{free:,}/{total:,}" if total else "–", each.w - GAP, 0.155)
        self._text(middle, each.y + bottom * each.h, counts, size, color=ink, ha="center", weight="bold")
        if is_sum:
            told = f"{len(hosts):,} host{'s' if len(hosts) != 1 else ''}"
            self._text(middle, each.y + 0.17 * each.h, told, self._points(0.115), color=ink, ha="center")

    def _tile_of_squares(self, each: Placed) -> None:
        from matplotlib.patches import Rectangle  # noqa: PLC0415

        self._rectangle(each, "#ffffff", EDGE, 0.7)
        size = self._points(0.135)
        counts = self._sums(each.box)
        name = self._name(each.box)
        y = each.y + each.h - TITLE / 2 - GAP / 2
        room = each.w - 2 * GAP - self._width(counts, size) - 0.05
        self._text(each.x + GAP, y, self._cut(name, room, size, BOLD), size, weight="bold")
        self._text(each.x + each.w - GAP, y, counts, size, color=FAINT, ha="right")
        columns = columns_of(len(each.box.hosts))
        for place, host in enumerate(each.box.hosts):
            row, column = divmod(place, columns)
            corner = (
                each.x + GAP + column * SQUARE + 0.01,
                each.y + each.h - TITLE - GAP - (row + 1) * SQUARE + 0.01,
            )
            side = SQUARE - 0.02
            color = self.color(int(self.free[host]), int(self.total[host]))
            self._axes.add_patch(Rectangle(corner, side, side, facecolor=color, linewidth=0))
            if self.cordoned[host]:
                self._hatch(corner, side, side, self._ink(color))

    def _name(self, box: Box) -> str:
        """Return what a tile is called; its level is told once, in the legend."""
        return box.title.removeprefix(f"{self.plan.tile} ")

    def _sums(self, box: Box) -> str:
        hosts = list(box.hosts)
        return f"{int(self.free[hosts].sum()):,}/{int(self.total[hosts].sum()):,}"

    def _rectangle(self, each: Placed, face: Color, edge: str, line: float) -> None:
        from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415

        shape = "round,pad=0,rounding_size=0.04"
        self._axes.add_patch(
            FancyBboxPatch(
                (each.x, each.y),
                each.w,
                each.h,
                boxstyle=shape,
                facecolor=face,
                edgecolor=edge,
                linewidth=line,
            )
        )

    def _hatch(self, corner: tuple[float, float], w: float, h: float, ink: str) -> None:
        """Mark something as cordoned."""
        from matplotlib.patches import Rectangle  # noqa: PLC0415

        self._axes.add_patch(
            Rectangle(corner, w, h, facecolor="none", edgecolor=ink, hatch=HATCH, linewidth=0, alpha=0.75)
        )

    def _text(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        style.setdefault("color", INK)
        self._axes.text(x, y, text, fontsize=size, va="center_baseline", **style)

    def _points(self, height: float) -> float:
        """Return the size of a font so many units high."""
        return height * self._unit * 72

    def _width(self, text: str, size: float, letter: float = CHAR) -> float:
        return len(text) * letter * size / 72 / self._unit

    def _fitted(self, text: str, room: float, height: float) -> tuple[float, str]:
        """Return a size and a text that fit: smaller letters first, then fewer of them."""
        size = self._points(height)
        size = max(0.75 * size, min(size, size * room / max(self._width(text, size), 1e-9)))
        return size, self._cut(text, room, size)

    def _cut(self, text: str, room: float, size: float, letter: float = CHAR) -> str:
        """Return a text that fits, its end kept: numbers are at the end of names."""
        most = int(room / (letter * size / 72 / self._unit))
        return text if len(text) <= most else "…" + text[max(0, len(text) - most + 1) :] if most > 1 else ""

    @staticmethod
    def _ink(color: Color) -> str:
        if isinstance(color, str):
            return INK
        red, green, blue, _ = color
        return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "#ffffff"
