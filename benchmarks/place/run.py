"""
A whole run, and its result document: optimality, the rules, and the real fabric, with what must stand beside every figure.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from benchmarks.place import exact, production, summaries
from benchmarks.place.answers import Verdict
from benchmarks.place.arrivals import Arrival, arrivals
from benchmarks.place.compare import compare
from benchmarks.place.filling import FULL, Contender, OfEngine, OfRule, Step, fill
from benchmarks.place.questions import Host
from benchmarks.place.rules import RULES
from benchmarks.place.traces import Traces

SCHEMA = 1
CLASSES = {"2-8": (2, 8), "9-32": (9, 32), "33+": (33, 10_000)}  # members of 8 GPUs
SAMPLES = 60  # points of the series over time

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `instances` 0 leaves the comparison out, no `traces` the real fabric. `effort`: of the solver, see `exact`."""

    seed: int
    instances: int
    gangs: int
    traces: Traces | None = None
    effort: float = exact.EFFORT


def run(plan: Plan, origin: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Run it and return the result document. Raises: NoSolverError; VoidRunError."""
    solver = exact.solver_version()
    began = _load()
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "scenario": "place",
        "provenance": {**origin, "solver": f"ortools {solver}"},
        "plan": {"seed": plan.seed, "instances": plan.instances, "gangs": plan.gangs, "effort": plan.effort},
        "sources": {rule.name: f"rule of {rule.of}; {rule.source}" for rule in RULES},
    }
    if plan.instances:
        records = compare(plan.seed, plan.instances, tell, plan.effort)
        document |= {"optimality": summaries.optimality(records), "rules": summaries.rules(records)}
    if plan.traces is not None:
        document["fabric"] = on_fabric(plan, plan.traces, tell)
    document["loadAverage"] = {"before": began, "after": _load()}
    return document


def on_fabric(plan: Plan, traces: Traces, tell: Tell) -> dict[str, Any]:
    """Return the real fabric filled by everybody in turn."""
    gangs = list(arrivals(plan.seed, traces.jobs, plan.gangs))
    found = filled(traces.hosts, gangs, plan.effort, tell)
    return {
        "traces": traces.checksums,
        "reading": "asw: racks are the access switches, under one root",
        "hosts": len(traces.hosts),
        "racks": len({host.homes for host in traces.hosts}),
        "gangs": len(gangs),
        "mixedGangs": sum(1 for gang in gangs if len(gang.roles) > 1),
        "requiringOneRack": sum(1 for gang in gangs if gang.requires_rack),
        "fullAt_percent": 100 * FULL,
        "contenders": {name: on_one_fabric(steps) for name, steps in found.items()},
    }


def filled(
    hosts: Sequence[Host], gangs: Sequence[Arrival], effort: float, tell: Tell
) -> dict[str, list[Step]]:
    """Return what became of every gang, per contender."""
    contenders: dict[str, Contender] = {production.NAME: OfEngine(hosts)}
    contenders |= {rule.name: OfRule(rule) for rule in RULES}
    found = {}
    for name, contender in contenders.items():
        found[name] = fill(hosts, gangs, name, contender, effort)
        tell(f"fabric: {name} has placed {sum(s.verdict is Verdict.PLACED for s in found[name]):,} gangs")
    return found


def on_one_fabric(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the figures of one contender; those over time are means from when the fabric was full first."""
    several = [step for step in steps if step.arrival.workers > 1]
    placed = [step for step in several if step.verdict is Verdict.PLACED]
    refused = [step for step in steps if step.verdict is not Verdict.PLACED]
    equal = [step for step in placed if step.fewest]
    full_from = next((at for at, step in enumerate(steps) if step.allocated >= 0.99 * FULL), 0)
    return {
        "gangsOfSeveral": len(several),
        "placed": len(placed),
        "gaveUp": sum(1 for step in refused if step.verdict is Verdict.GAVE_UP),
        "refused": len(refused),
        "refusedRequiringOneRack": sum(1 for step in refused if step.arrival.requires_rack),
        "falseRejections": sum(1 for step in refused if step.is_false),
        "racksPerGang": _mean([step.racks for step in placed]),
        "racksPerGangBySize": {
            name: _mean([step.racks for step in placed if low <= step.arrival.workers <= high])
            for name, (low, high) in CLASSES.items()
        },
        "racksOverFewest_percent": _over([s.racks for s in equal], [s.fewest or 0 for s in equal]),
        "fragmentation_percent": _mean([100 * step.fragmentation for step in steps[full_from:]]),
        "stranded_percent": _mean([100 * step.stranded for step in steps[full_from:]]),
        "allocated_percent": _mean([100 * step.allocated for step in steps[full_from:]]),
        "decision_ms": summaries.times(step.seconds for step in steps),
        "overTime": _series(steps),
    }


def _series(steps: Sequence[Step]) -> list[dict[str, Any]]:
    every = max(1, len(steps) // SAMPLES)
    return [
        {
            "gangs": at + 1,
            "allocated_percent": round(100 * steps[at].allocated, 1),
            "fragmentation_percent": round(100 * steps[at].fragmentation, 1),
            "stranded_percent": round(100 * steps[at].stranded, 1),
        }
        for at in range(every - 1, len(steps), every)
    ]


def _mean(values: Sequence[float]) -> float | None:
    return round(fmean(values), 3) if values else None


def _over(used: Sequence[int], fewest: Sequence[int]) -> float | None:
    return round(100 * (sum(used) / sum(fewest) - 1), 3) if sum(fewest) else None


def _load() -> list[float]:
    return [round(each, 2) for each in os.getloadavg()]
