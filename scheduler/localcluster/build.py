"""
Build the control plane once, from its Go modules, into the user's cache.

The programs are built and tried in a folder beside the final one, which appears by one rename when all five answer
`--version`: an interrupted or failed build leaves nothing that looks like a cache, only its log. Two builds at once
wait for each other and the second finds the work done. The next step from here is `recipes.py`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scheduler.localcluster import programs, state, toolchain
from scheduler.localcluster.errors import LocalClusterError
from scheduler.localcluster.failures import FULL
from scheduler.localcluster.programs import Programs
from scheduler.localcluster.progress import Progress, Step, silent
from scheduler.localcluster.recipes import RECIPES, Recipe

BINARIES_BYTES = 500 << 20
"""Room for the five programs, which take 400 MB."""

PACKAGE_BYTES = 1_700_000
"""Room for one compiled package in Go's cache: 3.6 GB for 2,600 packages and their sources, measured, rounded up."""

PACKAGES_PER_CORE_S = 4.0
"""How fast Go compiles here: 2,600 packages in 6 minutes on two cores. The first guess only; the build itself corrects it."""

_TICK_S = 0.5


def build(*, progress: Progress = silent, force: bool = False) -> Programs:
    """The programs in the cache, built if they are not there or `force` asks for it; checked before they are returned."""
    target = programs.cache_directory()
    with _writing(target.parent), _one_at_a_time(target, progress):
        found = None if force else programs.find_cached()
        if found is None:
            _build(target, progress)
            found = programs.find_cached()
        if found is None:
            raise LocalClusterError(
                f"The build left no programs in {target}; run `tutti cluster build --force`."
            )
    programs.check(found)
    return found


def log_file() -> Path:
    """What Go said in the last build."""
    target = programs.cache_directory()
    return target.with_name(f"build-{target.name}.log")


def _build(target: Path, progress: Progress) -> None:
    began = time.monotonic()
    for left_over in target.parent.glob(f".{target.name}-*"):  # of a build that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    _check_room(target.parent, BINARIES_BYTES, "the programs")
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with log_file().open("w", encoding="utf-8") as log:
            go = toolchain.go(target.parent, progress)
            for recipe in RECIPES:
                _build_recipe(_Go(go, log, progress, fresh / "src"), recipe, fresh / "bin")
        progress(Step("trying the programs"))
        programs.check(Programs({name: fresh / "bin" / name for name in programs.VERSIONS}, "cache"))
        if target.exists():  # running clusters keep the files they have open
            target.rename(fresh / "old")
        (fresh / "bin").rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    progress(Step("control plane built", time.monotonic() - began, done=True))


def _build_recipe(go: _Go, recipe: Recipe, into: Path) -> None:
    source = go.source / recipe.name
    source.mkdir(parents=True)
    for name in ("go.mod", "go.sum"):
        (source / name).write_bytes((recipe.files() / name).read_bytes())
    for name, package in recipe.programs:
        title = f"{name} {recipe.version}"
        stale = go.stale(source, recipe, package, f"{title}: fetching sources")
        _check_room(go.cache(source), stale * PACKAGE_BYTES, "Go's build cache")
        go.compile(source, recipe, package, into / name, title, stale)


