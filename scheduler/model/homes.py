"""
In which domains nodes are, as columns: one code per level and node.

The same as a list of facts, in the form that arrays can be computed on; of 15,000 nodes the facts would be 75,000 objects. `Facts` is the
list, made when somebody reads it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from scheduler.model.ids import DomainName, LevelName, NodeName

NOWHERE: Final = -1

Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TopologyFact:
    """Node `node` is in domain `domain` of level `level`, says `source`."""

    node: NodeName
    level: LevelName
    domain: DomainName
    source: str


@dataclass(frozen=True, eq=False, slots=True)
class Homes:
    """
    The domain of each node at each level; `nodes` in order of name, `levels` outermost first and without the host.

    `codes` [levels, nodes]: number in ``domains[level]``, or NOWHERE. `said_by` [levels, nodes]: number in `sources` of who says so.
    `rows`: the number of each node. Nobody changes any of it.
    """

    nodes: tuple[NodeName, ...]
    rows: Mapping[NodeName, int]
    levels: tuple[LevelName, ...]
    codes: Codes
    domains: tuple[Sequence[DomainName], ...]
    sources: tuple[str, ...]
    said_by: Codes

    def of(self, names: Set[NodeName]) -> "Homes":
        """Return the same for exactly these nodes; one that nothing is known of is nowhere. Cost: O(nodes) where they differ."""
        if names == self.rows.keys():
            return self
        nodes = tuple(sorted(names))
        rows = np.array([self.rows.get(name, NOWHERE) for name in nodes], dtype=np.int64)
        known = rows != NOWHERE
        codes = np.full((len(self.levels), len(nodes)), NOWHERE, dtype=np.int32)
        said_by = codes.copy()
        codes[:, known], said_by[:, known] = self.codes[:, rows[known]], self.said_by[:, rows[known]]
        numbers = {name: number for number, name in enumerate(nodes)}
        return Homes(nodes, numbers, self.levels, codes, self.domains, self.sources, said_by)

    def with_copies(self, of: NodeName, names: Sequence[NodeName]) -> "Homes":
        """Return the same with more nodes, each at home where `of` is. Cost: O(nodes log nodes)."""
        more = self.of(self.rows.keys() | {of, *names})
        new = [more.rows[name] for name in names]
        codes, said_by = more.codes.copy(), more.said_by.copy()
        codes[:, new] = codes[:, [more.rows[of]]]
        said_by[:, new] = said_by[:, [more.rows[of]]]
        return replace(more, codes=codes, said_by=said_by)


class Facts(Sequence[TopologyFact]):
    """
    What homes say, as facts: by node, its levels from the outermost to the host, which is the node itself.

    `host` is the level of the host, `host_source` who speaks of it. The list is made when it is first read.
    """

    def __init__(self, homes: Homes, host: LevelName, host_source: str) -> None:
        self.homes = homes
        self._host = host
        self._host_source = host_source
        self._made: tuple[TopologyFact, ...] | None = None

    @overload
    def __getitem__(self, place: int) -> TopologyFact: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[TopologyFact]: ...
    def __getitem__(self, place: int | slice) -> TopologyFact | Sequence[TopologyFact]:
        return self._all()[place]

    def __len__(self) -> int:
        return int((self.homes.codes != NOWHERE).sum()) + len(self.homes.nodes)

    def __iter__(self) -> Iterator[TopologyFact]:
        return iter(self._all())

    def __eq__(self, other: Any) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def _all(self) -> tuple[TopologyFact, ...]:
        if self._made is None:
            self._made = tuple(self._facts())
        return self._made

    def _facts(self) -> Iterator[TopologyFact]:
        homes = self.homes
        codes, said_by = homes.codes.T.tolist(), homes.said_by.T.tolist()
        for name, places, sources in zip(homes.nodes, codes, said_by, strict=True):
            for depth, place in enumerate(places):
                if place != NOWHERE:
                    yield TopologyFact(
                        name, homes.levels[depth], homes.domains[depth][place], homes.sources[sources[depth]]
                    )
            yield TopologyFact(name, self._host, DomainName(name), self._host_source)


def homes_of(levels: Sequence[LevelName], facts: Iterable[TopologyFact]) -> Homes:
    """Return facts as columns; of two facts about one node and level the later counts. Cost: O(facts log nodes)."""
    facts = tuple(facts)
    nodes = tuple(sorted({fact.node for fact in facts}))
    rows = {name: number for number, name in enumerate(nodes)}
    depths = {level: depth for depth, level in enumerate(levels)}
    codes = np.full((len(levels), len(nodes)), NOWHERE, dtype=np.int32)
    said_by = codes.copy()
    domains: list[dict[DomainName, int]] = [{} for _ in levels]
    sources: dict[str, int] = {}
    for fact in facts:
        depth = depths.get(fact.level)
        if depth is not None:
            row = rows[fact.node]
            codes[depth, row] = domains[depth].setdefault(fact.domain, len(domains[depth]))
            said_by[depth, row] = sources.setdefault(fact.source, len(sources))
    return Homes(nodes, rows, tuple(levels), codes, tuple(map(tuple, domains)), tuple(sources), said_by)
