"""What a person sees while something is built or started, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from scheduler.cli.progress import Progress, span
from scheduler.localcluster import Step


def told(*steps: Step) -> list[str]:
    """The lines without a terminal."""
    out = io.StringIO()
    with Progress(Console(file=out, width=80), tell_done=True) as progress:
        for step in steps:
            progress(step)
    return out.getvalue().splitlines()


def drawn(*steps: Step, width: int = 80) -> list[str]:
    """What a terminal was sent, one entry per state of its status line and per line above it, without colours."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True, record=True)
    with Progress(console, tell_done=True) as progress:
        for step in steps:
            progress(step)
    return [line.strip() for line in console.export_text().splitlines() if line.strip()]


def compiling(done: int, elapsed_s: float) -> Step:
    return Step(f"kube-controller-manager 1.37.2: {done} of 2600 packages", elapsed_s, 400.0)


def test_without_a_terminal_a_step_is_named_when_it_begins_and_every_half_minute():
    lines = told(*(compiling(int(second), second) for second in range(0, 70, 5)))
    assert lines == [
        "  kube-controller-manager 1.37.2: 0 of 2600 packages, 0 s of about 6:40",
        "  kube-controller-manager 1.37.2: 30 of 2600 packages, 30 s of about 6:40",
        "  kube-controller-manager 1.37.2: 60 of 2600 packages, 1:00 of about 6:40",
    ]


def test_without_a_terminal_what_is_over_in_a_moment_is_not_named_and_what_lasts_is():
    assert told(Step("starting etcd"), Step("starting kwok"), Step("trying", 0.5)) == []
    waiting = [Step("waiting for another build", number / 2) for number in range(80)]
    assert told(*waiting) == ["  waiting for another build, 3 s", "  waiting for another build, 33 s"]


def test_what_is_done_says_how_long_it_took_unless_that_was_nothing():
    assert told(Step("etcd 3.7.3", 27.2, done=True)) == ["etcd 3.7.3: 27 s"]
    assert told(Step("etcd 3.7.3", 0.2, done=True)) == []


def test_lines_are_not_broken_where_nobody_sees_a_width():
    long = "x" * 200
    assert told(Step(long, 0.0, 10.0)) == [f"  {long}, 0 s of about 10 s"]


@pytest.mark.parametrize("width", [20, 50, 80])
def test_a_status_is_one_line_on_any_terminal(width: int):
    for line in drawn(compiling(1234, 754.0), width=width):
        assert len(line) < width


def test_the_longest_step_fits_80_columns_whole():
    assert any("1234 of 2600 packages, 12:34 of about 6:40" in line for line in drawn(compiling(1234, 754.0)))


def test_what_is_done_does_not_stand_below_as_if_it_went_on():
    lines = drawn(compiling(2500, 399.0), Step("kube-controller-manager 1.37.2", 400.0, done=True))
    after = lines[lines.index("kube-controller-manager 1.37.2: 6:40") + 1 :]
    assert not any("packages" in line for line in after)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (65.0, "1:05"), (3600.0, "60:00")]
)
def test_a_span_reads_like_a_watch(seconds: float, words: str):
    assert span(seconds) == words
