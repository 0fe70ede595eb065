"""
Structured logs on standard error: JSON in a container, colours on a terminal.

One line per thing that happened, with the facts as fields. Rooms above the edge log through `get`; pure rooms never log.
"""

import logging
import os
import sys
from typing import Final, TextIO

import structlog

from scheduler.config import LogSettings

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Set up logging for the process, for our own lines and for those of libraries (warnings and worse)."""
    out = stream or sys.stderr
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
        logger_factory=structlog.PrintLoggerFactory(out),
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


def get(room: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a room; its lines carry the room's name."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=room)
    return logger
