"""The operator as a supervised child of `tutti run`: started again when it ends, and ended with its parent."""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scheduler.driver.children import end, tethered
from scheduler.telemetry import logs

WRONG_INPUT: Final = 2
RESTART_S: Final = 1.0
RESTART_MAX_S: Final = 30.0


class OperatorError(Exception):
    """The operator cannot be run; its own sentence stands above in the log."""


def command(
    *,
    kubeconfig: Path | None = None,
    context: str | None = None,
    config: Path | None = None,
    has_probes: bool = True,
) -> list[str]:
    """
    Return the command line that starts the operator.

    Without `has_probes` it answers none: one machine has one address for probes, and a scheduler beside the operator has it.
    """
    made = [sys.executable, "-m", "scheduler.controller"]
    for flag, value in (("--kubeconfig", kubeconfig), ("--context", context), ("--config", config)):
        if value is not None:
            made += [flag, str(value)]
    return made if has_probes else [*made, "--no-probes"]


async def supervise(arguments: Sequence[str], stop: asyncio.Event) -> None:
    """
    Keep the operator running until `stop` is set, then end it and return.

    Raises: OperatorError when it ends because of wrong input, which a restart would not mend.
    """
    pause_s = RESTART_S
    while not stop.is_set():
        begun = asyncio.get_running_loop().time()
        child = await asyncio.create_subprocess_exec(*tethered(arguments))
        waiting, stopping = asyncio.ensure_future(child.wait()), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            stopping.cancel()
            if child.returncode is None:
                await end(child)
        if stop.is_set():
            return
        if child.returncode == WRONG_INPUT:
            raise OperatorError("The operator cannot run with this input; see the line above.")
        logs.get("wiring").warning("the operator ended and is started again", code=child.returncode)
        stood = asyncio.get_running_loop().time() - begun
        pause_s = RESTART_S if stood > RESTART_MAX_S else min(2 * pause_s, RESTART_MAX_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)
