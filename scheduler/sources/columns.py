"""
What every carrier says of every node, as one column of codes per carrier, kept up to date node by node.

A node that is relabelled costs its own row; what follows from all nodes together is worked out over whole columns, in `hierarchy`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scheduler.model.homes import NOWHERE
from scheduler.model.ids import NodeName
from scheduler.sources.carriers import Carrier

Codes = NDArray[np.int32]

UNUSABLE: Final = -2
FIRST_SIZE: Final = 64
SPARE_WORDS: Final = 1024  # words that a column may know and not use, before it is written anew; arbitrary


class Column:
    """One carrier: `codes` by row, numbers in `words`; NOWHERE where it says nothing, UNUSABLE where nothing can be read from it."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.codes: Codes = np.full(FIRST_SIZE, NOWHERE, dtype=np.int32)
        self.words: list[str] = []
        self.used = 0  # rows with a word
        self.unusable = 0
        self._numbers: dict[str, int] = {}

    def put(self, row: int, value: str) -> bool:
        """Write what is said of a node, empty for nothing; return whether that is news."""
        code = self._code(value) if value else NOWHERE
        before = int(self.codes[row])
        if code == before:
            return False
        self.used += (code >= 0) - (before >= 0)
        self.unusable += (code == UNUSABLE) - (before == UNUSABLE)
        self.codes[row] = code
        if len(self.words) > 2 * self.used + SPARE_WORDS:
            self._forget_unused()
        return True

    def grow(self, size: int) -> None:
        """Make room for so many rows."""
        self.codes = np.concatenate(
            (self.codes, np.full(size - len(self.codes), NOWHERE, dtype=np.int32)), dtype=np.int32
        )

    def _code(self, value: str) -> int:
        word = self.carrier.read(value)
        if not word:
            return UNUSABLE
        code = self._numbers.setdefault(word, len(self.words))
        if code == len(self.words):
            self.words.append(word)
        return code

    def _forget_unused(self) -> None:
        is_word = self.codes >= 0
        used, codes = np.unique(self.codes[is_word], return_inverse=True)
        self.words = [self.words[code] for code in used.tolist()]
        self._numbers = {word: number for number, word in enumerate(self.words)}
        self.codes[is_word] = codes


class Columns:
    """The columns of some carriers, in order of precedence within each level, and the nodes they speak of."""

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        self.all = tuple(Column(carrier) for carrier in carriers)
        self.of_labels = tuple(column for column in self.all if column.carrier.is_label)
        self.of_attributes = tuple(column for column in self.all if not column.carrier.is_label)
        self._rows: dict[NodeName, int] = {}
        self._free: list[int] = list(range(FIRST_SIZE - 1, -1, -1))
        self._size = FIRST_SIZE
        self._in_order: tuple[tuple[NodeName, ...], Mapping[NodeName, int], NDArray[np.intp]] | None = None

    def row(self, name: NodeName) -> tuple[int, bool]:
        """Return the row of a node, and whether it is a new one."""
        row = self._rows.get(name)
        if row is not None:
            return row, False
        if not self._free:
            size = 2 * self._size
            self._free = list(range(size - 1, self._size - 1, -1))
            self._size = size
            for column in self.all:
                column.grow(size)
        self._rows[name] = row = self._free.pop()
        self._in_order = None
        return row, True

    def drop(self, name: NodeName) -> None:
        """Forget a node."""
        row = self._rows.pop(name, None)
        if row is not None:
            for column in self.all:
                column.put(row, "")
            self._free.append(row)
            self._in_order = None

    def in_order(self) -> tuple[tuple[NodeName, ...], Mapping[NodeName, int], NDArray[np.intp]]:
        """Return the nodes by name, the number of each in that order, and their rows. The same objects until a node joins or leaves."""
        if self._in_order is None:
            names = tuple(sorted(self._rows))
            rows = np.fromiter((self._rows[name] for name in names), dtype=np.intp, count=len(names))
            self._in_order = names, {name: number for number, name in enumerate(names)}, rows
        return self._in_order
