"""The standalone shell: lead, and nothing else."""

import asyncio

from scheduler.driver.term import Parts, lead


async def run(parts: Parts, stop: asyncio.Event) -> None:
    """
    Schedule until `stop` is set. Decisions follow changes at once; there is no period.

    Raises: LeadershipLostError when another replica may lead.
    """
    await lead(parts, stop)
