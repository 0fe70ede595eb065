"""
What a picture of a topology shows, before it is known where: boxes in boxes.

Up to `FEW` hosts each host is a tile with a name. Up to `SOME` a tile is a rack with a square per host. Above, a tile is a rack, or the
innermost level that has no more than `MOST_TILES` domains, and hosts are only counted. Levels around the tiles become frames, of which the
innermost few are drawn; a level that has one domain, or the same domains as the next, would be a frame around the same.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import numpy as np

from scheduler.model.ids import LevelName
from scheduler.topology import DomainTree
from scheduler.topology.graph import NVLINK, PARTITION

FEW: Final = 128
SOME: Final = 1500
MOST_TILES: Final = 600
MOST_FRAMES: Final = 3
LEAST_IN_TILE: Final = 3  # hosts that a rack has on average, for one to be worth a tile


_RUNS: Final = re.compile(r"[0-9]+|[^0-9]+")


class Detail(Enum):
    """What a tile is."""

    HOST = auto()
    SQUARES = auto()
    SUM = auto()


@dataclass(frozen=True, slots=True)
class Box:
    """A frame with parts, or a tile without; `hosts` are numbers of nodes in the tree."""

    title: str
    hosts: range | tuple[int, ...]
    parts: tuple["Box", ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All boxes, the detail they are drawn in, and the level that tiles are of, in one word."""

    root: Box
    detail: Detail
    tile: str


def plan_of(tree: DomainTree) -> Plan:
    """Return what to draw of a tree."""
    levels = _telling(tree)
    count = len(tree.nodes)
    if count <= FEW:
        frames = levels[-MOST_FRAMES:]
        return Plan(Box("", range(count), _hosts_in(tree, frames, 0, count)), Detail.HOST, "host")
    detail = Detail.SQUARES if count <= SOME else Detail.SUM
    tile = _tile_level(tree, levels, detail)
    if tile is None:
        return Plan(Box("", range(count), (Box("all hosts", range(count)),)), detail, "cluster")
    outer = levels[: levels.index(tile)][1 - MOST_FRAMES :]
    return Plan(Box("", range(count), _tiles_in(tree, [*outer, tile], 0, count)), detail, str(tile))


def _telling(tree: DomainTree) -> list[LevelName]:
    """Return the levels that part the nodes, and not as the next level does."""
    inner = tree.levels[1:-1]
    spans = {level: [(tree.starts[p], tree.stops[p]) for p in tree.at_level[level]] for level in inner}
    return [
        level
        for number, level in enumerate(inner)
        if (len(spans[level]) > 1 or len(inner) == 1)
        and (number + 1 == len(inner) or spans[level] != spans[inner[number + 1]])
    ]


def _tile_level(tree: DomainTree, levels: list[LevelName], detail: Detail) -> LevelName | None:
    network = [level for level in levels if level not in {NVLINK, PARTITION}] or levels
    good = [
        level
        for level in network
        if len(tree.at_level[level]) * LEAST_IN_TILE <= len(tree.nodes)
        and (detail is Detail.SQUARES or len(tree.at_level[level]) <= MOST_TILES)
    ]
    return good[-1] if good else None


def _spans(tree: DomainTree, level: LevelName, first: int, stop: int) -> list[tuple[int, int, int]]:
    """Return (position, start, stop) of the domains of a level among these nodes."""
    positions = np.array(tree.at_level.get(level, ()), dtype=np.int64)
    starts, stops = tree.starts[positions], tree.stops[positions]
    chosen = (starts >= first) & (stops <= stop)
    return list(zip(positions[chosen].tolist(), starts[chosen].tolist(), stops[chosen].tolist(), strict=True))


def _hosts_in(tree: DomainTree, levels: list[LevelName], first: int, stop: int) -> tuple[Box, ...]:
    if not levels:
        return tuple(Box(str(tree.nodes[number]), range(number, number + 1)) for number in range(first, stop))
    parts: list[Box] = []
    left = first
    for position, start, end in _spans(tree, levels[0], first, stop):
        parts += _hosts_in(tree, levels[1:], left, start)
        title = f"{levels[0]} {tree.domains[position].name}"
        parts.append(Box(title, range(start, end), _hosts_in(tree, levels[1:], start, end)))
        left = end
    return (*_in_order(parts), *_hosts_in(tree, levels[1:], left, stop))


def _tiles_in(tree: DomainTree, levels: list[LevelName], first: int, stop: int) -> tuple[Box, ...]:
    parts: list[Box] = []
    alone: list[int] = []

    def between(start: int, end: int) -> None:
        if len(levels) > 1:
            parts.extend(_tiles_in(tree, levels[1:], start, end))
        else:
            alone.extend(range(start, end))

    left = first
    for position, start, end in _spans(tree, levels[0], first, stop):
        between(left, start)
        inner = _tiles_in(tree, levels[1:], start, end) if len(levels) > 1 else ()
        parts.append(Box(f"{levels[0]} {tree.domains[position].name}", range(start, end), inner))
        left = end
    between(left, stop)
    parts = _in_order(parts)
    return (*parts, Box(f"no known {levels[0]}", tuple(alone))) if alone else tuple(parts)


def _in_order(boxes: list[Box]) -> list[Box]:
    """Sort as people do: S2 before S10."""
    return sorted(
        boxes, key=lambda box: [(int(t) if t.isdecimal() else 0, t) for t in _RUNS.findall(box.title)]
    )
