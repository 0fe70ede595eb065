"""Standard output that is full, closed or not read any more: one sentence or none, no traceback, and an exit code that scripts know."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_offline import cluster, saved

TUTTI = f'"{sys.executable}" -m scheduler.cli'
FULL = "tutti: Standard output cannot be written (No space left on device); send it where there is room.\n"


def shell(line: str, **environment: str) -> tuple[int, str, str]:
    """Run a line of shell; return exit code, output and error output."""
    shown = subprocess.run(
        ["/bin/sh", "-c", line],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    return shown.returncode, shown.stdout, shown.stderr


@pytest.mark.parametrize("words", ["--version", "--help", "explain costs", "explain costs -o json"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output_is_named(words: str, unbuffered: str):
    assert shell(f"{TUTTI} {words} > /dev/full", PYTHONUNBUFFERED=unbuffered) == (2, "", FULL)


def test_a_closed_standard_output_is_named_before_anything_is_done(tmp_path: Path):
    file = tmp_path / "snapshot"
    code, _, said = shell(f"{TUTTI} snapshot {file} --kubeconfig /nowhere >&-")
    assert (code, said) == (2, "tutti: Standard output is closed; send it to a file, or to /dev/null.\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_ends_it_without_a_word(tmp_path: Path, unbuffered: str):
    code, _, said = shell(
        f"{{ sleep 0.2; {TUTTI} explain costs; echo $? > {tmp_path / 'code'}; }} | exec true",
        PYTHONUNBUFFERED=unbuffered,
    )
    assert (code, said, (tmp_path / "code").read_text()) == (0, "", "141\n")


def test_a_reader_that_goes_after_one_line_ends_it_without_a_word(tmp_path: Path):
    file = saved(cluster(nodes=1000, members=1000), tmp_path)  # an answer larger than a pipe holds
    code, out, said = shell(f"{{ {TUTTI} decide {file} -o json; echo $? > {tmp_path / 'code'}; }} | head -1")
    assert (code, len(out.splitlines()), said) == (0, 1, "")
    assert (tmp_path / "code").read_text() == "141\n"


def test_closed_standard_input_and_error_are_no_fault(tmp_path: Path):
    assert shell(f"{TUTTI} --version <&- 2>&-")[:2] == (0, "tutti 0.1.0\n")
    assert shell(f"{TUTTI} decide {tmp_path / 'nothing'} 2>&-") == (2, "", "")
    code, _, said = shell(f"{TUTTI} uninstall <&-")
    assert (code, "say --yes" in said) == (2, True)
