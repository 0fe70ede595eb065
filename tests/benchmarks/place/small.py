"""Small questions in a few words."""

from collections.abc import Mapping, Sequence

from benchmarks.place.questions import CPU, GPU, PODS, Host, Instance, Role

LEVELS = {1: ("rack",), 2: ("block", "rack"), 3: ("zone", "block", "rack")}


def host(home: str, gpus: int, cpu: int = 64, *, total: int = 8, number: int = 0, pool: str = "") -> Host:
    """Return a host with so much free; `home` names its domains, outermost first, apart by slashes."""
    homes = tuple(home.split("/"))
    name = f"{home}-{number}"
    return Host(
        name, homes, {GPU: total, CPU: 200_000, PODS: 110}, {GPU: gpus, CPU: cpu * 1000, PODS: 110}, pool
    )


def hosts(cpu: int = 64, **free: Sequence[int]) -> tuple[Host, ...]:
    """Return the hosts of racks: RACK=[free GPUs of each host]; "__" in a name parts block and rack."""
    return tuple(
        host(rack.replace("__", "/"), gpus, cpu, number=number)
        for rack, row in free.items()
        for number, gpus in enumerate(row)
    )


def role(name: str, count: int, gpus: int = 0, cpu: int = 1, pool: str = "") -> Role:
    """Return a role."""
    asks: Mapping[str, int] = {GPU: gpus, CPU: cpu * 1000, PODS: 1}
    return Role(name, count, {name: amount for name, amount in asks.items() if amount}, pool)


def instance(
    made: Sequence[Host],
    *roles: Role,
    required: str | None = None,
    slices: tuple[tuple[str, int], ...] = (),
) -> Instance:
    """Return an instance; levels are named after their number."""
    return Instance("small", 0, LEVELS[len(made[0].homes)], tuple(made), roles, required, slices)
