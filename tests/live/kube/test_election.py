"""Two electors and one real Lease."""

import asyncio

import pytest

from scheduler.config import LeaderSettings
from scheduler.kube.leases import Elector
from tests.live.kube.conftest import World

pytestmark = pytest.mark.live

QUICK = LeaderSettings(lease_name="l", duration_s=3, renew_deadline_s=2, retry_s=0.2)


def elector(world: World, identity: str) -> Elector:
    return Elector(world.transport, QUICK, world.namespace, identity)


async def test_a_clean_stop_hands_over_at_once_and_the_epoch_grows(world, eventually) -> None:
    first = await elector(world, "one").acquire()
    second = elector(world, "two")
    waiting = asyncio.create_task(second.acquire())
    await eventually(lambda: second.holder == "one")
    assert not waiting.done()
    await first.release()
    term = await asyncio.wait_for(waiting, QUICK.duration_s)
    assert term.epoch > first.epoch
    assert term.is_held()
    assert not first.is_held()
    await term.release()


async def test_a_leader_that_stopped_renewing_is_followed_and_learns_that_it_lost(world, eventually) -> None:
    first = await elector(world, "one").acquire()
    await first._stop()  # as a frozen process would
    term = await asyncio.wait_for(elector(world, "two").acquire(), 20)
    assert not first.is_held(), "its own clock told it before the other could lead"
    assert term.epoch > first.epoch
    await first.release()
    lease = await world.read(f"/apis/coordination.k8s.io/v1/namespaces/{world.namespace}/leases/l")
    assert lease["spec"]["holderIdentity"] == "two"
    assert lease["metadata"]["annotations"]["scheduling.tutti.dev/epoch"] == str(term.epoch)
    await term.release()


async def test_a_deleted_lease_is_made_again_with_a_higher_epoch(world) -> None:
    first = await elector(world, "one").acquire()
    await world.transport.delete(f"/apis/coordination.k8s.io/v1/namespaces/{world.namespace}/leases/l")
    await asyncio.wait_for(first.lost.wait(), 10)
    term = await elector(world, "two").acquire()
    assert term.epoch > first.epoch
    await term.release()
