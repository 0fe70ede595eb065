"""Gangs against each other: never a partial one, never both waiting for ever."""

import asyncio
import random

import pytest

from tests.live.api import Api
from tests.live.proof.onlooker import Onlooker
from tests.live.proof.team import Team

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

ROUNDS = 100


@pytest.mark.slow
async def test_two_interleaved_gangs_that_fit_one_at_a_time_never_deadlock_and_never_stand_half(
    team: Team, observer: Api, gpus: int
) -> None:
    size = gpus // 8 * 5 // 8  # of whole nodes: one gang fits, two do not
    rng = random.Random(7)
    async with Onlooker(observer, team.namespace, size) as onlooker:
        for number in range(ROUNDS):
            names = (f"a{number}", f"b{number}")
            for name in names:
                await team.group(name, size)
            order = [(name, member) for member in range(size) for name in names]
            if rng.random() < 0.5:
                rng.shuffle(order)
            gate = asyncio.Semaphore(32)

            async def create(name: str, member: int, gate: asyncio.Semaphore = gate) -> None:
                async with gate:
                    await team.pod(f"{name}-{member}", name, gpus=8)

            await asyncio.gather(*(create(name, member) for name, member in order))
            first = await _one_whole(team, names, size)
            second = names[1 - names.index(first)]
            assert await team.bound(second) == {}, f"round {number}: {second} holds nodes beside {first}"
            await team.delete_pods(first)
            await team.until_whole(second, size)
            await team.delete_pods(second)
            await team.until_gone()
    assert onlooker.longest_partial_s < 5.0, (
        f"a gang stood partly bound for {onlooker.longest_partial_s:.1f} s"
    )


async def _one_whole(team: Team, names: tuple[str, str], size: int) -> str:
    found: list[str] = []

    async def whole() -> bool:
        bound = await team.bound()
        counts = {name: sum(1 for pod in bound if pod.rsplit("-", 1)[0] == name) for name in names}
        found[:] = [name for name, count in counts.items() if count == size]
        return bool(found)

    await team.until(f"one of {names} is whole", whole)
    assert len(found) == 1
    return found[0]