@dataclass(frozen=True, slots=True)
class _Go:
    """Calls of the Go command, told about and ended with us."""

    program: Path
    log: IO[str]
    progress: Progress
    source: Path

    def stale(self, source: Path, recipe: Recipe, package: str, title: str) -> int:
        """Fetch what the package needs; how many packages must be compiled."""
        form = "{{if .Stale}}{{.ImportPath}}{{end}}"
        lines = self._run(source, ["list", *recipe.flags(), "-deps", "-f", form, package], title)
        return sum(1 for line in lines if line)

    def cache(self, source: Path) -> Path:
        """Where Go keeps what it compiled."""
        shown = subprocess.run(
            [str(self.program), "env", "GOCACHE"],
            capture_output=True,
            text=True,
            check=False,
            cwd=source,
            env=toolchain.environment(),
        )
        return Path(shown.stdout.strip() or Path.home())

    def compile(self, source: Path, recipe: Recipe, package: str, into: Path, title: str, stale: int) -> None:
        """Build one program; Go names each package as it is compiled, which is the measure of progress."""
        self._run(source, ["build", "-v", *recipe.flags(), "-o", str(into), package], title, packages=stale)

    def _run(self, source: Path, arguments: list[str], title: str, packages: int | None = None) -> list[str]:
        began = time.monotonic()
        first_guess = (
            None if packages is None else 10.0 + packages / (PACKAGES_PER_CORE_S * (os.cpu_count() or 1))
        )
        self.log.write(f"$ go {' '.join(arguments)}\n")
        self.log.flush()
        with _ended_with_us(
            subprocess.Popen(
                [str(self.program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                cwd=source,
                env=toolchain.environment(),
                start_new_session=True,  # so that its compilers can be ended with it
            )
        ) as child:
            out: list[str] = []
            err: list[str] = []
            readers = [
                threading.Thread(target=_collect, args=each, daemon=True)
                for each in ((child.stdout, out), (child.stderr, err))
            ]
            for reader in readers:
                reader.start()
            while True:
                elapsed_s = time.monotonic() - began
                compiled = "" if packages is None else f": {min(len(err), packages)} of {packages} packages"
                estimate_s = _estimate(elapsed_s, len(err), packages, first_guess)
                self.progress(Step(f"{title}{compiled}", elapsed_s, estimate_s))
                try:
                    child.wait(timeout=_TICK_S)
                    break
                except subprocess.TimeoutExpired:
                    continue
            for reader in readers:
                reader.join()
        self.log.write("".join(f"{line}\n" for line in err))
        self.log.flush()
        if child.returncode != 0:
            raise LocalClusterError(_failure(title, err))
        if packages is not None:
            self.progress(Step(title, time.monotonic() - began, done=True))
        return out


def _estimate(
    elapsed_s: float, compiled: int, packages: int | None, first_guess: float | None
) -> float | None:
    """How long the step takes in all: a guess from the machine's cores, then from the pace so far."""
    if not packages or first_guess is None or compiled < packages // 10 or elapsed_s < 5.0:
        return first_guess
    return max(elapsed_s + 1.0, elapsed_s * packages / max(1, compiled))


def _failure(title: str, lines: list[str]) -> str:
    words = next((line for line in reversed(lines) if line.strip()), "it said nothing")
    told = " ".join(lines)
    name = title.partition(":")[0]
    if any(sign in told.lower() for sign in FULL):
        return f"The disk became full while building {name}; free 6 GB and run `tutti cluster build` again (log: {log_file()})."
    if "dial tcp" in told or "no such host" in told or "proxyconnect" in told:
        return f"The sources of {name} cannot be fetched ({words[:200]}); check the network or set GOPROXY, then run it again."
    if "signal: killed" in told:
        return f"The compiler was killed while building {name}, likely for want of memory; free 4 GB and run it again."
    return f"{name} cannot be built: {words[:300]}; the log is {log_file()}."


def _collect(stream: IO[str] | None, into: list[str]) -> None:
    for line in stream or ():
        into.append(line.rstrip("\n"))


def _check_room(where: Path, needed: int, what: str) -> None:
    existing = next((each for each in (where, *where.parents) if each.exists()), Path("/"))
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise LocalClusterError(
            f"{existing} has {free / 1e9:.1f} GB free and {what} may need {needed / 1e9:.1f} GB; "
            "free some, or set GOCACHE or XDG_CACHE_HOME elsewhere."
        )


@contextlib.contextmanager
def _ended_with_us(child: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield child
    finally:
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()


@contextlib.contextmanager
def _one_at_a_time(target: Path, progress: Progress) -> Iterator[None]:
    began = time.monotonic()
    lock = target.with_name(f"{target.name}.lock")
    while True:
        holding = contextlib.ExitStack()
        try:
            holding.enter_context(state.alone(lock, what="Another build is under way"))
        except state.HeldError:
            progress(Step("waiting for another build", time.monotonic() - began))
            time.sleep(_TICK_S)
            continue
        with holding:
            yield
            return


@contextlib.contextmanager
def _writing(where: Path) -> Iterator[None]:
    try:
        where.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise LocalClusterError(
                f"The disk of {where} is full; free 6 GB and run `tutti cluster build` again."
            ) from error
        raise LocalClusterError(
            f"The cache {error.filename or where} cannot be written ({error.strerror}); set XDG_CACHE_HOME to a folder of yours."
        ) from error
