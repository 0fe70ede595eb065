"""The commit record is replaced whole, under compare-and-set, and never lost or doubled by an answer that got lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler.engine.messages import Publish, Record, Recorded, RecordRefused, Report
from scheduler.kube.pod_conditions import TOLD_IN_EVENTS
from scheduler.kube.recorder import Recorder
from scheduler.kube.status import StatusWriter
from scheduler.kube.transport import Transport
from scheduler.model.ids import (
    POD_DIALECT,
    AttemptId,
    GroupKey,
    GroupUid,
    LevelName,
    NodeName,
    PodKey,
    PodUid,
)
from scheduler.model.plan import LevelUse, Placement, Quality
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberRef, PodGroup, RecordedMember
from scheduler.model.pods import Pod
from scheduler.model.reasons import Reason
from scheduler.model.status import Status

GANG = GroupKey("a", "g")
PATH = "/apis/scheduling.tutti.dev/v1alpha1/namespaces/a/podgroups/g"
POD = "/api/v1/namespaces/a/pods/x"
PREPARED = Attempt(
    AttemptId("t1"),
    epoch=5,
    generation=1,
    min_count=1,
    phase=AttemptPhase.PREPARED,
    members=(RecordedMember("x", PodUid("u"), NodeName("n1"), 0),),
)
STORED = {
    "version": 1,
    "id": "t9",
    "epoch": 4,
    "generation": 1,
    "minCount": 1,
    "phase": "Committing",
    "planRev": 1,
    "members": [],
}
AT = datetime(2026, 11, 25, 14, 3, 20, tzinfo=UTC)
WAITING = Report(Status.UNSCHEDULABLE, Reason.INSUFFICIENT_RESOURCES, "too little free.")


def record(attempt: Attempt, version: str, report: Report | None = None) -> Record:
    return Record(GANG, attempt, version, report, GroupUid("guid"))


def group(uid: str = "guid", generation: int = 1, **status: Any) -> dict[str, Any]:
    meta = {"name": "g", "namespace": "a", "uid": uid, "generation": generation}
    head = {"apiVersion": "scheduling.tutti.dev/v1alpha1", "kind": "PodGroup"}
    return {**head, "metadata": meta, "spec": {"minCount": 1}, "status": status}


class Known:
    """What a cache would know: the group as it was first put."""

    node_count = 64

    def __init__(self) -> None:
        self.groups: dict[GroupKey, PodGroup] = {}

    def declared_group(self, key: GroupKey) -> PodGroup | None:
        return self.groups.get(key)

    def pod(self, ref: PodKey) -> Pod | None:
        return None


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
async def recorder(transport: Transport) -> AsyncIterator[Recorder]:
    recorder = Recorder(transport, "tutti")
    running = asyncio.create_task(recorder.run())
    yield recorder
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.fixture
def writer(transport: Transport, known: Known) -> StatusWriter:
    return StatusWriter(transport, facts=known, wall_clock=lambda: AT)


def put(api_server: Any, known: Known, obj: dict[str, Any]) -> str:
    version = str(api_server.put(PATH, obj)["metadata"]["resourceVersion"])
    known.groups[GANG] = PodGroup(GANG, GroupUid(obj["metadata"]["uid"]), 1, resource_version=version)
    return version


def stored(api_server: Any) -> dict[str, Any]:
    status: dict[str, Any] = api_server.objects[PATH]["status"]
    return status


async def test_the_record_is_written_in_one_request_and_answers_with_the_new_version(
    api_server, known, writer
) -> None:
    version = put(api_server, known, group())
    answer = await writer.record(record(PREPARED, version))
    assert answer == Recorded(GANG, AttemptId("t1"), api_server.objects[PATH]["metadata"]["resourceVersion"])
    assert api_server.asked == [f"PATCH {PATH}/status"]
    assert stored(api_server)["attempt"]["phase"] == "Prepared"


async def test_a_record_replaces_its_predecessor_whole(api_server, known, writer) -> None:
    version = put(
        api_server,
        known,
        group(attempt={"id": "old", "reason": "why", "victims": [{"name": "v"}], "epoch": 4}),
    )
    assert isinstance(await writer.record(record(PREPARED, version)), Recorded)
    attempt = stored(api_server)["attempt"]
    assert attempt["id"] == "t1"
    assert "victims" not in attempt
    assert not attempt.get("reason")


async def test_other_writers_of_the_status_are_left_alone(api_server, known, writer) -> None:
    accepted = {"type": "Accepted", "status": "True", "reason": "Accepted"}
    version = put(api_server, known, group(members={"total": 3}, conditions=[accepted]))
    report = Report(Status.SUCCESS, Reason.PLACED, "placed")
    assert isinstance(await writer.record(record(PREPARED, version, report)), Recorded)
    assert stored(api_server)["members"] == {"total": 3}
    assert accepted in stored(api_server)["conditions"]
    scheduled = next(c for c in stored(api_server)["conditions"] if c["type"] == "Scheduled")
    assert (scheduled["status"], scheduled["reason"], scheduled["message"]) == ("True", "Placed", "placed")


async def test_a_conflict_that_is_only_the_operators_write_is_overcome(api_server, known, writer) -> None:
    version = put(api_server, known, group())
    api_server.put(PATH, group(phase="Queued"))
    assert isinstance(await writer.record(record(PREPARED, version)), Recorded)
    assert stored(api_server)["phase"] == "Queued"


@pytest.mark.parametrize(
    ("present", "says"),
    [
        (group(uid="successor"), "was replaced"),
        (group(generation=2), "the spec of a/g changed"),
        (
            group(attempt={**STORED, "id": "t9", "epoch": 6}),
            "later leader",
        ),
        (group(attempt={**STORED, "version": 99}), "newer Tutti"),
        (group(attempt={"id": 7}), "a record that cannot be read"),
    ],
    ids=["recreated", "spec-changed", "later-leader", "newer-version", "unreadable"],
)
async def test_a_record_is_not_written_onto_what_it_was_not_made_for(
    api_server, known, writer, present, says
) -> None:
    version = put(api_server, known, group())
    before = api_server.put(PATH, present)["status"].copy()
    answer = await writer.record(record(PREPARED, version))
    assert isinstance(answer, RecordRefused)
    assert says in answer.message
    assert stored(api_server) == before


async def test_a_spec_change_after_the_commit_does_not_keep_the_end_from_being_recorded(
    api_server, known, writer
) -> None:
    version = put(api_server, known, group())
    api_server.put(PATH, group(generation=2))
    done = replace(PREPARED, phase=AttemptPhase.COMMITTED)
    assert isinstance(await writer.record(record(done, version)), Recorded)


async def test_an_identity_that_is_not_known_is_not_guessed(api_server, writer) -> None:
    api_server.put(PATH, group())
    answer = await writer.record(Record(GANG, PREPARED, "1"))
    assert isinstance(answer, RecordRefused)


async def test_a_lost_answer_is_read_back_as_written(api_server, known, writer) -> None:
    version = put(api_server, known, group())
    api_server.fault = lambda request, number: "lose" if number == 1 else ""
    assert isinstance(await writer.record(record(PREPARED, version)), Recorded)
    assert [asked.split()[0] for asked in api_server.asked] == ["PATCH", "GET"]


async def test_a_write_that_did_not_happen_is_repeated_as_it_was(api_server, known, writer) -> None:
    version = put(api_server, known, group())
    api_server.fault = lambda request, number: "500" if number == 1 else ""
    assert isinstance(await writer.record(record(PREPARED, version)), Recorded)
    patches = [body for body in api_server.bodies if body]
    assert patches[0] == patches[1]


async def test_a_deleted_group_refuses_its_record(writer) -> None:
    answer = await writer.record(record(PREPARED, "1"))
    assert isinstance(answer, RecordRefused)


async def test_consecutive_records_need_no_read_between_them(api_server, known, writer) -> None:
    version = put(api_server, known, group())
    first = await writer.record(record(PREPARED, version))
    assert isinstance(first, Recorded)
    report = Report(Status.SUCCESS, Reason.SCHEDULED, "bound")
    done = replace(PREPARED, phase=AttemptPhase.COMMITTED)
    assert isinstance(await writer.record(record(done, first.resource_version, report)), Recorded)
    assert [asked.split()[0] for asked in api_server.asked] == ["PATCH", "PATCH"]


async def test_a_condition_is_written_on_change_only_and_keeps_its_transition_time(
    api_server, known, writer
) -> None:
    put(api_server, known, group())
    await writer.publish(Publish(GANG, WAITING), to_pods=False)
    since = stored(api_server)["conditions"][0]["lastTransitionTime"]
    stored(api_server)["conditions"][0]["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    writes = sum(asked.startswith("PATCH") for asked in api_server.asked)
    assert (writes, bool(since)) == (1, True)

    await StatusWriter(writer._transport, facts=known).publish(Publish(GANG, WAITING), to_pods=False)
    assert sum(asked.startswith("PATCH") for asked in api_server.asked) == 1, (
        "the same report, by a new process"
    )

    other = replace(WAITING, message="even less free.")
    await StatusWriter(writer._transport, facts=known).publish(Publish(GANG, other), to_pods=False)
    condition = stored(api_server)["conditions"][0]
    assert condition["message"] == "even less free."
    assert condition["lastTransitionTime"] == "2020-01-01T00:00:00Z"


async def test_a_waiting_pod_is_told_in_the_words_autoscalers_look_for_and_only_once(
    api_server, writer
) -> None:
    api_server.put(POD, {"metadata": {"name": "x", "namespace": "a", "uid": "u"}, "spec": {}, "status": {}})
    key = GroupKey("a", "x", POD_DIALECT)
    order = Publish(key, WAITING, (MemberRef(PodKey("a", "x"), PodUid("u")),))
    await writer.publish(order, to_pods=True)
    await writer.publish(order, to_pods=True)
    patches = [body for body in api_server.bodies if body]
    assert len(patches) == 1
    condition = patches[0]["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "PodScheduled",
        "False",
        "Unschedulable",
    )
    assert (
        condition["message"] == "0/64 nodes are available: too little free. (As of 2026-11-25 14:03:20 UTC.)"
    )
    assert patches[0]["metadata"]["uid"] == "u"


@pytest.mark.parametrize("spec", [{"nodeName": "n1"}, {}], ids=["bound", "recreated"])
async def test_a_pod_that_was_bound_or_recreated_is_not_told_that_it_waits(
    api_server, known, transport, recorder, spec: dict[str, str]
) -> None:
    uid = "u" if spec else "successor"
    api_server.put(POD, {"metadata": {"name": "x", "namespace": "a", "uid": uid}, "spec": spec, "status": {}})
    writer = StatusWriter(transport, facts=known, events=recorder)
    await writer.publish(Publish(GANG, WAITING, (MemberRef(PodKey("a", "x"), PodUid("u")),)), to_pods=True)
    await recorder.drained()
    assert not [asked for asked in api_server.asked if asked.startswith(("PATCH", "POST"))]


def waiting_pods(api_server: Any, count: int) -> tuple[MemberRef, ...]:
    for number in range(count):
        name = f"x{number}"
        body = {"metadata": {"name": name, "namespace": "a", "uid": name}, "spec": {}, "status": {}}
        api_server.put(f"/api/v1/namespaces/a/pods/{name}", body)
    return tuple(MemberRef(PodKey("a", f"x{number}"), PodUid(f"x{number}")) for number in range(count))


async def test_a_waiting_pod_is_told_in_an_event_what_its_condition_says_once_per_reason(
    api_server, known, transport, recorder
) -> None:
    members = waiting_pods(api_server, 2)
    writer = StatusWriter(transport, facts=known, events=recorder, wall_clock=lambda: AT)
    order = Publish(GroupKey("a", "g", POD_DIALECT), WAITING, members)
    for report in (WAITING, WAITING, replace(WAITING, reason=Reason.NO_DOMAIN_FITS)):
        await writer.publish(replace(order, report=report), to_pods=True)
    await recorder.drained()
    events = [body for body in api_server.bodies if body and body.get("kind") == "Event"]
    assert len(events) == 2, "the same text is an event once, whatever the reason"
    for event, member in zip(events, members, strict=True):
        assert (event["reason"], event["type"]) == ("FailedScheduling", "Warning")
        assert (event["regarding"]["kind"], event["regarding"]["uid"]) == ("Pod", member.uid)
        assert event["note"] == "0/64 nodes are available: too little free."
        assert event["reportingController"] == "tutti"


async def test_of_a_large_gang_only_the_first_members_are_told_in_events_and_all_in_conditions(
    api_server, known, transport, recorder
) -> None:
    members = waiting_pods(api_server, TOLD_IN_EVENTS + 3)
    writer = StatusWriter(transport, facts=known, events=recorder)
    await writer.publish(Publish(GroupKey("a", "g", POD_DIALECT), WAITING, members), to_pods=True)
    await recorder.drained()
    asked = [each.split()[0] for each in api_server.asked]
    assert (asked.count("PATCH"), asked.count("POST")) == (len(members), TOLD_IN_EVENTS)


async def test_publishing_never_raises_and_counts_what_it_could_not_say(api_server, known, writer) -> None:
    put(api_server, known, group())
    api_server.fault = lambda request, number: "403"
    await writer.publish(Publish(GANG, WAITING), to_pods=False)
    assert writer.problems == 1


async def test_a_waiting_pod_is_touched_where_kube_scheduler_looks_and_a_bound_one_is_left_alone(
    api_server, writer
) -> None:
    member = MemberRef(PodKey("a", "x"), PodUid("u"))
    api_server.put(POD, {"metadata": {"name": "x", "namespace": "a", "uid": "u"}, "spec": {}, "status": {}})
    await writer.wake(member)
    assert "scheduling.tutti.dev/woken-at" in api_server.objects[POD]["metadata"]["annotations"]
    api_server.put(
        POD,
        {"metadata": {"name": "x", "namespace": "a", "uid": "u"}, "spec": {"nodeName": "n"}, "status": {}},
    )
    await writer.wake(member)
    assert "annotations" not in api_server.objects[POD]["metadata"]
    assert writer.problems == 0


async def test_placement_is_written_with_the_record_and_replaces_the_one_before(
    api_server, known, writer
) -> None:
    version = put(api_server, known, group(placement={"level": "rack", "domain": "old", "score": 0.5}))
    uses = (LevelUse(LevelName("rack"), 2, 1), LevelUse(LevelName("host"), 4))
    done = replace(
        record(replace(PREPARED, phase=AttemptPhase.COMMITTED), version),
        placement=Placement(None, Quality(uses)),
    )
    assert isinstance(await writer.record(done), Recorded)
    assert api_server.objects[PATH]["status"]["placement"] == {
        "domains": [{"level": "rack", "count": 2, "best": 1}, {"level": "host", "count": 4}]
    }


async def test_a_condition_is_written_anew_for_a_changed_spec_and_keeps_its_transition_time(
    api_server, known, writer
) -> None:
    put(api_server, known, group())
    await writer.publish(Publish(GANG, replace(WAITING, generation=1)), to_pods=False)
    stored(api_server)["conditions"][0]["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    put(api_server, known, group(generation=2, conditions=stored(api_server)["conditions"]))
    await writer.publish(Publish(GANG, replace(WAITING, generation=2)), to_pods=False)
    (condition,) = stored(api_server)["conditions"]
    assert condition["observedGeneration"] == 2
    assert condition["lastTransitionTime"] == "2020-01-01T00:00:00Z"


async def test_members_beyond_a_whole_gang_hear_their_own_reason(api_server, known, writer) -> None:
    put(api_server, known, group())
    api_server.put(POD, {"metadata": {"name": "x", "namespace": "a", "uid": "u"}, "spec": {}, "status": {}})
    whole = Report(Status.SUCCESS, Reason.SCHEDULED, "8 members are bound.")
    order = Publish(GANG, whole, (MemberRef(PodKey("a", "x"), PodUid("u")),), WAITING)
    await writer.publish(order, to_pods=True)
    (condition,) = stored(api_server)["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "Scheduled")
    (of_pod,) = api_server.objects[POD]["status"]["conditions"]
    assert (of_pod["status"], of_pod["reason"]) == ("False", "Unschedulable")
    assert "too little free." in of_pod["message"]
