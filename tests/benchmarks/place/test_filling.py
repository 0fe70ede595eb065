"""A fabric that fills up: the same gangs for everybody, nothing given twice, and refusals judged in the state in which they were made."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from benchmarks.place.answers import Answer, Verdict
from benchmarks.place.arrivals import MOST_REQUIRING, Arrival, arrivals
from benchmarks.place.exact import EFFORT
from benchmarks.place.filling import FULL, OfEngine, OfRule, Step, fill, size_mix
from benchmarks.place.questions import GPU, Host, Numbers, Question
from benchmarks.place.rules import RULES
from benchmarks.place.run import filled, on_one_fabric
from benchmarks.place.traces import Job
from tests.benchmarks.place.small import hosts

FABRIC = hosts(96, r1=[8] * 5, r2=[8] * 4, r3=[8] * 4, r4=[8] * 3)
JOBS = tuple(Job(gpus, run_s) for gpus in (1, 1, 1, 2, 2, 3, 4, 6) for run_s in (50.0, 400.0, 3000.0))
GANGS = list(arrivals(0, JOBS, 200))


class RefusesAll:
    """Somebody who never places anything."""

    def place(self, arrival: Arrival, asked: Question) -> Answer:
        del arrival, asked
        return Answer(Verdict.REFUSED, 0.0)

    def changed(self, hosts: Sequence[int], free: Numbers) -> None:
        pass


def without_times(steps: Sequence[Step]) -> list[Step]:
    return [replace(step, seconds=0.0) for step in steps]


def test_arrivals_do_not_depend_on_those_before_them() -> None:
    assert list(arrivals(0, JOBS, 20)) == GANGS[:20]
    assert list(arrivals(1, JOBS, 20)) != GANGS[:20]


def test_gangs_are_as_large_as_the_jobs_they_are_drawn_from() -> None:
    assert {each.workers for each in GANGS} <= {job.gpus for job in JOBS}
    assert all(1 < each.workers <= MOST_REQUIRING for each in GANGS if each.requires_rack)
    assert any(len(each.roles) > 1 for each in GANGS)
    assert any(each.requires_rack for each in GANGS)


def test_everybody_fills_the_fabric_and_nobody_above_the_limit() -> None:
    pytest.importorskip("ortools")
    found = filled(FABRIC, GANGS, EFFORT, lambda _: None)
    assert set(found) == {"tutti", *(rule.name for rule in RULES)}
    for steps in found.values():
        assert [step.arrival for step in steps] == GANGS
        assert all(step.allocated <= FULL for step in steps)
        assert max(step.allocated for step in steps) > 0.7
        assert all(step.racks >= (step.fewest or 1) for step in steps if step.verdict is Verdict.PLACED)


def test_engine_never_refuses_what_fits_and_never_takes_more_racks_for_equal_members() -> None:
    pytest.importorskip("ortools")
    steps = fill(FABRIC, GANGS, "tutti", OfEngine(FABRIC), EFFORT)
    assert not any(step.is_false for step in steps)
    assert all(step.racks == step.fewest for step in steps if step.fewest and step.verdict is Verdict.PLACED)


def test_two_runs_differ_only_in_their_times() -> None:
    pytest.importorskip("ortools")
    once, again = (fill(FABRIC, GANGS, "tutti", OfEngine(FABRIC), EFFORT) for _ in range(2))
    assert without_times(once) == without_times(again)


def test_a_refusal_is_false_when_there_was_a_place() -> None:
    pytest.importorskip("ortools")
    steps = fill(FABRIC, GANGS, "nobody", RefusesAll(), EFFORT)
    largest_rack = 5
    assert all(
        step.is_false == (not step.arrival.requires_rack or step.arrival.workers <= largest_rack)
        for step in steps
    )
    figures = on_one_fabric(steps)
    assert figures["refused"] == len(GANGS)
    assert figures["falseRejections"] == sum(step.is_false for step in steps)


def test_free_hosts_that_no_usual_gang_can_use_are_fragments() -> None:
    two = [replace(each, requires_rack=False) for each in GANGS if each.workers == 2 and len(each.roles) == 1]
    assert size_mix(two, 5) == {2: 1.0}
    (step, *_) = fill(hosts(96, a=[8] * 2, b=[8] * 3, c=[8]), two, "pack", OfRule(RULES[1]), EFFORT)
    # Pods go to the first hosts of equals: rack a is full, b keeps three and c one host; of these four a pair leaves one and one over.
    assert step.fragmentation == pytest.approx(2 / 4)
    assert step.stranded == pytest.approx(1 / 4)


def test_host_of_the_fabric_is_given_back_whole() -> None:
    short = [replace(each, run_s=1.0) for each in GANGS]
    steps = fill(FABRIC, short, "tutti", OfEngine(FABRIC), EFFORT)
    total = sum(_gpus(host) for host in FABRIC)
    assert all(
        step.allocated * total >= step.arrival.gpus for step in steps if step.verdict is Verdict.PLACED
    )


def _gpus(host: Host) -> int:
    return host.total[GPU]
