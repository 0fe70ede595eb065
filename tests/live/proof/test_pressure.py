"""Gangs against each other: never a partial one, never both waiting for ever."""

import asyncio
import random
from contextlib import suppress

import pytest

from tests.live.api import Api, pods
from tests.live.proof.team import Team

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

ROUNDS = 100


class Onlooker:
    """Follows the pods of a namespace by a watch that belongs to nobody, and remembers which gangs stood partly bound for how long."""

    def __init__(self, observer: Api, namespace: str, size: int) -> None:
        self._observer = observer
        self._namespace = namespace
        self._size = size
        self._bound: dict[str, set[str]] = {}
        self._partial_since: dict[str, float] = {}
        self.longest_partial_s = 0.0

    async def follow(self) -> None:
        """Follow until cancelled."""
        version = (await self._observer.get(pods(self._namespace)))["metadata"]["resourceVersion"]
        async for event in self._observer.watch(pods(self._namespace), resource_version=version):
            pod = event["object"]
            gang = pod["metadata"]["labels"]["scheduling.tutti.dev/pod-group"]
            bound = self._bound.setdefault(gang, set())
            if event["type"] == "DELETED":
                bound.clear()  # the round is over; its pods go one by one
            elif pod["spec"].get("nodeName") and "deletionTimestamp" not in pod["metadata"]:
                bound.add(pod["metadata"]["uid"])
            self._note(gang, len(bound))

    def _note(self, gang: str, bound: int) -> None:
        now = asyncio.get_running_loop().time()
        if 0 < bound < self._size:
            since = self._partial_since.setdefault(gang, now)
            self.longest_partial_s = max(self.longest_partial_s, now - since)
        else:
            since = self._partial_since.pop(gang, now)
            self.longest_partial_s = max(self.longest_partial_s, now - since)


@pytest.mark.slow
async def test_two_interleaved_gangs_that_fit_one_at_a_time_never_deadlock_and_never_stand_half(
    team: Team, observer: Api, gpus: int
) -> None:
    size = gpus // 8 * 5 // 8  # of whole nodes: one gang fits, two do not
    onlooker = Onlooker(observer, team.namespace, size)
    following = asyncio.create_task(onlooker.follow())
    rng = random.Random(7)
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
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
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
