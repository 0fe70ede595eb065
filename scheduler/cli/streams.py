"""
Standard output and error of the process: present, and with failures that name them.

What cannot be written to standard output is an error of the command line, not an OSError that somebody else might take for his own. A
reader that has gone, as with ``| head -1``, ends the command without a word and with 141, as a shell reports of other programs.
"""

import io
import os
import sys
from pathlib import Path
from typing import Any, Final

from scheduler.cli.errors import READER_GONE, WRONG_USE, CommandError

OUTPUT: Final = 1


class OutputError(CommandError):
    """Standard output cannot be written. An empty message: nobody reads it any more."""


def prepare() -> None:
    """Take over the streams of this process. Raises: OutputError when standard output is closed."""
    is_closed = sys.stdout is None
    for number in range(3):
        _occupy(number)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it lives as long as the process
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115  likewise
    if is_closed:
        raise OutputError("Standard output is closed; send it to a file, or to /dev/null.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _named(sys.stdout)


def _occupy(number: int) -> None:
    """Put something there if nothing is: else the next file or connection would be written to as if it were a standard stream."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one


def _named(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    raw: io.RawIOBase = _Output(OUTPUT, "wb", closefd=False)
    buffer: Any = raw if stream.write_through else io.BufferedWriter(raw)  # as Python itself does it for -u
    return io.TextIOWrapper(
        buffer,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Output(io.FileIO):
    """Says once that it cannot be written; what is still buffered then is dropped, or the interpreter would fail with it at its end."""

    _is_broken = False

    def write(self, content: bytes, /) -> int:  # type: ignore[override]  # text layers above write bytes only, not every buffer
        if self._is_broken:
            return len(content)
        try:
            return super().write(content)
        except BrokenPipeError as problem:
            self._is_broken = True
            raise OutputError("", READER_GONE) from problem
        except OSError as problem:
            self._is_broken = True
            raise OutputError(
                f"Standard output cannot be written ({problem.strerror}); send it where there is room.",
                WRONG_USE,
            ) from problem
