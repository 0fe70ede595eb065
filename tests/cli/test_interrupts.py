"""A command that is told to end unwinds, whoever started it."""

import subprocess
import sys

import pytest

PROBE = """
import signal
from scheduler.cli.interrupts import heed_sigterm

{before}
heed_sigterm()
try:
    signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt:
    print("unwound")
"""


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="at-a-terminal"),
        pytest.param("signal.signal(signal.SIGINT, signal.SIG_IGN)", id="in-the-background-of-a-script"),
    ],
)
def test_sigterm_unwinds_as_ctrl_c_does(before: str):
    words = [sys.executable, "-c", PROBE.format(before=before)]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "unwound\n", "")
