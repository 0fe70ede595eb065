"""Where a result comes from: commit, machine, versions, command line. A number without these is not a result."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = ("aiohttp", "msgspec", "networkx", "numpy", "uvloop")


def provenance(*, seed: int | None, arguments: list[str]) -> dict[str, Any]:
    """Return what must stand beside every figure."""
    return {
        "startedAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["tutti", *arguments]),
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "seed": seed,
        "machine": _machine(),
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def _machine() -> dict[str, Any]:
    memory_kib = next(
        (int(line.split()[1]) for line in _lines(Path("/proc/meminfo")) if line.startswith("MemTotal:")),
        0,
    )
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in _lines(Path("/proc/cpuinfo"))
            if line.startswith("model name")
        ),
        "unknown",
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memoryGiB": round(memory_kib / 2**20, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _git(*arguments: str) -> str:
    root = Path(__file__).resolve().parent.parent
    try:
        return subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"The commit is unknown: {problem}", file=sys.stderr)  # noqa: T201
        return "unknown"
