"""
Child processes that outlive their parent and are ended exactly: never by name, never by a process id alone.

A process is known by its id *and* the moment it started, so that a recycled id is not mistaken for ours. On Linux the
signal goes through a pidfd opened before that check, which closes the last gap. Each child carries the cluster's token
in its environment; a child started in the instant before its parent crashed is found by it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scheduler.localcluster.errors import LocalClusterError

TOKEN = "TUTTI_LOCAL_CLUSTER"  # noqa: S105 - the name of an environment variable, no secret
_POLL_S = 0.02
_LINUX = platform.system() == "Linux"


@dataclass(frozen=True, slots=True)
class Process:
    """One running child: what `down` needs to find it again from another process."""

    pid: int
    started: str


def spawn(command: Sequence[str], *, log: Path, token: str, cwd: Path) -> Process:
    """Start a program detached from this terminal, its output appended to `log`."""
    environment = {**os.environ, TOKEN: token}
    with log.open("ab") as sink:
        try:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=environment,
                start_new_session=True,  # Ctrl-C at the terminal is for us, not for the control plane
            )
        except OSError as error:
            raise LocalClusterError(
                f"{command[0]} cannot be started ({error.strerror}); build it again with `tutti cluster build --force`."
            ) from error
    _children[child.pid] = child
    return Process(child.pid, _started(child.pid) or "")


def is_alive(process: Process) -> bool:
    """Does this very process still run? A zombie does not."""
    _reap(process.pid)
    return bool(process.started) and _started(process.pid) == process.started


def exit_code(process: Process) -> int | None:
    """The exit code of our own dead child; None while it runs, or when another process was its parent."""
    child = _children.get(process.pid)
    return child.poll() if child else None


def stop(processes: Iterable[Process], *, grace_s: float) -> None:
    """Ask all of them to end, wait together for `grace_s`, then kill what is left. Returns when all are gone."""
    open_ones = [handle for handle in map(_open, processes) if handle is not None]
    try:
        for handle in open_ones:
            handle.send(signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        left = [handle for handle in open_ones if not handle.wait(deadline)]
        for handle in left:
            handle.send(signal.SIGKILL)
        for handle in left:
            if not handle.wait(time.monotonic() + 10.0):
                raise LocalClusterError(
                    f"Process {handle.process.pid} does not end even when killed; look at it with `ps`."
                )
    finally:
        for handle in open_ones:
            handle.close()


def with_token(token: str) -> list[Process]:
    """Every process of this user that carries the token. Empty where the system does not show environments."""
    found = []
    needle = f"{TOKEN}={token}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            carries = needle in (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # ended meanwhile, or another user's
            continue
        started = _started(int(entry.name)) if carries else None
        if started:
            found.append(Process(int(entry.name), started))
    return found


def running(command: Sequence[str], *, token: str) -> Process | None:
    """The process that carries the token and was started by this command line."""
    wanted = [os.fsencode(word) for word in command]
    for process in with_token(token):
        try:
            words = (Path("/proc") / str(process.pid) / "cmdline").read_bytes().split(b"\0")[:-1]
        except OSError:  # ended meanwhile
            continue
        if words[-len(wanted) :] == wanted:  # a script's interpreter stands in front
            return process
    return None


_children: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children, so that the dead ones can be reaped and their exit codes read."""


@dataclass(slots=True)
class _Handle:
    process: Process
    pidfd: int | None

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, number)
            elif is_alive(self.process):
                os.kill(self.process.pid, number)

    def wait(self, deadline: float) -> bool:
        """Is it gone before the deadline?"""
        while is_alive(self.process):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            if self.pidfd is not None:
                poller = select.poll()
                poller.register(self.pidfd, select.POLLIN)
                poller.poll(min(left_s, 1.0) * 1000)
            else:
                time.sleep(_POLL_S)
        return True

    def close(self) -> None:
        if self.pidfd is not None:
            os.close(self.pidfd)


def _open(process: Process) -> _Handle | None:
    pidfd: int | None = None
    if hasattr(os, "pidfd_open"):
        try:
            pidfd = os.pidfd_open(process.pid)
        except ProcessLookupError:
            _reap(process.pid)
            return None
        except OSError:  # an old kernel or a sandbox without pidfds: the start time alone must do
            pidfd = None
    if is_alive(process):
        return _Handle(process, pidfd)
    if pidfd is not None:
        os.close(pidfd)
    return None


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None:
        child.poll()


def _started(pid: int) -> str | None:
    """When the process started, as text that no other process with this id ever had; None if there is none."""
    if _LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        after_name = stat.rpartition(")")[2].split()  # the name may hold spaces and parentheses
        if after_name[0] in {"Z", "X"}:
            return None
        return f"{_boot()}/{after_name[19]}"  # field 22 of proc(5): clock ticks since boot
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown-boot"
