"""
Amounts of resources: what a pod asks for, what a node offers.

Units: ``cpu`` in thousandths of a core; ``memory`` and ``ephemeral-storage`` in bytes; ``pods`` and extended resources in pieces.
Exact integers throughout: floats would make two equal gangs differ in the last bit.
"""

from collections.abc import Iterator, Mapping
from typing import Final, final

CPU: Final = "cpu"
MEMORY: Final = "memory"
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
PODS: Final = "pods"
GPU_SUFFIX: Final = "/gpu"  # nvidia.com/gpu, amd.com/gpu, …


@final
class Resources(Mapping[str, int]):
    """
    A frozen vector of amounts by resource name; a name that is absent counts as zero.

    Negative amounts may appear in differences (an overcommitted node has less than nothing free). Zeros are not stored,
    so equal vectors are equal values. Iteration is by name.
    """

    __slots__ = ("_amounts", "_hash")

    def __init__(self, amounts: Mapping[str, int] | None = None) -> None:
        self._amounts: dict[str, int] = {k: v for k, v in sorted((amounts or {}).items()) if v}
        self._hash: int | None = None

    def __getitem__(self, name: str) -> int:
        return self._amounts.get(name, 0)

    def __contains__(self, name: object) -> bool:
        return name in self._amounts

    def __iter__(self) -> Iterator[str]:
        return iter(self._amounts)

    def __len__(self) -> int:
        return len(self._amounts)

    def __eq__(self, other: object) -> bool:
        return self._amounts == other._amounts if isinstance(other, Resources) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self._amounts.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"Resources({self._amounts})"

    def __add__(self, other: "Resources") -> "Resources":
        total = dict(self._amounts)
        for name, amount in other._amounts.items():
            total[name] = total.get(name, 0) + amount
        return Resources(total)

    def __sub__(self, other: "Resources") -> "Resources":
        rest = dict(self._amounts)
        for name, amount in other._amounts.items():
            rest[name] = rest.get(name, 0) - amount
        return Resources(rest)

    @property
    def gpus(self) -> int:
        """How many GPUs this is, whatever vendor they are from."""
        return sum(amount for name, amount in self._amounts.items() if name.endswith(GPU_SUFFIX))

    def scaled(self, count: int) -> "Resources":
        """Return this vector `count` times."""
        return Resources({name: amount * count for name, amount in self._amounts.items()})

    def fits_in(self, free: "Resources") -> bool:
        """Whether `free` holds at least this much of everything asked for. A request of zero asks for nothing."""
        return all(amount <= free[name] for name, amount in self._amounts.items())

    def copies_in(self, free: "Resources") -> int | None:
        """
        Return how many copies of this vector `free` holds, never below zero; None when this vector asks for nothing.

        >>> Resources({"cpu": 2}).copies_in(Resources({"cpu": 7}))
        3
        """
        counts = [free[name] // amount for name, amount in self._amounts.items() if amount > 0]
        return max(0, min(counts)) if counts else None


NOTHING: Final = Resources()
