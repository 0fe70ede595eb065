"""What the API server really answers to bindings, and that the binder ends with the truth."""

import pytest

from scheduler.engine.messages import BindDone, BindFailed, Evict, Evicted
from scheduler.kube import errors
from scheduler.kube.binder import Binder
from scheduler.kube.transport import Transport
from scheduler.model.ids import PodKey, PodUid
from scheduler.model.podgroups import MemberRef
from scheduler.model.reasons import Reason
from tests.live.kube.conftest import SETTINGS, World
from tests.live.kube.fault_proxy import fault_proxy

pytestmark = pytest.mark.live


@pytest.fixture
def binder(world: World) -> Binder:
    return Binder(world.transport, SETTINGS)


async def test_a_binding_sets_node_and_record_in_one_revision(world, binder) -> None:
    pod = await world.pod("x")
    assert await binder.bind(world.order(pod)) == BindDone(world.key(), PodUid(pod["metadata"]["uid"]))
    bound = await world.read(world.pod_path("x"))
    assert bound["spec"]["nodeName"] == world.nodes[0]
    assert bound["metadata"]["annotations"]["scheduling.tutti.dev/attempt"] == "t1"
    assert bound["metadata"]["annotations"]["scheduling.tutti.dev/epoch"] == "7"
    assert bound["metadata"]["annotations"]["scheduling.tutti.dev/rank"] == "0"


async def test_a_stale_version_is_refused_by_the_server_and_the_member_bound_at_its_new_one(
    world, binder
) -> None:
    pod = await world.pod("x")
    await world.patch(world.pod_path("x"), {"metadata": {"annotations": {"a": "b"}}})
    order = world.order(pod)
    with pytest.raises(errors.Conflict):
        await binder._send(order, order.resource_version)
    assert isinstance(await binder.bind(order), BindDone)


async def test_a_recreated_pod_is_not_bound_in_place_of_its_predecessor(world, binder) -> None:
    first = await world.pod("x")
    await world.delete_pod("x")
    await world.pod("x")
    outcome = await binder.bind(world.order(first))
    assert isinstance(outcome, BindFailed)
    assert outcome.reason is Reason.MEMBER_CHANGED
    assert "nodeName" not in (await world.read(world.pod_path("x")))["spec"]


async def test_a_gated_pod_and_one_of_another_group_are_no_members(world, binder) -> None:
    gated = await world.pod("gated", schedulingGates=[{"name": "example.com/wait"}])
    outcome = await binder.bind(world.order(gated))
    assert isinstance(outcome, BindFailed)
    assert "scheduling gates" in outcome.message
    moved = await world.pod("moved")
    await world.patch(
        world.pod_path("moved"), {"metadata": {"labels": {"scheduling.tutti.dev/pod-group": "h"}}}
    )
    outcome = await binder.bind(world.order(moved))
    assert isinstance(outcome, BindFailed)
    assert "/h now" in outcome.message


async def test_a_pod_that_somebody_else_bound_is_told_apart_from_our_own_binding(world, binder) -> None:
    pod = await world.pod("x")
    assert isinstance(await binder.bind(world.order(pod, world.nodes[1])), BindDone)
    assert isinstance(await binder.bind(world.order(pod, world.nodes[1])), BindDone), "again: the same answer"
    outcome = await binder.bind(world.order(pod, world.nodes[0]))
    assert isinstance(outcome, BindFailed)
    assert world.nodes[1] in outcome.message


@pytest.mark.parametrize("fault", ["lose", "drop", "late", "twice", "503"])
async def test_a_binding_whose_answer_went_wrong_happens_once_and_is_known(
    world, upstream, fault: str
) -> None:
    pod = await world.pod("x")
    async with (
        fault_proxy(upstream) as proxy,
        Transport(type(upstream)(server=proxy.url), SETTINGS) as transport,
    ):
        faults = [fault]
        proxy.fault = lambda verb, path: faults.pop() if faults and path.endswith("/binding") else ""
        assert isinstance(await Binder(transport, SETTINGS).bind(world.order(pod)), BindDone)
        answers = await proxy.late_copies()
    assert faults == []
    bound = await world.read(world.pod_path("x"))
    assert bound["spec"]["nodeName"] == world.nodes[0]
    assert all(b"Success" not in answer or fault == "late" for answer in answers)


async def test_an_eviction_ends_the_pod_and_a_wrong_uid_does_not(world, binder) -> None:
    pod = await world.pod("x")
    key, uid = PodKey(world.namespace, "x"), PodUid(pod["metadata"]["uid"])
    assert await binder.evict(Evict(world.key(), MemberRef(key, PodUid("other")))) == Evicted(
        world.key(), PodUid("other")
    )
    assert (await world.read(world.pod_path("x")))["metadata"]["uid"] == uid, (
        "the other is gone; this one is untouched"
    )
    assert await binder.evict(Evict(world.key(), MemberRef(key, uid))) == Evicted(world.key(), uid)
    with pytest.raises(errors.NotFound):
        await world.read(world.pod_path("x"))
