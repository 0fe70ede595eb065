"""
Where sources disagree, and where none speaks.

Words of different sources are never compared: one fabric has other identifiers in each. Compared are the groups of nodes that they make.
Groups that are all parts, or all unions, of those that count mean another size by the same word, and are told once; a node that a source
puts among the nodes of another domain is told by name. A word that a family uses again in each of its outer domains means another group
there.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from scheduler.model.facts import Conflict, Dispute
from scheduler.model.homes import NOWHERE, Codes
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.sources.columns import Column

Mask = NDArray[np.bool_]


def disagreements(
    level: LevelName,
    nodes: Sequence[NodeName],
    kept: tuple[Codes, Sequence[DomainName], Callable[[int], str]],
    column: Column,
    told: Codes,
    lost: Mask,
    outer: Sequence[Codes] = (),
) -> Iterator[Conflict]:
    """
    Yield in what a source that does not count contradicts what does.

    `kept` holds the domain of each node, the names of domains, and who says the home of a node; `told` what `column` says of each
    node, `outer` what its family says of levels further out, and `lost` for which nodes it is not the one that counts.
    """
    domains, names, source_of = kept
    both = np.flatnonzero(lost & (told >= 0) & (domains != NOWHERE))
    theirs, ours = _within(told[both], [each[both] for each in outer]), domains[both]
    is_finer, is_coarser = _follows(theirs, ours), _follows(ours, theirs)
    if is_finer and is_coarser:
        return
    source = column.carrier.source
    if is_finer or is_coarser:
        yield Conflict(
            level,
            source,
            f"{len(np.unique(theirs))} domains",
            f"{len(np.unique(ours))} domains",
            source_of(int(both[0])),
            Dispute.FINER if is_finer else Dispute.COARSER,
        )
        return
    usual = _usual(theirs, ours, names)
    for place in np.flatnonzero(usual[theirs] != ours).tolist():
        node = int(both[place])
        yield Conflict(
            level,
            source,
            column.words[told[node]],
            names[ours[place]],
            source_of(node),
            Dispute.ELSEWHERE,
            nodes[node],
        )


def _within(inner: Codes, outer: Sequence[Codes]) -> Codes:
    """Number the groups of equal words anew where one is used in several groups further out."""
    for each in outer:
        if not _follows(inner, each):
            _, inner = np.unique(
                inner.astype(np.int64) * (int(each.max()) + 3) + each + 2, return_inverse=True
            )
    return inner


def _follows(inner: Codes, outer: Codes) -> bool:
    """Whether each number of `inner` goes with one number of `outer` alone."""
    if not len(inner):
        return True
    first = np.empty(int(inner.max()) + 1, dtype=np.int64)
    first[inner] = outer
    return bool((first[inner] == outer).all())


def _usual(theirs: Codes, ours: Codes, names: Sequence[DomainName]) -> Codes:
    """Return for each number of `theirs` the number of `ours` that most of its nodes have; of several the first by name."""
    width = int(ours.max()) + 1
    pairs, counts = np.unique(theirs.astype(np.int64) * width + ours, return_counts=True)
    best: dict[int, tuple[int, str, int]] = {}
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        their, our = divmod(pair, width)
        best[their] = min(best.get(their, (1, "", 0)), (-count, names[our], our))
    usual = np.full(int(theirs.max()) + 1, NOWHERE, dtype=np.int32)
    for their, (_, _, our) in best.items():
        usual[their] = our
    return usual
