"""
Domains out of homes: which domain lies in which, and which one each node is in.

Theory of operation. Levels are taken from the outside in. A domain of the next level lies in whatever its nodes are in so far; as a rule
that is one and the same, which takes a few passes over an array to see. Where it is not, the domain cannot be in one place of a tree: it is
cut into one part per place, named ``domain`` for the largest part and ``domain@container`` for the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduler.model.homes import NOWHERE, Homes
from scheduler.model.ids import DomainName

Numbers = NDArray[np.int64]

ROOT = 0


@dataclass(frozen=True, eq=False, slots=True)
class Containers:
    """
    All domains but the hosts, outermost level first; number 0 is the whole cluster. C containers, N nodes, L levels of the homes.

    `names` [C]. `depth_of` [C]: number of its level in the homes, -1 for the cluster. `above` [C]: the container it lies in, -1 for the
    cluster. `at` [L, N]: the container of each node on each level, NOWHERE if there is none. `home` [N]: the innermost.
    """

    names: list[str]
    depth_of: Numbers
    above: Numbers
    at: Numbers
    home: Numbers


def containers_of(homes: Homes) -> Containers:
    """Cost: O(nodes x levels); O(nodes log nodes) more for a level with a domain that must be cut."""
    home = np.zeros(len(homes.nodes), dtype=np.int64)
    at = np.full((len(homes.levels), len(homes.nodes)), NOWHERE, dtype=np.int64)
    names, depth_of, above = [""], [np.array([-1])], [np.array([-1])]
    for depth, codes in enumerate(homes.codes):
        known = np.flatnonzero(codes != NOWHERE)
        told, lies_in = codes[known], home[known]
        outer, domain, lies = _parts(told, lies_in, len(homes.domains[depth]))
        number = lies + len(names)
        names += _names(outer, domain, lies, homes.domains[depth], names)
        depth_of.append(np.full(len(outer), depth))
        above.append(outer)
        at[depth, known] = home[known] = number
    return Containers(names, np.concatenate(depth_of), np.concatenate(above), at, home)


def _parts(told: Numbers, lies_in: Numbers, domains: int) -> tuple[Numbers, Numbers, Numbers]:
    """Return for each part the container and the domain, and for each node its part."""
    outer = np.full(domains, NOWHERE, dtype=np.int64)
    outer[told] = lies_in
    if (outer[told] == lies_in).all():
        used = np.flatnonzero(outer != NOWHERE)
        number = np.zeros(domains, dtype=np.int64)
        number[used] = np.arange(len(used))
        return outer[used], used, number[told]
    pairs, part = np.unique(told * (lies_in.max() + 1) + lies_in, return_inverse=True)
    domain, outer = np.divmod(pairs, lies_in.max() + 1)
    return outer, domain, part


def _names(
    outer: Numbers, domain: Numbers, parts: Numbers, called: Sequence[DomainName], containers: list[str]
) -> list[str]:
    names: list[str] = [called[number] for number in domain.tolist()]
    if len(domain) < 2 or (np.diff(domain) > 0).all():
        return names
    sizes = np.bincount(parts)
    for number in np.flatnonzero(np.bincount(domain) > 1).tolist():
        places = np.flatnonzero(domain == number).tolist()
        largest = min(places, key=lambda place: (-sizes[place], containers[outer[place]], outer[place]))
        for place in places:
            if place != largest:
                names[place] = f"{names[place]}@{containers[outer[place]]}"
    return names
