"""What holds for every test: properties take the time they need, and nobody inherits another test's log."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# A shared machine pauses a process whenever it likes, so the time of one example says nothing about the code.
settings.register_profile("tutti", deadline=None)
settings.load_profile("tutti")


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Undo what a test configured: its stream is closed when the next one writes to it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level
