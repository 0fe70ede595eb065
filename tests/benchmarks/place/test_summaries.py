"""Figures: what could not be proven is left out, and fewer racks do not make up for more blocks."""

from benchmarks.place.answers import Verdict
from benchmarks.place.compare import Outcome, Record
from benchmarks.place.summaries import optimality, rules

LEVELS = ("block", "rack")


def placed(*domains: int, hosts: int = 3, again_s: float | None = None) -> Outcome:
    return Outcome(Verdict.PLACED, 0.002, domains, hosts, again_s)


def record(ours: Outcome, optimum: Outcome, *, rule: Outcome | None = None, is_mixed: bool = True) -> Record:
    outcomes = {"tutti": ours, "other": rule or ours}
    family = "mixed-one-rack" if is_mixed else "equal-regular"
    return Record("one", family, LEVELS, is_mixed, False, optimum, outcomes)


REFUSED = Outcome(Verdict.REFUSED, 0.001)
GAVE_UP = Outcome(Verdict.GAVE_UP, 0.001)


def test_more_blocks_are_excess_also_with_fewer_racks() -> None:
    found = optimality([record(placed(2, 2), placed(1, 3)), record(placed(1, 1), placed(1, 1))])["mixed"]
    assert (found["worse"], found["compared"], found["betterThanSolver"]) == (1, 2, 0)
    assert found["domains"]["block"] == {"used": 3, "optimum": 2}
    assert found["excess_percent"] == round(100 * 1 / 6, 3)
    assert found["worseInstances"] == [{"instance": "one", "domains": [2, 2], "optimum": [1, 3]}]


def test_unproven_and_given_up_are_counted_apart() -> None:
    records = [
        record(placed(1, 2), GAVE_UP),
        record(GAVE_UP, placed(1, 1)),
        record(REFUSED, placed(1, 1)),
        record(REFUSED, REFUSED),
    ]
    found = optimality(records)["mixed"]
    assert (found["instances"], found["unproven"], found["gaveUp"], found["feasible"]) == (4, 1, 1, 2)
    assert found["feasibilityAgreement_percent"] == 50.0
    assert found["disagree"] == ["one"]
    assert found["compared"] == 0


def test_false_rejections_of_a_rule_are_of_what_the_solver_found_feasible() -> None:
    records = [
        record(placed(1, 1), placed(1, 1), rule=REFUSED),
        record(placed(1, 1), placed(1, 1), rule=placed(1, 2, hosts=6)),
        record(REFUSED, REFUSED),
        record(placed(1, 1), placed(1, 1), is_mixed=False),
    ]
    found = rules(records)
    assert list(found) == ["tutti", "other"]
    assert (found["tutti"]["falseRejections"], found["other"]["falseRejections"]) == (0, 1)
    assert found["other"]["falseRejections_percent"] == {"equal": 0.0, "mixed": 50.0, "mixed-one-rack": 50.0}
    assert found["other"]["moreThanOptimum_percent"] == 50.0
    assert (found["other"]["hosts"], found["other"]["hostsOfTutti"]) == (9, 6)
