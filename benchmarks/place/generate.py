"""
Random instances, one after the other: the same (seed, number) is the same instance, whatever else is drawn.

Families, in a fixed rotation, half of them gangs of equal pods and half mixed:

    equal-regular, equal-irregular     fabrics of 2 to 4 levels, free hosts are wholly free
    equal-fragmented                   hosts keep crumbs free, some are of another pool, evidence has gaps
    equal-slices                       members together in domains of one or two levels
    equal-large                        150 to 800 hosts
    mixed-one-rack                     roles that have to share one rack of 4 to 16 hosts
    mixed-regular, mixed-irregular     roles over several racks
    mixed-fragmented                   as above, with crumbs, pools and gaps
"""

import random
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.place.fabrics import LEVELS, Terms, fabric, host
from benchmarks.place.measure import domains, sums
from benchmarks.place.questions import CPU, GPU, PODS, Host, Instance, Role, alone, question

ROTATION: Final = (
    "equal-regular", "mixed-one-rack", "equal-irregular", "mixed-irregular", "equal-slices", "mixed-regular",
    "equal-fragmented", "mixed-fragmented", "equal-regular", "mixed-one-rack", "equal-irregular", "mixed-irregular",
    "equal-slices", "mixed-regular", "equal-fragmented", "mixed-fragmented", "equal-regular", "mixed-one-rack",
    "equal-irregular", "mixed-irregular", "equal-fragmented", "mixed-one-rack", "equal-large", "mixed-fragmented",
)  # fmt: skip
FAMILIES: Final = tuple(sorted(set(ROTATION)))


def instances(seed: int, count: int) -> Iterator[Instance]:
    """Yield `count` instances."""
    for number in range(count):
        yield instance(seed, number)


def instance(seed: int, number: int) -> Instance:
    """Return one instance of the sequence."""
    family = ROTATION[number % len(ROTATION)]
    rng = random.Random(f"{seed} {number}")
    return _DRAWS[family](rng, family, number)


