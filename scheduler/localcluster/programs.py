"""
The five programs of a control plane: their versions, where they may already lie, and whether a file really is one.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scheduler.localcluster.errors import LocalClusterError

KUBERNETES = "1.37.2"
ETCD = "3.7.3"
KWOK = "0.8.0"

VERSIONS: Mapping[str, str] = {
    "etcd": ETCD,
    "kube-apiserver": KUBERNETES,
    "kube-controller-manager": KUBERNETES,
    "kube-scheduler": KUBERNETES,
    "kwok": KWOK,
}
OLDEST_ETCD = (3, 5, 13)
_ANSWERS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the five programs are, and where they came from: `given`, `environment` or `cache`."""

    paths: Mapping[str, Path]
    origin: str


def cache_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Where built programs of this version are kept."""
    base = environ.get("XDG_CACHE_HOME") or ""
    root = (
        Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    )  # the XDG rule for a relative path
    return root / "tutti" / "control-plane" / KUBERNETES


def find(bin_dir: Path | None = None, environ: Mapping[str, str] = os.environ) -> Programs | None:
    """The first complete set: `bin_dir`, KUBEBUILDER_ASSETS, the cache. None: they must be built."""
    if bin_dir is not None:
        missing = _missing(bin_dir)
        if missing and (bin_dir / missing[0]).is_file():
            path = bin_dir / missing[0]
            raise LocalClusterError(f"{path} may not be executed; allow it with `chmod +x {path}`.")
        if missing:
            raise LocalClusterError(
                f"{bin_dir} has no {missing[0]}; give a folder with {', '.join(VERSIONS)}, or leave it out to build them."
            )
        return Programs(_paths(bin_dir), "given")
    assets = environ.get("KUBEBUILDER_ASSETS")
    # The assets of envtest lack kwok and the controller manager; an incomplete folder was meant for somebody else.
    if assets and not _missing(Path(assets)):
        return Programs(_paths(Path(assets)), "environment")
    return find_cached(environ)


def find_cached(environ: Mapping[str, str] = os.environ) -> Programs | None:
    """The set in the cache, if it is complete."""
    cached = cache_directory(environ)
    return None if _missing(cached) else Programs(_paths(cached), "cache")


def check(found: Programs) -> dict[str, str]:
    """Run each program once for its version; LocalClusterError if one does not run or is too old. About 0.5 s."""
    versions = {name: version(path) for name, path in found.paths.items()}
    if tuple(int(part) for part in versions["etcd"].split(".")) < OLDEST_ETCD:
        oldest = ".".join(map(str, OLDEST_ETCD))
        raise LocalClusterError(
            f"{found.paths['etcd']} is version {versions['etcd']}; this API server needs {oldest} or newer."
        )
    return versions


def version(path: Path) -> str:
    """The version the program itself reports; LocalClusterError if it does not run."""
    advice = "build it again with `tutti cluster build --force` or give another with --bin-dir"
    try:
        shown = subprocess.run(
            [str(path), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWERS_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LocalClusterError(f"{path} does not answer --version; {advice}.") from error
    except OSError as error:
        raise LocalClusterError(f"{path} does not run ({error.strerror}); {advice}.") from error
    found = re.search(r"\bv?(\d+\.\d+\.\d+)\b", shown.stdout)
    if shown.returncode != 0 or not found:
        raise LocalClusterError(
            f"{path} --version ends with code {shown.returncode} and names no version; {advice}."
        )
    return found.group(1)


def _missing(directory: Path) -> list[str]:
    return [
        name
        for name in VERSIONS
        if not os.access(directory / name, os.X_OK) or not (directory / name).is_file()
    ]


def _paths(directory: Path) -> dict[str, Path]:
    return {name: (directory / name).absolute() for name in VERSIONS}
