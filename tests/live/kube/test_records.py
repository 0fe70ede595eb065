"""The commit record on the real API server: compare-and-set, replaced whole, other writers untouched."""

import asyncio
from dataclasses import replace

import pytest

from scheduler.engine.messages import Publish, Record, Recorded, RecordRefused, Report
from scheduler.kube.status import StatusWriter
from scheduler.kube.transport import Transport
from scheduler.model.ids import POD_DIALECT, AttemptId, GroupKey, GroupUid, NodeName, PodKey, PodUid
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberRef, PodGroup, RecordedMember
from scheduler.model.reasons import Reason
from scheduler.model.status import Status
from tests.live.kube.conftest import SETTINGS, World
from tests.live.kube.fault_proxy import fault_proxy

pytestmark = pytest.mark.live


class Seen:
    """The group as it was when the plan was made."""

    node_count = 64

    def __init__(self, group: PodGroup) -> None:
        self._group = group

    def declared_group(self, key: GroupKey) -> PodGroup | None:
        return self._group if key == self._group.key else None

    def pod(self, ref: PodKey) -> None:
        return None


def seen(world: World, created: dict) -> Seen:
    meta = created["metadata"]
    return Seen(PodGroup(world.key(), GroupUid(meta["uid"]), 2, resource_version=meta["resourceVersion"]))


def attempt(size: int = 2, **more: object) -> Attempt:
    members = tuple(
        RecordedMember(f"x-{n}", PodUid(f"uid-{n}"), NodeName(f"node-{n:04}"), n) for n in range(size)
    )
    return replace(Attempt(AttemptId("t1"), 5, 1, 2, AttemptPhase.PREPARED, members), **more)


def record_of(world, created, wanted: Attempt, version: str = "") -> Record:
    meta = created["metadata"]
    return Record(world.key(), wanted, version or meta["resourceVersion"], group_uid=GroupUid(meta["uid"]))


async def test_a_record_survives_the_schema_and_reads_back_as_it_was_written(world) -> None:
    created = await world.group()
    writer = StatusWriter(world.transport, facts=seen(world, created))
    wanted = attempt(1000)
    answer = await writer.record(record_of(world, created, wanted))
    assert isinstance(answer, Recorded), answer
    dialect = next(iter(writer._dialects.values()))
    assert dialect.parse(await world.transport.get(world.group_path())).attempt == wanted


async def test_a_new_record_leaves_nothing_of_the_old_one(world) -> None:
    created = await world.group()
    writer = StatusWriter(world.transport, facts=seen(world, created))
    aborted = attempt(phase=AttemptPhase.ABORTED, reason="a member went away", deadline_s=1_800_000_000.0)
    first = await writer.record(record_of(world, created, aborted))
    assert isinstance(first, Recorded), first
    second = await writer.record(
        record_of(world, created, attempt(1, id=AttemptId("t2")), first.resource_version)
    )
    assert isinstance(second, Recorded), second
    dialect = next(iter(writer._dialects.values()))
    assert dialect.parse(await world.transport.get(world.group_path())).attempt == attempt(
        1, id=AttemptId("t2")
    )


async def test_of_two_records_from_one_version_one_is_kept(world) -> None:
    created = await world.group()
    first = StatusWriter(world.transport, facts=seen(world, created))
    later = StatusWriter(world.transport, facts=seen(world, created))
    answers = await asyncio.gather(
        later.record(record_of(world, created, attempt(id=AttemptId("new"), epoch=6))),
        first.record(record_of(world, created, attempt(id=AttemptId("old"), epoch=5))),
    )
    kept = (await world.read(world.group_path()))["status"]["attempt"]["id"]
    assert kept == "new", "the older leader never overwrites the newer one"
    assert isinstance(answers[0], Recorded)


