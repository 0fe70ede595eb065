"""Where boxes go: each frame is filled row by row, as wide as makes it look like a page. Units are tiles: about one inch on paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from scheduler.cli.topology_view.boxes import Box, Detail

TILE_W: Final = 1.1
TILE_H: Final = 0.62
SUM_H: Final = 0.72
SQUARE: Final = 0.15
GAP: Final = 0.07
TITLE: Final = 0.3
PAD: Final = 0.1
ASPECT: Final = 1.5


@dataclass(frozen=True, slots=True)
class Placed:
    """A box with its lower left corner and size; y grows upwards. `depth` counts frames around it."""

    box: Box
    x: float
    y: float
    w: float
    h: float
    depth: int


@dataclass(frozen=True, slots=True)
class _Sized:
    """A box with its size, and the places of its parts from its upper left corner, y downwards."""

    box: Box
    w: float
    h: float
    parts: tuple[tuple[float, float, "_Sized"], ...] = ()


def packed(root: Box, detail: Detail) -> tuple[list[Placed], float, float]:
    """Return every box with its place, frames in front of what they hold, and the size of the whole."""
    sized = _sized(root, detail)
    placed: list[Placed] = []
    stack = [(sized, 0.0, 0.0, 0)]
    while stack:
        each, x, y, depth = stack.pop()
        placed.append(Placed(each.box, x, sized.h - y - each.h, each.w, each.h, depth))
        stack += [(part, x + dx, y + dy, depth + 1) for dx, dy, part in reversed(each.parts)]
    return placed, sized.w, sized.h


def columns_of(hosts: int) -> int:
    """Return how many squares stand side by side in a tile of so many hosts."""
    return min(hosts, max(8, ceil(sqrt(2.2 * hosts)))) if hosts else 1


def _sized(box: Box, detail: Detail) -> _Sized:
    if not box.parts:
        if detail is not Detail.SQUARES:
            return _Sized(box, TILE_W, SUM_H if detail is Detail.SUM else TILE_H)
        columns = columns_of(len(box.hosts))
        rows = ceil(len(box.hosts) / columns) if box.hosts else 1
        return _Sized(box, max(8, columns) * SQUARE + 2 * GAP, rows * SQUARE + TITLE + 2 * GAP)
    parts = [_sized(part, detail) for part in box.parts]
    places, w, h = _rows([(part.w, part.h) for part in parts])
    title, pad = (TITLE, PAD) if box.title else (0.0, 0.0)
    w = max(w, 0.085 * len(box.title))
    return _Sized(
        box,
        w + 2 * pad,
        h + 2 * pad + title,
        tuple((x + pad, y + pad + title, part) for (x, y), part in zip(places, parts, strict=True)),
    )


def _rows(sizes: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float]], float, float]:
    """Return places row by row, and the size of all; as near to the aspect of a page as some widths get."""
    widest = max(w for w, _ in sizes)
    ideal = sqrt(sum((w + GAP) * (h + GAP) for w, h in sizes) * ASPECT)
    best: tuple[float, list[tuple[float, float]], float, float] | None = None
    for factor in (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5):
        places, w, h = _shelves(sizes, max(widest, ideal * factor))
        badness = max(w / h / ASPECT, ASPECT * h / w) * (w * h)
        if best is None or badness < best[0] - 1e-9:
            best = (badness, places, w, h)
    if best is None:
        raise AssertionError("there is always one width")
    return best[1], best[2], best[3]


def _shelves(
    sizes: Sequence[tuple[float, float]], width: float
) -> tuple[list[tuple[float, float]], float, float]:
    places: list[tuple[float, float]] = []
    x = y = high = widest = 0.0
    for w, h in sizes:
        if x > 0 and x + w > width + 1e-9:
            x, y, high = 0.0, y + high + GAP, 0.0
        places.append((x, y))
        x, high = x + w + GAP, max(high, h)
        widest = max(widest, x - GAP)
    return places, widest, y + high
