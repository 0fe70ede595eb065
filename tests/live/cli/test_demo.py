"""`tutti demo` as a person starts it: as a process, on a control plane of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.live, pytest.mark.slow]

NODES = 16


def demo(directory: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "scheduler.cli", "demo", "--nodes", str(NODES), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(directory)},
        start_new_session=True,
    )


def left_over(directory: Path) -> list[str]:
    """Every process whose command line or environment names the directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if str(directory).encode() in words and int(entry.name) != os.getpid():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize("mode", ["standalone", "extender"])
def test_gangs_start_whole_or_wait_whole_and_deadlock_pod_by_pod(tmp_path: Path, mode: str):
    child = demo(tmp_path, "--mode", mode, "--output", "json")
    out, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    told: dict[str, Any] = json.loads(out)
    assert told["asPromised"] is True
    assert told["versions"]["kubernetes"] == "1.37.2"

    alpha, beta = told["tutti"]["gangs"]
    for gang in (alpha, beta):
        assert (gang["size"], gang["bound"], gang["ended"], gang["isPartial"]) == (10, 10, 10, False)
    first, waited = sorted((alpha, beta), key=lambda gang: gang["messageWhileWaiting"] is not None)
    assert first["messageWhileWaiting"] is None
    assert waited["boundWhileWaiting"] == 0
    assert waited["reasonWhileWaiting"] == "InsufficientResources"
    assert "80 nvidia.com/gpu" in waited["messageWhileWaiting"], "what it needs, in numbers"
    assert told["tutti"]["partialGangs"] == 0

    assert told["podByPod"]["partialGangs"] == 2
    assert told["podByPod"]["gangsFinished"] == 0
    assert told["podByPod"]["gpusHeldByGangsThatCannotRun"] == NODES * 8
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_its_words_fit_into_80_columns_and_carry_no_control_characters(tmp_path: Path):
    child = demo(tmp_path)
    out, err = child.communicate(timeout=240)
    assert (child.returncode, err) == (0, "")
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80
    assert "\x1b" not in out
    for words in (
        "starts whole: 10 of 10 bound",
        "waits whole: 0 of 10 bound",
        "8 of 10 bound, waits for 2 peers",
        "as promised",
    ):
        assert words in out


@pytest.mark.parametrize("moment", ["racks. Two gangs", "mode, as processes", "starts whole"])
def test_ctrl_c_ends_everything_it_started(tmp_path: Path, moment: str):
    child = demo(tmp_path)
    assert child.stdout is not None
    for line in child.stdout:
        if moment in line:
            break
    if moment == "racks. Two gangs":
        until(lambda: any("etcd" in each for each in left_over(tmp_path)))
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "Traceback" not in err
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", ["racks. Two gangs", "starts whole"])
def test_closing_the_terminal_ends_everything_it_started(tmp_path: Path, moment: str):
    ours, theirs = os.openpty()
    owning = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", owning, "-m", "scheduler.cli", "demo", "--nodes", str(NODES)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200"},
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while moment.encode() not in seen:
        seen += os.read(ours, 65536)
    if moment == "racks. Two gangs":
        until(lambda: any("etcd" in each for each in left_over(tmp_path)))
    os.close(
        ours
    )  # what a terminal does when its window is closed: everybody on it gets SIGHUP, and nothing can be written any more
    child.wait(60)
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_kept_cluster_and_scheduler_go_with_cluster_down(tmp_path: Path):
    child = demo(tmp_path, "--keep")
    out, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    stop = next(line.split("stop it", 1)[1].split() for line in out.splitlines() if "stop it" in line)
    kubeconfig = next(
        line.split("KUBECONFIG=", 1)[1].strip() for line in out.splitlines() if "KUBECONFIG=" in line
    )
    try:
        assert any("scheduler.cli run" in each for each in left_over(tmp_path))
        groups = [sys.executable, "-m", "scheduler.cli", "get", "groups", "--kubeconfig", kubeconfig]
        assert subprocess.run(groups, capture_output=True, timeout=60, check=False).returncode == 0
    finally:
        assert stop[0] == "tutti"
        subprocess.run([sys.executable, "-m", "scheduler.cli", *stop[1:]], timeout=60, check=True)
    assert left_over(tmp_path) == []


def until(holds: Any, *, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