def _equal(rng: random.Random, family: str, number: int) -> Instance:
    is_large, is_fragmented = family == "equal-large", family == "equal-fragmented"
    terms = Terms(
        depth=rng.randint(2, 4),
        is_even=family == "equal-regular" or (is_large and rng.random() < 0.5),
        hosts=rng.randint(150, 800) if is_large else rng.randint(8, 64),
        busy=rng.uniform(0, 0.85),
        crumbs=is_fragmented or rng.random() < 0.25,
        gaps=is_fragmented and rng.random() < 0.4,
        pools=is_fragmented and rng.random() < 0.5,
    )
    levels, hosts = fabric(rng, terms)
    gpus = rng.choice((8, 8, 8, 4, 2, 1, 1))
    asks = {GPU: gpus, CPU: 1000 * rng.choice((1, gpus, 8 * gpus, 12 * gpus)), PODS: 1}
    required = rng.choice(levels) if rng.random() < 0.4 else None
    role = Role("worker", 1, asks, "" if rng.random() < 0.8 else hosts[0].pool)
    bare = Instance(family, number, levels, hosts, (role,), required)
    slices = _slices(rng, levels) if family == "equal-slices" else ()
    unit = slices[0][1] if slices else 1
    count = max(1, _count(rng, _room(bare)) // unit) * unit
    return Instance(
        family, number, levels, hosts, (Role("worker", count, asks, role.pool),), required, slices
    )


def _room(instance: Instance) -> int:
    """Return how many pods of the only role the best domain of the required level holds."""
    asked = question(instance)
    held = alone(asked, asked.free, 0, 10_000)
    return int(held.sum() if asked.required is None else sums(held, domains(asked, asked.required)).max())


def _count(rng: random.Random, room: int) -> int:
    """Return a gang size for a place with so much room: mostly a part of it, sometimes all of it, sometimes a little more."""
    part = rng.choice((rng.uniform(0, 0.4), rng.uniform(0.2, 0.9), rng.uniform(0.8, 1.05)))
    return min(2000, max(2, round(part * room)))


def _slices(rng: random.Random, levels: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Return one or two slice levels, the outer size a multiple of the inner one."""
    candidates = (*levels[1:], "host")
    chosen = sorted(rng.sample(range(len(candidates)), rng.choice((1, 1, 2))))
    sizes = [rng.choice((2, 2, 3, 4))]
    for _ in chosen[1:]:
        sizes.append(sizes[-1] * rng.choice((1, 2, 2, 3)))
    return tuple((candidates[at], size) for at, size in zip(chosen, reversed(sizes), strict=True))


def _mixed(rng: random.Random, family: str, number: int) -> Instance:
    is_fragmented = family == "mixed-fragmented"
    terms = Terms(
        depth=rng.randint(2, 3),
        is_even=family == "mixed-regular",
        hosts=rng.randint(8, 56),
        busy=rng.uniform(0, 0.7),
        crumbs=is_fragmented or rng.random() < 0.3,
        gaps=is_fragmented and rng.random() < 0.3,
        pools=is_fragmented and rng.random() < 0.4,
    )
    levels, hosts = fabric(rng, terms)
    required = rng.choice(levels) if rng.random() < 0.35 else None
    part = rng.choice((rng.uniform(0.05, 0.4), rng.uniform(0.3, 0.8), rng.uniform(0.7, 1.0)))
    roles = _roles(rng, _within(rng, hosts, levels, required), part, pools=terms.pools)
    return Instance(family, number, levels, hosts, roles, required)


def _mixed_one_rack(rng: random.Random, family: str, number: int) -> Instance:
    """Return roles that must share one rack; there is only one, so nothing but the packing decides."""
    crumbs = rng.random() < 0.7
    terms = Terms(2, is_even=rng.random() < 0.5, hosts=0, busy=rng.uniform(0.2, 0.8), crumbs=crumbs)
    size = rng.randint(4, 16)
    hosts = tuple(_in_one_rack(rng, terms, size))
    roles = _roles(rng, hosts, rng.uniform(0.6, 1.0), pools=False)
    return Instance(family, number, LEVELS[-1:], hosts, roles, LEVELS[-1])


def _in_one_rack(rng: random.Random, terms: Terms, size: int) -> Iterator[Host]:
    for number in range(size):
        yield host(rng, f"h{number:04}", ("00",), terms)


def _within(
    rng: random.Random, hosts: tuple[Host, ...], levels: tuple[str, ...], required: str | None
) -> tuple[Host, ...]:
    """Return the hosts of one domain of the required level that has free GPUs, or all of them: what the gang is cut to fit."""
    if required is None:
        return hosts
    level = levels.index(required)
    free: dict[str, int] = {}
    for each in hosts:
        free[each.homes[level]] = free.get(each.homes[level], 0) + each.free[GPU]
    roomy = sorted(home for home, gpus in free.items() if home and gpus >= 6) or sorted(free)
    chosen = rng.choice(roomy)
    return tuple(each for each in hosts if each.homes[level] == chosen)


def _roles(rng: random.Random, hosts: tuple[Host, ...], part: float, *, pools: bool) -> tuple[Role, ...]:
    """Return 2 to 4 roles that together ask for about this part of what is free on these hosts, in a random spec order."""
    gpus = max(2, round(part * sum(host.free[GPU] for host in hosts)))
    cores = part * sum(host.free[CPU] for host in hosts) / 1000
    kinds = rng.sample((8, 4, 2, 1, 1, 0, 0), rng.randint(2, 4))
    if not any(kinds):
        kinds[0] = 8
    weights = [rng.uniform(0.2, 1.0) if kind else 0.0 for kind in kinds]
    roles = []
    for at, kind in enumerate(kinds):
        pool = hosts[rng.randrange(len(hosts))].pool if pools and rng.random() < 0.4 else ""
        if kind:
            count = max(1, round(gpus * weights[at] / sum(weights) / kind))
            asks = {GPU: kind, CPU: 1000 * rng.choice((kind, 4 * kind, 12 * kind, 12 * kind + 4)), PODS: 1}
        else:
            count = rng.choice((1, 1, 2, 4, 8))
            asks = {
                CPU: 1000 * max(1, round(rng.choice((0.05, 0.2, 0.6)) * min(96.0, cores / count))),
                PODS: 1,
            }
        roles.append(Role(f"role{at}", min(count, 400), asks, pool))
    rng.shuffle(roles)
    return tuple(roles)


_DRAWS: Final[dict[str, Callable[[random.Random, str, int], Instance]]] = {
    family: _mixed_one_rack
    if family == "mixed-one-rack"
    else _mixed
    if family.startswith("mixed")
    else _equal
    for family in FAMILIES
}
