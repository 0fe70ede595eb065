"""
A snapshot in a file, and back: what `tutti snapshot` saves and `tutti decide` reads.

The file holds what one cycle may know and nothing else: no environment, no commands, no secrets of pods.
Next: `scheduler.model.serial` says how a snapshot is written as plain values.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from scheduler.model import serial
from scheduler.model.snapshot import Snapshot

MAX_BYTES: Final = 1024 * 1024 * 1024  # arbitrary; 5,000 nodes and 100,000 pods stay well below 200 MB


class DumpError(ValueError):
    """The file is not a snapshot; one sentence that names it."""


def encoded(snapshot: Snapshot) -> bytes:
    """Return the content of a file that `load` reads."""
    return msgspec.json.format(msgspec.json.encode(serial.to_dict(snapshot)), indent=1)


def save(snapshot: Snapshot, path: Path) -> None:
    """
    Write the snapshot whole or not at all: an interrupted write leaves an older file as it was.

    What a symbolic link points to is written, not the link. What is no regular file (a device, a pipe) is written into, never replaced.
    Raises: DumpError.
    """
    content = encoded(snapshot)
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            _replace(path.resolve(), content)
    except (OSError, RuntimeError) as problem:  # RuntimeError: links in a circle, before Python 3.13
        why = problem.strerror if isinstance(problem, OSError) else problem
        raise DumpError(
            f"The snapshot cannot be written to {path}: {why}; name another file, or - for standard output."
        ) from problem


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def load(path: Path) -> Snapshot:
    """Read a snapshot. Raises DumpError on anything else."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DumpError(
                f"The file {path} is larger than {MAX_BYTES // 2**20} MiB, which no snapshot is; name another file."
            )
        content = msgspec.json.decode(path.read_bytes(), type=dict)
        return serial.from_dict(content)
    except OSError as problem:
        raise DumpError(
            f"The snapshot {path} cannot be read: {problem.strerror}; `tutti snapshot FILE` writes one."
        ) from problem
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, AttributeError) as problem:
        if isinstance(problem, DumpError):
            raise
        raise DumpError(
            f"The file {path} is not a snapshot that `tutti snapshot` has written: {problem}."
        ) from problem
