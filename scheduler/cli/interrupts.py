"""SIGTERM as Ctrl-C, for commands that must end what they started: a build, half a cluster, a demo."""

import signal
from types import FrameType


def heed_sigterm() -> None:
    """From now on SIGTERM, from a CI job or a service manager, unwinds this process as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _as_interrupt)


def _as_interrupt(_: int, __: FrameType | None) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell has started this in the background
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)  # which asyncio answers by ending its tasks in order
