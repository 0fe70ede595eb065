"""`tutti bench place` as a person meets it."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.place.generate import FAMILIES
from benchmarks.place.rules import RULES
from benchmarks.place.traces import FABRIC_FILE, JOBS_FILE
from scheduler.cli import app

NAMES = {"tutti", *(rule.name for rule in RULES)}


@dataclass(frozen=True)
class Shown:
    code: int
    out: str
    err: str


Place = Callable[..., Shown]


@pytest.fixture
def place(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Place:
    """The command on a terminal of 80 columns, in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words: str) -> Shown:
        code = app.run(["bench", "place", *words])
        return Shown(code, *capsys.readouterr())

    return call


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """A fabric of four switches with four hosts each, and a few jobs."""
    folder = tmp_path / "traces"
    folder.mkdir()
    rows = [f"host{number:02},G1,P1,S{number % 4}" for number in range(16)]
    (folder / FABRIC_FILE).write_text("\n".join(["ip,DSW,PSW,ASW", *rows]) + "\n")
    jobs = [f"x,{100.0 * (number + 1)},{gpus},0,vc" for number, gpus in enumerate((1, 1, 1, 2, 4, 2, 3, 6))]
    (folder / JOBS_FILE).write_text("\n".join(["timestamp,duration,num_gpus,gpu_time,cluster", *jobs]) + "\n")
    return folder


def without_times(found: Any) -> Any:
    """Return a document without what differs between two runs."""
    if isinstance(found, dict):
        left_out = {"provenance", "loadAverage", "solverOverDecision"}
        return {
            key: without_times(each)
            for key, each in found.items()
            if key not in left_out and not key.endswith("_ms")
        }
    return [without_times(each) for each in found] if isinstance(found, list) else found


def test_document_holds_everybody_on_the_same_instances_and_is_written(place: Place, tmp_path: Path) -> None:
    pytest.importorskip("ortools")
    path = tmp_path / "results" / "place.json"
    shown = place("--instances", "24", "--seed", "5", "--output", "json", "--out", str(path))
    assert shown.code == 0, shown.err
    document = json.loads(shown.out)
    assert json.loads(path.read_text()) == document
    assert document["plan"]["seed"] == document["provenance"]["seed"] == 5
    assert document["optimality"]["equal"]["instances"] + document["optimality"]["mixed"]["instances"] == 24
    assert set(document["rules"]) == NAMES
    assert "fabric" not in document
    assert "24 of 24" in shown.err
    assert "--traces DIR" in shown.err
    again = json.loads(place("--instances", "24", "--seed", "5", "--output", "json").out)
    assert without_times(again) == without_times(document)


def test_tables_fit_a_terminal(place: Place, traces: Path) -> None:
    pytest.importorskip("ortools")
    shown = place("--instances", "24", "--traces", str(traces), "--gangs", "60")
    assert shown.code == 0, shown.err
    assert all(len(line) <= 80 for line in shown.out.splitlines())
    assert all(f"\n{family} " in shown.out for family in FAMILIES), "no name is folded"
    for name in NAMES:
        assert shown.out.count(f"\n{name} ") == 2, "beside the solver's instances and on the fabric"


def test_fabric_alone(place: Place, traces: Path) -> None:
    pytest.importorskip("ortools")
    words = ("--instances", "0", "--traces", str(traces), "--gangs", "80", "--output", "json")
    document = json.loads(place(*words).out)
    assert "optimality" not in document
    assert (document["fabric"]["hosts"], document["fabric"]["racks"]) == (16, 4)
    assert set(document["fabric"]["contenders"]) == NAMES
    assert document["fabric"]["contenders"]["tutti"]["falseRejections"] == 0


def test_figure_out_of_range_is_code_1_and_named(place: Place, tmp_path: Path) -> None:
    pytest.importorskip("ortools")
    ranges = tmp_path / "ranges.yaml"
    figure = "{path: optimality/equal/worse, atLeast: 1, origin: nobody}"
    ranges.write_text(f"scenario: place\nfigures:\n  - {figure}\n")
    shown = place("--instances", "4", "--check", str(ranges))
    assert shown.code == 1
    assert "optimality/equal/worse is 0, but must be at least 1 (nobody)" in shown.err


def test_missing_solver_is_one_sentence_and_code_2(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    shown = place("--instances", "4")
    assert shown.code == 2
    assert shown.out == ""
    assert shown.err.splitlines()[-1].startswith("tutti: The exact solver is not installed; install it with")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--instances", "0"], "leaves nothing to run", id="nothing"),
        pytest.param(["--instances", "4", "--traces", "/nowhere"], f"/nowhere/{FABRIC_FILE} cannot be read", id="no-traces"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_sentence_and_code_2(place: Place, words: list[str], sentence: str) -> None:
    shown = place(*words)
    assert (shown.code, shown.out) == (2, "")
    assert sentence in shown.err
