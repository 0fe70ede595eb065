"""Children that live no longer than their parent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scheduler.driver.children import tethered


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_tethered_program_ends_with_a_parent_that_is_killed() -> None:
    sleeper = tethered([sys.executable, "-c", "import time; time.sleep(600)"])
    parent_code = (
        "import subprocess, sys, time; child = subprocess.Popen(sys.argv[1:]); print(child.pid, flush=True);"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent_code, *sleeper], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _is_running(child)
        deadline = time.monotonic() + 30
        while b"tether" in Path(f"/proc/{child}/cmdline").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(30)
        while _is_running(child):
            assert time.monotonic() < deadline, "the child outlives its parent"
            time.sleep(0.02)


async def test_tethered_program_is_the_child_itself_with_its_arguments_and_exit_code() -> None:
    code = "import os, sys; print(os.getpid(), sys.argv[1:]); sys.exit(7)"
    child = await asyncio.create_subprocess_exec(
        *tethered([sys.executable, "-c", code, "--a=b", "c d"]), stdout=subprocess.PIPE
    )
    out, _ = await child.communicate()
    assert out.decode().strip() == f"{child.pid} ['--a=b', 'c d']"
    assert child.returncode == 7


async def test_program_that_cannot_be_started_is_one_sentence(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        *tethered([str(tmp_path / "nothing")]), stderr=subprocess.PIPE
    )
    _, said = await child.communicate()
    assert child.returncode == 127
    assert said.decode().strip() == f"{tmp_path / 'nothing'} cannot be started: No such file or directory."
