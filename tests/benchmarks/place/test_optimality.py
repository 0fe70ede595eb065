"""The production engine against the exact solver on a seeded subset; `tutti bench place` asks some thousands."""

import pytest

from benchmarks.place.compare import compare
from benchmarks.place.summaries import optimality, rules

INSTANCES = 150
SEED = 20_261


def test_engine_is_optimal_for_equal_pods_and_never_wrong_about_mixed_gangs() -> None:
    pytest.importorskip("ortools")
    records = compare(SEED, INSTANCES, lambda _: None)
    found = optimality(records)
    equal, mixed = found["equal"], found["mixed"]
    assert (equal["worse"], equal["gaveUp"], equal["disagree"]) == (0, 0, [])
    assert equal["excess_percent"] == 0.0
    assert mixed["disagree"] == []
    assert mixed["betterThanSolver"] == equal["betterThanSolver"] == 0
    # Few instances, so one more rack is much; the bound for all of them stands in benchmarks/ranges/place.yaml.
    assert mixed["excess_percent"] <= 3.0
    for group in (equal, mixed):
        assert group["feasible"] > 0.6 * group["instances"]
        assert group["feasible"] < group["instances"], (
            "some are refused, so that refusals are compared as well"
        )
        assert group["unproven"] <= 2
    ours, *others = rules(records).values()
    assert ours["falseRejections"] == 0
    assert all(other["excess_percent"] > ours["excess_percent"] for other in others)
