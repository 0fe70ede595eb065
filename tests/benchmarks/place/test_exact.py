"""The solver's optimum is the one that trying everything finds."""

import random
import sys

import pytest

from benchmarks.place.answers import Verdict
from benchmarks.place.exact import NoSolverError, exists, solve, solver_version
from benchmarks.place.questions import Instance, question
from tests.benchmarks.place.exhaustive import optimum
from tests.benchmarks.place.small import host, hosts, instance, role

TINY = 120


def tiny(number: int) -> Instance:
    """Draw a question of a few hosts and pods."""
    rng = random.Random(number)
    depth = rng.randint(1, 3)
    made = [
        host(
            "/".join(f"{'zbr'[at]}{rng.randint(0, at + 1)}" for at in range(depth)),
            rng.choice((8, 4, 2, 0)),
            cpu=rng.choice((16, 8)),
            number=at,
            pool=rng.choice(("", "", "spot")),
        )
        for at in range(rng.randint(2, 5))
    ]
    paths = sorted({each.homes for each in made})
    levels = {path[:at]: f"{path[:at]}" for path in paths for at in range(1, depth + 1)}
    made = [
        host("/".join(levels[each.homes[:at]] for at in range(1, depth + 1)), each.free["nvidia.com/gpu"],
             cpu=each.free["cpu"] // 1000, number=at, pool=each.pool)
        for at, each in enumerate(made)
    ]  # fmt: skip
    roles = [
        role(f"role{at}", rng.randint(1, 3), rng.choice((4, 2, 1, 0)), rng.choice((1, 4, 8)), rng.choice(("", "", "spot")))
        for at in range(rng.choice((1, 1, 2, 3)))
    ]  # fmt: skip
    names = {1: ("rack",), 2: ("block", "rack"), 3: ("zone", "block", "rack")}[depth]
    size = 2 if len(roles) == 1 and roles[0].count % 2 == 0 and rng.random() < 0.6 else 0
    slices = ((rng.choice((*names, "host")), size),) if size else ()
    return instance(made, *roles, required=rng.choice((None, None, *names)), slices=slices)


@pytest.mark.parametrize("number", range(TINY))
def test_optimum_is_that_of_exhaustive_search(number: int) -> None:
    pytest.importorskip("ortools")
    asked = question(tiny(number))
    found, best = solve(asked), optimum(asked)
    assert (found.verdict, found.domains) == (
        (Verdict.REFUSED, ()) if best is None else (Verdict.PLACED, best)
    )
    assert exists(asked) is found.verdict


def test_tiny_questions_have_both_answers() -> None:
    found = [optimum(question(tiny(number))) is None for number in range(TINY)]
    assert min(sum(found), TINY - sum(found)) > TINY // 8


def test_fewest_racks_before_the_tightest_block() -> None:
    pytest.importorskip("ortools")
    made = hosts(a__1=[8] * 3, a__2=[8] * 3, a__3=[8] * 3, a__4=[8] * 3, b__5=[8] * 8, b__6=[8] * 5)
    assert solve(question(instance(made, role("worker", 12, 8)))).domains == (1, 2)


def test_what_is_not_proven_within_the_effort_is_given_up() -> None:
    pytest.importorskip("ortools")
    made = hosts(**{f"b{rack % 7}__{rack}": [rack % 8, 8, 5, 3, 7] for rack in range(60)})
    asked = question(instance(made, role("a", 60, 3), role("b", 70, 5, 2), role("c", 90, 2, 3)))
    assert solve(asked, effort=1e-6).verdict is Verdict.GAVE_UP


def test_missing_solver_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    with pytest.raises(NoSolverError, match=r"not installed; install it with pip install .*\[exact\]"):
        solver_version()
