"""Child processes that live no longer than this one, and waiting that ends with a signal."""

import asyncio
import contextlib
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from scheduler.driver import tether

GRACE_S: Final = 5.0

Result = TypeVar("Result")


def tethered(command: Sequence[str]) -> list[str]:
    """
    Return the command line that runs `command`, whose first part is a path, and ends it with this process, however that ends.

    Elsewhere than on Linux the operator's Lease, and a kube-scheduler without answers from its extender, keep an orphan from doing harm.
    """
    return [sys.executable, "-I", str(Path(tether.__file__)), *command]


async def end(child: asyncio.subprocess.Process) -> None:
    """End a child: politely, then by force after a grace time."""
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        async with asyncio.timeout(GRACE_S):
            await child.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Return the work's result, or None when `stop` came first; the work is cancelled then."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()
