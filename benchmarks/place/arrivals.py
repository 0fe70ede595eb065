"""
Gangs for a real fabric: sizes and run times of a real cluster's jobs, made larger.

Each gang is a job drawn from the trace, with its own run time: a job of g GPUs becomes g members of 8 GPUs. One gang in four of two
members and more is mixed: it also has a coordinator without GPUs and evaluators of 2 GPUs. Of gangs of 2 to 8 members half require one
rack.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.place.fabrics import GPUS
from benchmarks.place.questions import CPU, GPU, PODS, Role
from benchmarks.place.traces import Job

MIXED: Final = 0.25  # of gangs of two and more; assumed
REQUIRING: Final = 0.5  # of gangs of 2 to 8 members; assumed
MOST_REQUIRING: Final = 8  # members
WORKER: Final = {GPU: GPUS, CPU: 80_000, PODS: 1}
EVALUATOR: Final = {GPU: 2, CPU: 16_000, PODS: 1}
COORDINATOR: Final = {CPU: 16_000, PODS: 1}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A gang and how long it runs, in seconds."""

    number: int
    roles: tuple[Role, ...]
    requires_rack: bool
    run_s: float

    @property
    def workers(self) -> int:
        """Return the members of 8 GPUs, which give the gang its size."""
        return next(role.count for role in self.roles if role.name == "worker")

    @property
    def gpus(self) -> int:
        """Return the GPUs of all members."""
        return sum(role.count * role.asks.get(GPU, 0) for role in self.roles)


def arrivals(seed: int, jobs: Sequence[Job], count: int) -> Iterator[Arrival]:
    """Yield gangs in the order in which they arrive; each is drawn by itself."""
    for number in range(count):
        rng = random.Random(f"{seed} arrival {number}")
        job = jobs[int(rng.random() * len(jobs))]
        is_mixed, requires = rng.random() < MIXED, rng.random() < REQUIRING
        yield Arrival(
            number,
            _roles(job.gpus, is_mixed=is_mixed and job.gpus > 1),
            requires and 1 < job.gpus <= MOST_REQUIRING,
            max(1.0, job.run_s),
        )


def _roles(workers: int, *, is_mixed: bool) -> tuple[Role, ...]:
    worker = Role("worker", workers, WORKER)
    if not is_mixed:
        return (worker,)
    evaluators = Role("evaluator", max(1, workers // 8), EVALUATOR)
    return (Role("coordinator", 1, COORDINATOR), evaluators, worker)
