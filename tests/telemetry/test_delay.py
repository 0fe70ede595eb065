"""A loop that is held up is seen to be late."""

import asyncio
import time

from scheduler.telemetry.delay import PERIOD_S, sample


async def test_loop_that_was_blocked_is_late_by_what_was_left_of_it() -> None:
    seen: list[float] = []
    told = asyncio.Event()

    def observe(late_s: float) -> None:
        seen.append(late_s)
        told.set()

    sampling = asyncio.create_task(sample(observe))
    await asyncio.sleep(0)  # the timer runs now
    time.sleep(2 * PERIOD_S)
    await told.wait()
    sampling.cancel()
    assert seen[0] >= 0.9 * PERIOD_S, "it was due in the middle of the block"


async def test_it_goes_on_sampling_and_is_never_early() -> None:
    seen: list[float] = []
    enough = asyncio.Event()

    def observe(late_s: float) -> None:
        seen.append(late_s)
        if len(seen) == 3:
            enough.set()

    sampling = asyncio.create_task(sample(observe))
    await enough.wait()
    sampling.cancel()
    assert min(seen) >= 0.0
