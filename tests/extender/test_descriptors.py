"""A gang of thousands waits in as many connections, whatever soft limit on open files the process was started with."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.extender.descriptors import LARGEST_GANG, OTHERS

ROOT = Path(__file__).resolve().parents[2]


def listen_with(directory: Path, *, soft: int, hard: int, calls: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.extender.few_files", str(directory)]
    return subprocess.run(
        [*command, str(soft), str(hard), str(calls)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_more_members_than_the_soft_limit_wait_together_and_are_all_answered(tmp_path: Path) -> None:
    done = listen_with(tmp_path / "keys", soft=128, hard=2048, calls=300)
    assert done.stdout == "300\n", done.stderr[-3000:]


@pytest.mark.parametrize(("hard", "words"), [(2048, "more than 1792 members"), (200, "more than 0 members")])
def test_hard_limit_that_is_too_low_for_the_largest_gang_is_one_line(
    tmp_path: Path, hard: int, words: str
) -> None:
    done = listen_with(tmp_path / "keys", soft=128, hard=hard, calls=1)
    assert done.stdout == "1\n", done.stderr[-3000:]
    (line,) = done.stderr.splitlines()
    assert words in line
    assert "ulimit -Hn" in line


ENOUGH = LARGEST_GANG + OTHERS


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < ENOUGH, reason="the tests' own hard limit is lower"
)
def test_limit_that_is_high_enough_is_not_worth_a_word(tmp_path: Path) -> None:
    done = listen_with(tmp_path / "keys", soft=128, hard=ENOUGH, calls=1)
    assert (done.stdout, done.stderr) == ("1\n", "")
