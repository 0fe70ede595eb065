"""
Random fabrics: hosts in racks in blocks, regular or not, partly in use.

A host has 8 GPUs and 96 cores unless the fabric is uneven. Sizes follow what fabrics look like: racks of 1 to 11 hosts, few children per
domain, gaps in the evidence now and then.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.place.questions import CPU, GPU, PODS, Host

LEVELS = ("region", "zone", "block", "rack")  # a fabric of n levels has the last n
GPUS, CORES, MOST_PODS = 8, 96, 110


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What a fabric is like. `depth`: levels. `is_even`: the same number of children everywhere. `hosts`: at most, roughly.

    `busy`: the share of hosts in use. `crumbs`: hosts in use keep some GPUs free. `gaps`: domains that do not say what they are part of.
    `pools`: some hosts are of another pool.
    """

    depth: int
    is_even: bool
    hosts: int
    busy: float
    crumbs: bool
    gaps: bool = False
    pools: bool = False


def fabric(rng: random.Random, terms: Terms) -> tuple[tuple[str, ...], tuple[Host, ...]]:
    """Return the names of the levels and the hosts, in the order of their names."""
    paths = _even(rng, terms) if terms.is_even else _uneven(rng, terms)
    made = []
    for number, path in enumerate(paths):
        drawn = host(rng, f"h{number:04}", tuple(path), terms)
        made.append(replace(drawn, pool="spot") if terms.pools and rng.random() < 0.2 else drawn)
    return LEVELS[-terms.depth :], tuple(_with_gaps(rng, made) if terms.gaps else made)


def _even(rng: random.Random, terms: Terms) -> Iterator[list[str]]:
    """Yield the path of every host of a fabric with one fan-out per level."""
    per_rack = rng.choice((2, 3, 4, 6, 8))
    fans = [rng.randint(2, 4) for _ in range(terms.depth)]
    while per_rack * _product(fans) > terms.hosts and max(fans) > 1:
        fans[fans.index(max(fans))] -= 1
    paths: list[list[str]] = [[]]
    for fan in fans:
        paths = [[*path, f"{path[-1] if path else ''}{child:02}"] for path in paths for child in range(fan)]
    for path in paths:
        for _ in range(per_rack):
            yield path


def _uneven(rng: random.Random, terms: Terms) -> Iterator[list[str]]:
    """Yield the paths of a fabric in which every domain has its own number of children."""
    mean = max(1.5, (terms.hosts / 4) ** (1 / terms.depth))
    left = terms.hosts

    def grow(path: list[str]) -> Iterator[list[str]]:
        nonlocal left
        if len(path) == terms.depth:
            for _ in range(min(left, rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 11)))):
                left -= 1
                yield path
            return
        for child in range(rng.randint(1, max(1, round(2 * mean) - 1))):
            if left > 0:
                yield from grow([*path, f"{path[-1] if path else ''}{child:02}"])

    paths = list(grow([]))
    return iter(paths)


def host(rng: random.Random, name: str, path: tuple[str, ...], terms: Terms) -> Host:
    gpus = rng.choice((8, 8, 8, 8, 4)) if not terms.is_even else GPUS
    cores = rng.choice((96, 96, 128, 64)) if not terms.is_even else CORES
    total = {GPU: gpus, CPU: cores * 1000, PODS: MOST_PODS}
    if rng.random() >= terms.busy:
        used = rng.choice((0, 0, 2)) if terms.crumbs else 0  # daemons of the host itself
        return Host(name, path, total, {GPU: gpus, CPU: (cores - used) * 1000, PODS: MOST_PODS - 10})
    taken = rng.randint(1, gpus) if terms.crumbs else gpus
    busy_cores = min(cores, taken * (cores // gpus) + (rng.randint(-6, 6) if terms.crumbs else 0))
    free = {GPU: gpus - taken, CPU: max(0, cores - busy_cores) * 1000, PODS: MOST_PODS - 10 - taken}
    return Host(name, path, total, free)


def _with_gaps(rng: random.Random, hosts: list[Host]) -> list[Host]:
    """Return the hosts with a level hidden here and there: of a whole domain, or of one host."""
    depth = len(hosts[0].homes)
    hidden = {
        (level, host.homes[level + 1]) for host in hosts for level in range(depth - 1) if rng.random() < 0.02
    }
    made = []
    for host in hosts:
        homes = [
            "" if level + 1 < depth and (level, host.homes[level + 1]) in hidden else name
            for level, name in enumerate(host.homes)
        ]
        if rng.random() < 0.03:
            homes[-1] = ""
        made.append(replace(host, homes=tuple(homes)))
    is_hidden = [not any(host.homes[level] for host in made) for level in range(depth)]
    return hosts if any(is_hidden) else made  # a level that nobody knows is no level


def _product(numbers: list[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result
