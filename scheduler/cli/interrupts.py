"""SIGTERM and SIGHUP as Ctrl-C, for commands that must end what they started: a build, half a cluster, a demo, a benchmark."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_signals_to_end() -> None:
    """
    From now on SIGTERM, from a CI job or a service manager, and SIGHUP, from a terminal that closes, unwind this process as Ctrl-C does.

    Under nohup, which has a SIGHUP ignored, it stays so.
    """
    signal.signal(signal.SIGTERM, _as_interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _as_interrupt)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """No second request to end while things are being ended: it would leave processes behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_interrupt(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a terminal that closes says so twice, and once is enough
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell has started this in the background
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)  # which asyncio answers by ending its tasks in order
