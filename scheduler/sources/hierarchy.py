"""
From what is said level by level to domains that nest.

Theory of operation. Levels are taken from the outside in. A domain is its value within its parent: nodes of one value are parted by the
domains they are in further out, outermost first, so that each domain has exactly one parent. A node that says nothing of its parent, and
nothing of any level in between, takes the one that the rest of its part names, if they agree. As a rule nothing has to be parted, which
takes a few passes over an array to see; else pairs of codes are sorted. Equal statements in any order give equal domains.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scheduler.model.homes import NOWHERE, Codes
from scheduler.model.ids import DomainName, LevelName

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Spoken:
    """What is said of one level: `values` [nodes] numbers in `words`, or NOWHERE. Values of different words are different domains."""

    level: LevelName
    values: Numbers
    words: Sequence[str]


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """One value that is several domains, one in each of several domains further out."""

    depth: int
    value: int
    names: tuple[DomainName, ...]


@dataclass(eq=False, slots=True)
class Nested:
    """Domains that nest: `codes` [levels, nodes] numbers in ``domains[level]``, NOWHERE where not known. `splits`: in order."""

    codes: Codes
    domains: list[list[DomainName]] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)


def nested(spoken: Sequence[Spoken], nodes: int) -> Nested:
    """Return domains such that all nodes of one are in the same domain of every level further out, or in none that is known."""
    made = Nested(np.full((len(spoken), nodes), NOWHERE, dtype=np.int32))
    for depth, said in enumerate(spoken):
        known = np.flatnonzero(said.values != NOWHERE)
        values = said.values[known]
        part = values
        for outer in range(depth):
            part = _parted(part, made, outer, depth, known)
        _name(made, spoken, depth, known, values, part)
    return made


def _parted(part: Numbers, made: Nested, outer: int, depth: int, known: Numbers) -> Numbers:
    """Part nodes further by their domains of an outer level. Who follows the others is written to `made`."""
    inside = made.codes[outer, known].astype(np.int64)
    if not len(part):
        return part
    first = np.empty(int(part.max()) + 1, dtype=np.int64)
    first[part] = inside
    if (first[part] == inside).all():
        return part
    width = len(made.domains[outer]) + 1
    pairs, new = np.unique(part * width + inside + 1, return_inverse=True)
    old, domain = np.divmod(pairs, width)
    is_named = domain > 0
    names = np.bincount(old[is_named], minlength=int(part.max()) + 1)
    only = np.full(len(names), -1, dtype=np.int64)
    only[old[is_named]] = np.flatnonzero(is_named)  # the new part that is named, where there is just one
    follows = (inside == NOWHERE) & (names[part] == 1)
    follows &= (made.codes[outer + 1 : depth, known] == NOWHERE).all(axis=0)
    if follows.any():
        new = np.where(follows, only[part], new)
        made.codes[outer, known[follows]] = domain[new[follows]] - 1
    return new


def _name(
    made: Nested, spoken: Sequence[Spoken], depth: int, known: Numbers, values: Numbers, part: Numbers
) -> None:
    """Turn parts into domains: one of a value on its own carries it as a name, others carry their parent in front."""
    words, parts = spoken[depth].words, int(part.max()) + 1 if len(part) else 0
    member = np.full(parts, -1, dtype=np.int64)
    member[part[::-1]] = np.arange(len(part))[::-1]
    there = np.flatnonzero(member >= 0)
    there = there[np.argsort(member[there])]  # by first node, whatever numbers the words have
    value_of = values[member[there]]
    count = np.bincount(value_of, minlength=len(words))
    is_whole = count[value_of] == 1
    names: list[DomainName | None] = [DomainName(words[value]) for value in value_of.tolist()]
    for number in np.flatnonzero(~is_whole).tolist():
        parent = _parent(made, spoken, depth, int(known[member[there[number]]]))
        names[number] = DomainName(f"{parent}/{names[number]}") if parent else None
    _note_splits(made, depth, value_of, is_whole, names)
    code = np.full(parts, NOWHERE, dtype=np.int32)
    kept = [number for number, name in enumerate(names) if name is not None]
    code[there[kept]] = np.arange(len(kept))
    made.codes[depth, known] = code[part]
    made.domains.append([name for name in names if name is not None])


def _parent(made: Nested, spoken: Sequence[Spoken], depth: int, node: int) -> str:
    """Return the nearest domain further out; with its level in front where that is not the next one, whose words may be the same."""
    for outer in range(depth - 1, -1, -1):
        code = made.codes[outer, node]
        if code != NOWHERE:
            name = made.domains[outer][code]
            return name if outer == depth - 1 else f"{spoken[outer].level}={name}"
    return ""


def _note_splits(
    made: Nested,
    depth: int,
    value_of: Numbers,
    is_whole: NDArray[np.bool_],
    names: Sequence[DomainName | None],
) -> None:
    split: dict[int, list[DomainName]] = {}
    for number in np.flatnonzero(~is_whole).tolist():
        name = names[number]
        if name is not None:
            split.setdefault(int(value_of[number]), []).append(name)
    made.splits += [
        Split(depth, value, tuple(sorted(found))) for value, found in split.items() if len(found) > 1
    ]