async def test_the_operators_writes_in_between_cost_a_read_and_nothing_else(world) -> None:
    created = await world.group()
    await world.patch(world.group_path() + "/status", {"status": {"phase": "Queued"}})
    writer = StatusWriter(world.transport, facts=seen(world, created))
    report = Report(Status.SUCCESS, Reason.PLACED, "Every member has a node.")
    answer = await writer.record(replace(record_of(world, created, attempt()), report=report))
    assert isinstance(answer, Recorded), answer
    status = (await world.read(world.group_path()))["status"]
    assert (status["attempt"]["phase"], status["phase"]) == ("Prepared", "Queued")
    assert [c["reason"] for c in status["conditions"] if c["type"] == "Scheduled"] == ["Placed"]


async def test_a_recreated_group_does_not_inherit_the_record_of_its_predecessor(world) -> None:
    created = await world.group()
    facts = seen(world, created)
    await world.transport.delete(world.group_path())
    await world.group()
    answer = await StatusWriter(world.transport, facts=facts).record(record_of(world, created, attempt()))
    assert isinstance(answer, RecordRefused)
    assert "attempt" not in (await world.read(world.group_path())).get("status", {})


@pytest.mark.parametrize("fault", ["lose", "drop", "late", "twice", "500"])
async def test_a_record_whose_answer_went_wrong_is_written_once_and_known(
    world, upstream, fault: str
) -> None:
    created = await world.group()
    async with (
        fault_proxy(upstream) as proxy,
        Transport(type(upstream)(server=proxy.url), SETTINGS) as transport,
    ):
        faults = [fault]
        proxy.fault = lambda verb, path: faults.pop() if faults and verb == "PATCH" else ""
        writer = StatusWriter(transport, facts=seen(world, created))
        answer = await writer.record(record_of(world, created, attempt()))
        await proxy.late_copies()
    assert isinstance(answer, Recorded), answer
    assert (await world.read(world.group_path()))["status"]["attempt"]["id"] == "t1"


async def test_a_condition_that_stands_already_does_not_move_the_version(world) -> None:
    await world.group()
    order = Publish(world.key(), Report(Status.WAIT, Reason.GANG_INCOMPLETE, "1 of 2 members exist."))
    await StatusWriter(world.transport).publish(order, to_pods=False)
    once = await world.read(world.group_path())
    await StatusWriter(world.transport).publish(order, to_pods=False)
    assert (await world.read(world.group_path()))["metadata"]["resourceVersion"] == once["metadata"][
        "resourceVersion"
    ]
    assert once["status"]["conditions"][0]["reason"] == "GangIncomplete"


async def test_a_waiting_pod_shows_unschedulable_as_kubectl_and_autoscalers_expect(world) -> None:
    pod = await world.pod("alone", group=None)
    member = MemberRef(PodKey(world.namespace, "alone"), PodUid(pod["metadata"]["uid"]))
    report = Report(Status.UNSCHEDULABLE, Reason.INSUFFICIENT_RESOURCES, "64 too little free.")
    key = GroupKey(world.namespace, "alone", POD_DIALECT)
    writer = StatusWriter(world.transport)
    await writer.publish(Publish(key, report, (member,)), to_pods=True)
    assert writer.problems == 0
    conditions = (await world.read(world.pod_path("alone")))["status"]["conditions"]
    (scheduled,) = [c for c in conditions if c["type"] == "PodScheduled"]
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert scheduled["message"].startswith("0/0 nodes are available: ")


async def test_a_touch_through_the_status_changes_what_kube_scheduler_compares(world) -> None:
    pod = await world.pod("x")
    writer = StatusWriter(world.transport)
    await writer.wake(MemberRef(PodKey(world.namespace, "x"), PodUid(pod["metadata"]["uid"])))
    touched = await world.read(world.pod_path("x"))
    assert writer.problems == 0
    assert "scheduling.tutti.dev/woken-at" in touched["metadata"]["annotations"]
    assert touched["metadata"]["resourceVersion"] != pod["metadata"]["resourceVersion"]
