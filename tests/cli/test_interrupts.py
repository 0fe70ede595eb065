"""A command that is told to end unwinds, whoever started it and however often it is told."""

import signal
import subprocess
import sys

import pytest

from scheduler.cli.interrupts import undisturbed

PROBE = """
import signal
from scheduler.cli.interrupts import heed_signals_to_end, undisturbed

{before}
heed_signals_to_end()
try:
    {signals}
except KeyboardInterrupt:
    print("unwound")
"""

NAMES = pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])


def shown(before: str, *signals: str) -> tuple[int, str, str]:
    raised = "; ".join(f"signal.raise_signal(signal.{name})" for name in signals)
    words = [sys.executable, "-c", PROBE.format(before=before, signals=raised)]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return run.returncode, run.stdout, run.stderr


@NAMES
@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="at-a-terminal"),
        pytest.param("signal.signal(signal.SIGINT, signal.SIG_IGN)", id="in-the-background-of-a-script"),
    ],
)
def test_it_unwinds_as_after_ctrl_c(before: str, name: str):
    assert shown(before, name) == (0, "unwound\n", "")


def test_under_nohup_the_end_of_the_terminal_changes_nothing():
    before = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    assert shown(before, "SIGHUP") == (0, "", "")
    assert shown(before, "SIGHUP", "SIGTERM") == (0, "unwound\n", "")


@NAMES
def test_a_second_one_does_not_disturb_the_unwinding(name: str):
    probe = PROBE.replace('print("unwound")', "signal.raise_signal(signal.{again}); print('unwound')")
    words = [
        sys.executable,
        "-c",
        probe.format(before="", signals=f"signal.raise_signal(signal.{name})", again=name),
    ]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "unwound\n", "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_is_being_ended_undisturbed_is_ended(name: str):
    handler = signal.getsignal(signal.Signals[name])
    with undisturbed():
        signal.raise_signal(signal.Signals[name])
    assert signal.getsignal(signal.Signals[name]) is handler
