"""
One question: which nodes do these pods get? As names, for the engine, and as arrays, for the solver and the rules.

Levels run from the outermost to the racks; hosts are no level of their own here. A host of which a level is not known (an empty name)
counts there as in a domain of its own with those that share its next known domain further in, at last alone: the product's contract for
evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GPU = "nvidia.com/gpu"
CPU = "cpu"  # milli
PODS = "pods"

Numbers = NDArray[np.int64]
Shares = NDArray[np.int64]
"""[roles, hosts]: how many pods of each role a host gets."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host: its domain per level, what it has, what is free, and a label that roles may select by."""

    name: str
    homes: tuple[str, ...]
    total: Mapping[str, int]
    free: Mapping[str, int]
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """`count` equal pods; `pool`: only hosts of this pool, any when empty."""

    name: str
    count: int
    asks: Mapping[str, int]
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """A question in names. `required`: one domain of this level or nothing. `slices`: (level or "host", size), outermost first."""

    family: str
    number: int
    levels: tuple[str, ...]
    hosts: tuple[Host, ...]
    roles: tuple[Role, ...]
    required: str | None = None
    slices: tuple[tuple[str, int], ...] = ()

    @property
    def is_mixed(self) -> bool:
        """Whether members differ."""
        return len(self.roles) > 1

    @property
    def name(self) -> str:
        """Return what finds this instance again, beside the seed."""
        return f"{self.family} {self.number}"


@dataclass(frozen=True, eq=False)
class Question:
    """
    The same in numbers: R roles in spec order, N hosts, D resources, L levels.

    `counts` [R], `asked` [R, D], `free` and `total` [N, D], `may` [R, N]. `homes` [L, N]: the domain of each host, numbered per level
    from 0. `required`: a level, by number. `slices`: (level, size); level L is the hosts.
    """

    counts: tuple[int, ...]
    asked: Numbers
    free: Numbers
    total: Numbers
    may: NDArray[np.bool_]
    homes: Numbers
    required: int | None = None
    slices: tuple[tuple[int, int], ...] = ()

    @property
    def racks(self) -> Numbers:
        """Return the domain of each host on the innermost level."""
        row: Numbers = self.homes[-1]
        return row


def question(instance: Instance) -> Question:
    """Return an instance in numbers. Resources that nobody asks for are left out."""
    names = sorted({name for role in instance.roles for name in role.asks})
    levels = [*instance.levels, "host"]
    return Question(
        counts=tuple(role.count for role in instance.roles),
        asked=np.array([[role.asks.get(name, 0) for name in names] for role in instance.roles]),
        free=np.array([[host.free.get(name, 0) for name in names] for host in instance.hosts]),
        total=np.array([[host.total.get(name, 0) for name in names] for host in instance.hosts]),
        may=np.array([[role.pool in ("", host.pool) for host in instance.hosts] for role in instance.roles]),
        homes=homes([host.homes for host in instance.hosts], [host.name for host in instance.hosts]),
        required=None if instance.required is None else instance.levels.index(instance.required),
        slices=tuple((levels.index(level), size) for level, size in instance.slices),
    )


def homes(paths: Sequence[Sequence[str]], names: Sequence[str]) -> Numbers:
    """Return the domain of each host per level, in numbers; `paths` hold its domain's name per level, "" where it is not known."""
    depth = len(paths[0]) if paths else 0
    rows = []
    for level in range(depth):
        known: dict[tuple[int, str], int] = {}
        row = []
        for path, name in zip(paths, names, strict=True):
            inner = next((at for at in range(level, depth) if path[at]), depth)
            row.append(known.setdefault((inner, path[inner] if inner < depth else name), len(known)))
        rows.append(row)
    return np.array(rows, dtype=np.int64).reshape(depth, len(paths))


def copies(question: Question, free: Numbers) -> Numbers:
    """Return how many pods of each role each host would hold, were they alone there. Shape: [R, N]."""
    held = np.empty((len(question.counts), len(free)), dtype=np.int64)
    for role, count in enumerate(question.counts):
        held[role] = alone(question, free, role, count)
    return held


def alone(question: Question, free: Numbers, role: int, most: int) -> Numbers:
    """Return how many pods of one role each host would hold with this much free, and no more than `most`."""
    room = np.where(question.may[role], most, 0)
    for resource in np.flatnonzero(question.asked[role] > 0):
        np.minimum(room, np.maximum(free[:, resource], 0) // question.asked[role][resource], out=room)
    return room
