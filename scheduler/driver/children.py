"""Child processes that live no longer than this one, and waiting that ends with a signal."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

GRACE_S: Final = 5.0
PR_SET_PDEATHSIG: Final = 1

Result = TypeVar("Result")


def die_with_parent() -> None:
    """
    Ask Linux to end this process when its parent is killed; for `preexec_fn`.

    Elsewhere the operator's Lease, and a kube-scheduler without answers from its extender, keep an orphan from doing harm.
    """
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


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
