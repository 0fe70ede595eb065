"""
One statement per node and level out of the columns of all carriers, domains out of the statements, and what was set aside on the way.

Next: `findings` keeps the columns and calls this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scheduler.model.facts import HOST_LEVEL, Conflict, Dispute, Doubt, Level, Unknown
from scheduler.model.homes import NOWHERE, Codes, Facts, Homes
from scheduler.model.ids import LevelName, NodeName
from scheduler.sources.columns import UNUSABLE, Column, Columns
from scheduler.sources.contradictions import disagreements
from scheduler.sources.hierarchy import Nested, Spoken, nested
from scheduler.sources.precedence import ORDER

DERIVED: Final = "derived"
"""The source of a fact that follows from other nodes."""
HOST: Final = Level(HOST_LEVEL, "kubernetes.io/hostname")

SHOWN_PARTS: Final = 4


@dataclass(frozen=True, eq=False, slots=True)
class Settled:
    """What all carriers together say."""

    levels: tuple[Level, ...]
    facts: Facts
    conflicts: tuple[Conflict, ...]
    unknowns: tuple[Unknown, ...]


@dataclass(frozen=True, eq=False, slots=True)
class _Heard:
    """
    One level. `columns` speak of it, `told` [nodes] what each says, in order of precedence; `spoken` is what counts, `by` [nodes] the place
    in `columns` of whom it is from (NOWHERE: nobody), and `origin` the same per word.
    """

    columns: tuple[Column, ...]
    told: tuple[Codes, ...]
    spoken: Spoken
    by: Codes
    origin: NDArray[np.int64]

    def main(self) -> Column | None:
        """Return the column that counts for most nodes."""
        counts = np.bincount(self.by[self.by >= 0], minlength=len(self.columns)).tolist()
        if not any(counts):
            return None
        most = min(range(len(counts)), key=lambda n: (-counts[n], self.columns[n].carrier.key))
        return self.columns[most]


def settled(columns: Columns, declared: tuple[Level, ...]) -> Settled:
    """Settle everything. Equal statements give equal results, in whatever order they were made. Cost: O(nodes x levels)."""
    nodes, numbers, rows = columns.in_order()
    heard = [_heard(level, own, rows) for level, own in _by_level(columns, declared) if own or declared]
    there = [each for each in heard if declared or each.main() is not None]
    made = nested([each.spoken for each in there], len(nodes))
    host = next((level for level in declared if level.name == HOST_LEVEL), HOST)
    found = _levels(there, declared)
    sources, said_by = _sources(there, made, len(nodes))
    homes = Homes(
        nodes,
        numbers,
        tuple(level.name for level in found),
        made.codes,
        tuple(map(tuple, made.domains)),
        sources,
        said_by,
    )
    return Settled(
        levels=(*found, host),
        facts=Facts(homes, HOST_LEVEL, host.node_label),
        conflicts=tuple(_conflicts(there, made, homes)),
        unknowns=tuple(_unknowns(heard, there, homes)),
    )


def _by_level(
    columns: Columns, declared: tuple[Level, ...]
) -> Iterator[tuple[LevelName, tuple[Column, ...]]]:
    """Yield levels, outermost first, each with the columns that say something of it."""
    order = [level.name for level in declared if level.name != HOST_LEVEL] if declared else ORDER
    for level in order:
        yield (
            level,
            tuple(c for c in columns.all if c.carrier.level == level and (c.used or c.unusable)),
        )


def _heard(level: LevelName, columns: tuple[Column, ...], rows: NDArray[np.intp]) -> _Heard:
    told = tuple(column.codes[rows] for column in columns)
    values = np.full(len(rows), NOWHERE, dtype=np.int64)
    by = np.full(len(rows), NOWHERE, dtype=np.int32)
    words: list[str] = []
    origin: list[int] = []
    for place, (column, codes) in enumerate(zip(columns, told, strict=True)):
        counts = (by == NOWHERE) & (codes >= 0)
        values[counts] = codes[counts] + len(words)
        by[counts] = place
        words += column.words
        origin += [place] * len(column.words)
    whose = np.array(origin, dtype=np.int64)
    if len(columns) > 1:
        _tell_apart(words, values, columns, whose)
    return _Heard(columns, told, Spoken(level, values, words), by, whose)


def _tell_apart(
    words: list[str], values: NDArray[np.int64], columns: Sequence[Column], origin: NDArray[np.int64]
) -> None:
    """Put the carrier in front of a word that two of them use: all but the one that uses it for most nodes."""
    counts = np.bincount(values[values >= 0], minlength=len(words))
    used: dict[str, list[int]] = {}
    for number in np.flatnonzero(counts).tolist():
        used.setdefault(words[number], []).append(number)
    for word, numbers in used.items():
        if len(numbers) > 1:
            keys = {number: columns[origin[number]].carrier.key for number in numbers}
            first = min(numbers, key=lambda number: (-counts[number], keys[number]))
            for number in numbers:
                if number != first:
                    words[number] = f"{keys[number]}={word}"


def _levels(there: Sequence[_Heard], declared: tuple[Level, ...]) -> tuple[Level, ...]:
    if declared:
        return tuple(level for level in declared if level.name != HOST_LEVEL)
    return tuple(
        Level(each.spoken.level, main.carrier.node_label)
        for each in there
        if (main := each.main()) is not None
    )


def _sources(there: Sequence[_Heard], made: Nested, nodes: int) -> tuple[tuple[str, ...], Codes]:
    """Return all sources, and who says each home. A home that nobody has named follows from others."""
    sources = [DERIVED]
    said_by = np.full((len(there), nodes), NOWHERE, dtype=np.int32)
    for depth, each in enumerate(there):
        first = len(sources)
        sources += [column.carrier.source for column in each.columns]
        said_by[depth] = np.where(each.by == NOWHERE, 0, each.by + first)
    said_by[made.codes == NOWHERE] = NOWHERE
    return tuple(sources), said_by


def _conflicts(there: Sequence[_Heard], made: Nested, homes: Homes) -> Iterator[Conflict]:
    for split in made.splits:
        each = there[split.depth]
        shown = ", ".join(split.names[:SHOWN_PARTS])
        more = len(split.names) - SHOWN_PARTS
        column = each.columns[each.origin[split.value]]
        yield Conflict(
            each.spoken.level,
            column.carrier.source,
            each.spoken.words[split.value],
            f"{shown} and {more} more" if more > 0 else shown,
            DERIVED,
            Dispute.SPLIT,
        )
    for depth, each in enumerate(there):
        if len(each.columns) < 2:
            continue
        sources = partial(_source_of, homes, depth)
        for place, (column, told) in enumerate(zip(each.columns, each.told, strict=True)):
            kept = (made.codes[depth], made.domains[depth], sources)
            lost = (each.by != place) & (each.by != NOWHERE)
            outer = _outer(there[:depth], column)
            yield from disagreements(each.spoken.level, homes.nodes, kept, column, told, lost, outer)


def _source_of(homes: Homes, depth: int, node: int) -> str:
    """Return who says the home of a node on one level."""
    return homes.sources[int(homes.said_by[depth, node])]


def _outer(further_out: Sequence[_Heard], column: Column) -> list[Codes]:
    """Return what the family of a carrier, all that has its prefix, says of levels further out."""
    prefix = column.carrier.key.partition("/")[0]
    return [
        told
        for each in further_out
        for other, told in zip(each.columns, each.told, strict=True)
        if other.carrier.key.partition("/")[0] == prefix
    ]


def _unknowns(heard: Sequence[_Heard], there: Sequence[_Heard], homes: Homes) -> Iterator[Unknown]:
    depths = {each.spoken.level: depth for depth, each in enumerate(there)}
    for each in heard:
        level = each.spoken.level
        depth = depths.get(level)
        is_known = homes.codes[depth] != NOWHERE if depth is not None else np.zeros(len(homes.nodes), bool)
        lost = ~is_known & (each.by != NOWHERE)
        left = ~is_known & ~lost
        yield from _those(level, Doubt.AMBIGUOUS, lost, homes.nodes, each, each.by[lost])
        for place, told in enumerate(each.told):
            bad = left & (told == UNUSABLE)
            yield from _those(level, Doubt.UNUSABLE, bad, homes.nodes, each, np.array([place]))
            left &= ~bad
        if depth is not None:
            yield from _those(level, Doubt.SILENT, left, homes.nodes, each, np.zeros(0, int))


def _those(
    level: LevelName,
    why: Doubt,
    which: NDArray[np.bool_],
    nodes: Sequence[NodeName],
    each: _Heard,
    by: NDArray[np.integer],
) -> Iterator[Unknown]:
    numbers = np.flatnonzero(which).tolist()
    if numbers:
        sources = sorted({each.columns[place].carrier.source for place in by.tolist()})
        yield Unknown(level, why, tuple(nodes[number] for number in numbers), ", ".join(sources))
