"""
What stands in the way of a cluster, said in one sentence: a program that ended too early, a taken port, a full disk.
"""

from __future__ import annotations

import contextlib
import errno
import json
import signal
from collections.abc import Iterator
from pathlib import Path

from scheduler.localcluster.errors import LocalClusterError

FULL = ("no space left on device", "disk quota exceeded")
"""How Go programs word ENOSPC and EDQUOT."""

_TAKEN = ("address already in use", "bind: permission denied")
_TELLING = ("error", "fatal", "fail", "panic")


class PortLostError(LocalClusterError):
    """Between choosing a free port and using it, somebody else took it."""


def ended_early(name: str, log: Path, words: str, *, code: int | None, port: int) -> LocalClusterError:
    """Why a program ended before it was ready. `words` are its last, `code` its exit code as far as it is known."""
    told = words.lower()
    if any(sign in told for sign in _TAKEN):
        return PortLostError(
            f"Another program took port {port} of {name}; end it, or take this cluster down and start it again."
        )
    if any(sign in told for sign in FULL):
        return LocalClusterError(
            f"The disk of {log.parent} is full: {name} cannot write; free some space and run it again."
        )
    if code is not None and code < 0:
        return LocalClusterError(
            f"{name} was ended by {_signal(-code)} before it was ready; if nobody did that, the program is broken: "
            f"build it again with `tutti cluster build --force` or give another with --bin-dir (log: {log})."
        )
    return LocalClusterError(
        f"{name} ended before it was ready: {words or 'it said nothing'}; its log is {log}."
    )


def last_words(log: Path, *, since: int = 0) -> str:
    """The last line, of those after that many bytes, that says what went wrong; shortened."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - 32_000))  # a panic with its stack fits
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if line.strip()]
    for signs in (
        (*FULL, *_TAKEN),
        _TELLING,
        ("",),
    ):  # what we can act on, what sounds like a reason, anything
        telling = [line for line in lines if any(sign in line.lower() for sign in signs)]
        if telling:
            return _plain(telling[-1])[:300]
    return ""


@contextlib.contextmanager
def of_files(directory: Path) -> Iterator[None]:
    """Turn what the system refuses to do with our files into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise LocalClusterError(
                f"The disk of {directory} is full; free some space and run it again."
            ) from error
        raise LocalClusterError(
            f"{error.filename or directory} cannot be used ({error.strerror}); check the directory."
        ) from error


def _plain(line: str) -> str:
    """A line of a log without what only machines read; etcd writes JSON with a stack trace behind the reason."""
    try:
        fields = json.loads(line)
        line = ": ".join(str(fields[key]) for key in ("msg", "error", "err") if fields.get(key)) or line
    except (ValueError, AttributeError):
        pass
    return " ".join(line.split())


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
