"""
Structured logs on standard error: JSON in a container, colours on a terminal.

One line per thing that happened, with the facts as fields. Rooms above the edge log through `get`; pure rooms never log. A line that
cannot be written is dropped: who reads the log must not decide whether the scheduler lives.
"""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TextIO, cast

import structlog

from scheduler.config import LogSettings

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

Log = structlog.typing.FilteringBoundLogger


class Lines:
    """A stream to write to that never fails, for one that may: closed, broken, full, or absent (None)."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out

    def write(self, text: str) -> int:
        """Write the text, or drop it."""
        with suppress(OSError, ValueError):  # ValueError: the stream is closed, or cannot spell the text
            if self._out is not None:
                self._out.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what was written, or drop it."""
        try:
            if self._out is not None:
                self._out.flush()
        except BrokenPipeError:
            self._forsake()
        except (OSError, ValueError):
            pass

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        with suppress(OSError, ValueError):
            return self._out is not None and self._out.isatty()
        return False

    def _forsake(self) -> None:
        # The reader is gone for good. What is still buffered would make the interpreter end with exit code 120 after a clean stop.
        with suppress(OSError, ValueError):
            if self._out is not None:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._out.fileno())
                os.close(nowhere)


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Set up logging for the process, for our own lines and for those of libraries (warnings and worse)."""
    out = Lines(stream or sys.stderr)
    level = LEVELS.get(settings.level.lower(), logging.INFO)
    as_json = settings.format == "json" or (settings.format == "auto" and not out.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=out.isatty() and "NO_COLOR" not in os.environ)]
    )
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, out)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    foreign: list[structlog.types.Processor] = [*shared, structlog.stdlib.ExtraAdder()]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            foreign_pre_chain=foreign,
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def get(room: str) -> Log:
    """Return the logger of a room; its lines carry the room's name."""
    logger: Log = structlog.get_logger(room=room)
    return logger


def standby(room: str) -> Callable[[str, str], None]:
    """Return what tells that another replica holds a Lease, and which."""

    def tell(what: str, holder: str) -> None:
        get(room).info("standing by", what=what, holder=holder)

    return tell


def trouble(room: str) -> Callable[[str, str], None]:
    """Return what tells that a thing cannot be had and why; with an empty text, that it can be again."""

    def tell(what: str, why: str) -> None:
        if why:
            get(room).warning("cannot go on", what=what, why=why)
        else:
            get(room).info("goes on", what=what)

    return tell
