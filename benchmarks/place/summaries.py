"""
From records to figures: how often right, how far from the optimum, how long.

Instances that the solver could not prove are counted and left out of every comparison. Excess is counted per level and never below zero, so
fewer racks do not make up for more blocks.
"""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.place import production
from benchmarks.place.answers import Verdict
from benchmarks.place.compare import Outcome, Record
from benchmarks.place.fabrics import LEVELS
from benchmarks.place.measure import percentile

NAMED = 40  # instances listed by name where something is wrong


def optimality(records: Sequence[Record]) -> dict[str, Any]:
    """Return the engine against the solver: gangs of equal pods, mixed gangs, and each family."""
    families = sorted({record.family for record in records})
    return {
        "equal": _against_optimum([r for r in records if not r.is_mixed]),
        "mixed": _against_optimum([r for r in records if r.is_mixed]),
        "families": {name: _against_optimum([r for r in records if r.family == name]) for name in families},
    }


def rules(records: Sequence[Record]) -> dict[str, Any]:
    """Return every contender on the instances that all were asked and the solver has proven, the engine first."""
    shared = [r for r in records if not r.has_slices and r.optimum.verdict is not Verdict.GAVE_UP]
    names = list(shared[0].outcomes) if shared else []
    return {name: _contender(shared, name) for name in names}


def _against_optimum(records: Sequence[Record]) -> dict[str, Any]:
    proven = [r for r in records if r.optimum.verdict is not Verdict.GAVE_UP]
    answered = [r for r in proven if _ours(r).verdict is not Verdict.GAVE_UP]
    differ = [r for r in answered if _ours(r).verdict is not r.optimum.verdict]
    both = [r for r in answered if _ours(r).verdict is r.optimum.verdict is Verdict.PLACED]
    worse = [r for r in both if _ours(r).domains > r.optimum.domains]
    excess = _domains(both, _ours)
    return {
        "instances": len(records),
        "unproven": len(records) - len(proven),
        "feasible": sum(1 for r in proven if r.optimum.verdict is Verdict.PLACED),
        "gaveUp": len(proven) - len(answered),
        "feasibilityAgreement_percent": _percent(len(answered) - len(differ), len(answered)),
        "disagree": [r.name for r in differ[:NAMED]],
        "compared": len(both),
        "worse": len(worse),
        "betterThanSolver": sum(1 for r in both if _ours(r).domains < r.optimum.domains),
        "worseInstances": [
            {"instance": r.name, "domains": list(_ours(r).domains), "optimum": list(r.optimum.domains)}
            for r in worse[:NAMED]
        ],
        **excess,
        "firstDecision_ms": times(_ours(r).seconds for r in records),
        "decision_ms": times(_ours(r).again_s or 0.0 for r in records),
        "solver_ms": times(r.optimum.seconds for r in records),
        "solverOverDecision": _ratio(
            [r.optimum.seconds for r in records], [_ours(r).again_s or 0.0 for r in records]
        ),
    }


def _contender(records: Sequence[Record], name: str) -> dict[str, Any]:
    def of(record: Record) -> Outcome:
        return record.outcomes[name]

    feasible = [r for r in records if r.optimum.verdict is Verdict.PLACED]
    placed = [r for r in feasible if of(r).verdict is Verdict.PLACED]
    beside = [r for r in placed if _ours(r).verdict is Verdict.PLACED]
    return {
        "asked": len(records),
        "feasible": len(feasible),
        "placed": len(placed),
        "falseRejections": len(feasible) - len(placed),
        "falseRejections_percent": {
            "equal": _rejected([r for r in feasible if not r.is_mixed], of),
            "mixed": _rejected([r for r in feasible if r.is_mixed], of),
            "mixed-one-rack": _rejected([r for r in feasible if r.family == "mixed-one-rack"], of),
        },
        "moreThanOptimum_percent": _percent(
            sum(1 for r in placed if of(r).domains > r.optimum.domains), len(placed)
        ),
        **_domains(placed, of),
        "hosts": sum(of(r).hosts for r in beside),
        "hostsOfTutti": sum(_ours(r).hosts for r in beside),
        "decision_ms": times(
            of(r).seconds if of(r).again_s is None else of(r).again_s or 0.0 for r in records
        ),
    }


def _ours(record: Record) -> Outcome:
    return record.outcomes[production.NAME]


def _domains(records: Sequence[Record], of: Callable[[Record], Outcome]) -> dict[str, Any]:
    """Return domains used and the optimum, per level and in all, on these instances, which somebody placed."""
    used, best, over = (dict.fromkeys(LEVELS, 0) for _ in range(3))
    for record in records:
        for level, mine, fewest in zip(
            record.levels, of(record).domains, record.optimum.domains, strict=True
        ):
            used[level] += mine
            best[level] += fewest
            over[level] += max(0, mine - fewest)
    return {
        "domains": {level: {"used": used[level], "optimum": best[level]} for level in LEVELS},
        "excess_percent": _percent(sum(over.values()), sum(best.values()), empty=0.0),
    }


def _rejected(feasible: Sequence[Record], of: Callable[[Record], Outcome]) -> float | None:
    return _percent(sum(1 for r in feasible if of(r).verdict is not Verdict.PLACED), len(feasible))


def _percent(part: int, whole: int, *, empty: float | None = None) -> float | None:
    return round(100 * part / whole, 3) if whole else empty


def _ratio(these: Sequence[float], those: Sequence[float]) -> float | None:
    """Return how many times larger the median of these is than that of those, in the same run."""
    return round(median(these) / median(those), 2) if those and median(those) else None


def times(seconds: Iterable[float]) -> dict[str, Any]:
    """Return n, median, 99th percentile and maximum in milliseconds."""
    values = [1000 * each for each in seconds]
    if not values:
        return {"n": 0}
    return {
        "n": len(values),
        "median": round(median(values), 3),
        "p99": round(percentile(values, 0.99), 3),
        "max": round(max(values), 3),
    }
