"""What is measured of a gang: from complete to whole, from the first binding to the last, and how late the watch shows it."""

from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from scheduler.config import ApiSettings
from scheduler.driver.chronicle import Chronicle
from scheduler.driver.sightings import SAMPLE
from scheduler.engine.messages import Abandoned, Bind, BindDone, BindFailed, Observed, Publish, Record, Report
from scheduler.kube.cache import Cache
from scheduler.kube.credentials import Credentials
from scheduler.kube.recorder import Recorder
from scheduler.kube.transport import Transport
from scheduler.model.ids import POD_DIALECT, AttemptId, GroupKey, NodeName, PodUid
from scheduler.model.plan import Admit, Assignment, Hold, Plan
from scheduler.model.podgroups import Attempt, AttemptPhase, PodGroup
from scheduler.model.pods import Pod, PodPhase
from scheduler.model.reasons import Reason
from scheduler.model.status import Status
from scheduler.telemetry.metrics import Metrics
from tests.build import gang, shape

KEY = GroupKey("team", "g")
NODE = NodeName("n0")


class World:
    """A chronicle with a cache and metrics of its own, and a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.metrics = Metrics()
        self.cache = Cache(scheduler_names=("tutti",), clock=lambda: self.now)
        transport = Transport(Credentials(server="http://x"), ApiSettings())
        self.recorder = Recorder(transport, "test")
        self.chronicle = self.another_chronicle()

    def another_chronicle(self) -> Chronicle:
        return Chronicle(self.metrics, self.recorder, self.cache)

    def exist(self, group: PodGroup, pods: tuple[Pod, ...]) -> None:
        """Put them into the cache and let the driver look."""
        self.cache.put_group(group)
        for pod in pods:
            self.cache.put_pod(replace(pod, scheduler_name="tutti"))
        self.look(group.key)

    def look(self, key: GroupKey = KEY) -> None:
        self.chronicle.happened(Observed(key, *self.cache.view(key)), self.now)

    def send(self, *pods: Pod, attempt: str = "e1-1", key: GroupKey = KEY) -> None:
        for rank, pod in enumerate(pods):
            slot = Assignment(pod.key, pod.uid, NODE, rank)
            self.chronicle.instructed(Bind(key, AttemptId(attempt), 1, slot, ""), self.now)

    def acknowledge(self, pod: Pod, *, at: float, key: GroupKey = KEY) -> None:
        self.now = at
        self.chronicle.happened(BindDone(key, pod.uid), at)

    def show(self, pod: Pod, *, at: float) -> None:
        """The watch shows the pod bound."""
        self.now = at
        self.cache.put_pod(replace(pod, scheduler_name="tutti", node=NODE))
        self.chronicle.cache_changed(at)

    def close(self, attempt: str = "e1-1", phase: AttemptPhase = AttemptPhase.COMMITTED) -> None:
        record = Attempt(AttemptId(attempt), 1, 1, 1, phase, ())
        self.chronicle.instructed(Record(KEY, record, ""), self.now)

    def pending(self) -> dict[str, float]:
        """How many groups wait, by reason."""
        self.chronicle.show_waiting()
        (family,) = (each for each in self.metrics.registry.collect() if each.name == "tutti_pending_groups")
        return {sample.labels["reason"]: sample.value for sample in family.samples}

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"tutti_{name}", labels)


@pytest.fixture
async def world() -> World:
    return World()


async def test_queue_time_runs_from_the_last_member_needed_to_the_binding_that_makes_the_gang_whole(
    world: World,
) -> None:
    group, pods = gang("g", 3, min_count=2)
    world.exist(group, pods[:1])
    world.now = 100.0
    world.exist(group, pods)
    world.send(*pods)
    world.acknowledge(pods[0], at=104.0)
    assert world.value("queue_time_seconds_count", queue="default") is None
    world.acknowledge(pods[1], at=107.0)
    world.acknowledge(pods[2], at=109.0)
    world.close()
    assert world.value("queue_time_seconds_count", queue="default") == 1
    assert world.value("queue_time_seconds_sum", queue="default") == 7.0
    assert world.value("gang_window_seconds_sum") == 3.0
    assert world.value("bind_span_seconds_sum") == 5.0


async def test_gated_members_do_not_start_the_clock(world: World) -> None:
    group, pods = gang("g", 2)
    world.exist(group, tuple(replace(pod, is_gated=True) for pod in pods))
    world.now = 50.0
    world.exist(group, pods)
    world.send(*pods)
    for pod in pods:
        world.acknowledge(pod, at=51.0)
    assert world.value("queue_time_seconds_sum", queue="default") == 1.0


async def test_gang_that_was_bound_before_us_has_no_queue_time(world: World) -> None:
    group, pods = gang("g", 2)
    world.exist(group, tuple(replace(pod, node=NODE) for pod in pods))
    grown = gang("g", 3, min_count=2)[1]
    world.exist(group, (*(replace(pod, node=NODE) for pod in pods), grown[2]))
    world.send(grown[2])
    world.acknowledge(grown[2], at=9.0)
    world.close()
    assert world.value("queue_time_seconds_count", queue="default") is None
    assert world.value("gang_window_seconds_count") == 0
    assert world.value("bind_span_seconds_count") == 1


async def test_repair_counts_as_a_window_and_not_as_queue_time(world: World) -> None:
    group, pods = gang("g", 2)
    world.exist(group, pods)
    world.send(*pods)
    for pod in pods:
        world.acknowledge(pod, at=1.0)
        world.show(pod, at=1.0)
    world.close()
    world.cache.drop_pod(pods[1].key, pods[1].uid)
    replacement = replace(pods[1], uid=PodUid("again"))
    world.exist(group, (replace(pods[0], node=NODE), replacement))
    world.send(replacement, attempt="e1-2")
    world.acknowledge(replacement, at=500.0)
    world.close("e1-2")
    assert world.value("queue_time_seconds_count", queue="default") == 1
    assert world.value("gang_window_seconds_count") == 2
    assert world.value("attempts_total", result="committed") == 2


async def test_record_that_is_written_again_ends_the_attempt_once(world: World) -> None:
    group, pods = gang("g", 1)
    world.exist(group, pods)
    world.send(*pods)
    world.acknowledge(pods[0], at=1.0)
    world.close()
    world.close()
    assert world.value("attempts_total", result="committed") == 1
    assert world.value("bind_span_seconds_count") == 1


async def test_attempt_of_a_predecessor_that_is_only_closed_has_no_span(world: World) -> None:
    group, pods = gang("g", 1)
    world.exist(group, tuple(replace(pod, node=NODE) for pod in pods))
    world.close("e0-7")
    assert world.value("attempts_total", result="committed") == 1
    assert world.value("bind_span_seconds_count") == 0


async def test_pod_without_a_group_has_a_queue_time_and_no_window(world: World) -> None:
    key = GroupKey("team", "lone", POD_DIALECT)
    pod = replace(gang("g", 1)[1][0], group=key)
    world.cache.put_pod(replace(pod, scheduler_name="tutti"))
    world.look(key)
    world.send(pod, key=key)
    world.acknowledge(pod, at=2.0, key=key)
    assert world.value("queue_time_seconds_sum", queue="default") == 2.0
    assert world.value("attempts_total", result="committed") == 1
    assert world.value("gang_window_seconds_count") == 0
    assert world.value("bind_span_seconds_count") == 0


async def test_group_recreated_under_its_name_starts_from_nothing(world: World) -> None:
    group, pods = gang("g", 1)
    world.exist(group, pods)
    world.cache.drop_pod(pods[0].key, pods[0].uid)
    world.cache.drop_group(KEY)
    world.look()
    world.now = 1000.0
    world.exist(group, pods)
    world.send(*pods)
    world.acknowledge(pods[0], at=1001.0)
    assert world.value("queue_time_seconds_sum", queue="default") == 1.0


# --- the lag of the watch -------------------------------------------------------------------------------------------------


async def test_watch_lag_is_from_the_answer_to_the_sight(world: World) -> None:
    group, pods = gang("g", 2)
    world.exist(group, pods)
    world.send(*pods)
    world.acknowledge(pods[0], at=10.0)
    world.chronicle.cache_changed(11.0)
    world.show(pods[0], at=12.5)
    world.show(pods[1], at=13.0)
    world.acknowledge(pods[1], at=14.0)
    assert world.value("watch_lag_seconds_count") == 2
    assert world.value("watch_lag_seconds_sum") == 2.5, "the second was seen before its answer came"


async def test_bindings_that_fail_or_pods_that_go_are_not_waited_for(world: World) -> None:
    group, pods = gang("g", SAMPLE + 2)
    world.exist(group, pods)
    world.send(*pods[:SAMPLE])
    for pod in pods[: SAMPLE // 2]:
        world.chronicle.happened(BindFailed(KEY, pod.uid, Reason.BIND_FAILED, "no"), 1.0)
    for pod in pods[SAMPLE // 2 : SAMPLE]:
        world.acknowledge(pod, at=2.0)
        world.cache.drop_pod(pod.key, pod.uid)
    world.chronicle.cache_changed(3.0)
    assert world.value("watch_lag_seconds_count") == 0
    world.send(pods[SAMPLE], attempt="e1-2")
    world.acknowledge(pods[SAMPLE], at=4.0)
    world.show(pods[SAMPLE], at=5.0)
    assert world.value("watch_lag_seconds_sum") == 1.0


# --- what waits -----------------------------------------------------------------------------------------------------------


def admit(*pods: Pod) -> Plan:
    slots = tuple(Assignment(pod.key, pod.uid, NODE, rank) for rank, pod in enumerate(pods))
    return Plan((Admit(KEY, len(pods), 1, slots),))


def hold(*pods: Pod, reason: Reason = Reason.NO_DOMAIN_FITS, message: str = "why") -> Plan:
    return Plan((Hold(KEY, Status.UNSCHEDULABLE, reason, message, tuple(pod.uid for pod in pods)),))


async def test_waiting_gpus_are_those_of_waiting_members_by_queue_and_reason(world: World) -> None:
    group, pods = gang("g", 3, pod=shape(gpus=8))
    bound = replace(pods[0], node=NODE)
    world.exist(group, (bound, pods[1], replace(pods[2], is_gated=True)))
    world.chronicle.cycle_ended(hold(pods[1]), considered=1, seconds=0.001)
    world.chronicle.show_waiting()
    assert world.value("pending_groups", queue="default", reason="NoDomainFits") == 1
    assert world.value("pending_gpus", queue="default", reason="NoDomainFits") == 8


async def test_reason_that_changes_is_not_counted_twice(world: World) -> None:
    group, pods = gang("g", 2)
    world.exist(group, pods)
    world.chronicle.cycle_ended(hold(*pods), considered=1, seconds=0.001)
    world.chronicle.cycle_ended(
        hold(*pods, reason=Reason.INSUFFICIENT_RESOURCES), considered=1, seconds=0.001
    )
    world.chronicle.show_waiting()
    assert world.value("pending_gpus", queue="default", reason="NoDomainFits") is None
    assert world.value("pending_gpus", queue="default", reason="InsufficientResources") == 2


@pytest.mark.parametrize("how", ["bound", "gone"])
async def test_gang_that_does_not_wait_any_more_is_not_shown(world: World, how: str) -> None:
    group, pods = gang("g", 2)
    world.exist(group, pods)
    world.chronicle.cycle_ended(hold(*pods), considered=1, seconds=0.001)
    if how == "bound":
        world.exist(group, tuple(replace(pod, node=NODE) for pod in pods))
    else:
        world.cache.drop_group(KEY)
        for pod in pods:
            world.cache.drop_pod(pod.key, pod.uid)
        world.look()
    assert world.pending() == {}


async def test_gang_that_has_a_plan_waits_until_it_is_bound(world: World) -> None:
    group, pods = gang("g", 2, pod=shape(gpus=4))
    world.exist(group, pods)
    world.chronicle.cycle_ended(hold(*pods), considered=1, seconds=0.001)
    world.chronicle.cycle_ended(admit(*pods), considered=1, seconds=0.001)
    assert world.pending() == {"Placed": 1}
    world.exist(group, (replace(pods[0], node=NODE), pods[1]))
    assert world.pending() == {"Placed": 1}
    assert world.value("pending_gpus", queue="default", reason="Placed") == 4
    world.exist(group, tuple(replace(pod, node=NODE) for pod in pods))
    assert world.pending() == {}


async def test_gang_whose_plans_come_to_nothing_is_shown_with_that_reason_also_while_it_has_another_plan(
    world: World,
) -> None:
    group, pods = gang("g", 2)
    world.exist(group, pods)
    for count in (1, 2, 3):
        world.chronicle.cycle_ended(admit(*pods), considered=1, seconds=0.001)
        world.chronicle.instructed(Abandoned(KEY, Reason.VOTES_MISSING, "2 of 2"), 1.0)
        assert world.pending() == {"VotesMissing": 1}
        assert world.value("attempts_failed_total", reason="VotesMissing") == count
    world.chronicle.cycle_ended(admit(*pods), considered=1, seconds=0.001)
    assert world.pending() == {"VotesMissing": 1}
    world.chronicle.cycle_ended(hold(*pods), considered=1, seconds=0.001)
    assert world.pending() == {"NoDomainFits": 1}


async def test_silence_of_kube_scheduler_is_shown_where_there_is_one_only(world: World) -> None:
    assert world.value("kube_scheduler_silence_seconds") is None
    assert world.chronicle.remark() == ""
    world.chronicle.listen(lambda: 35.2)
    assert world.value("kube_scheduler_silence_seconds") == 35.2
    assert world.chronicle.remark() == "kube-scheduler has not called for 35 s"


# --- the log --------------------------------------------------------------------------------------------------------------


def lines(logged: Sequence[MutableMapping[str, Any]], *, level: str) -> list[tuple[str, str]]:
    return [(line["event"], line.get("reason", "")) for line in logged if line["log_level"] == level]


async def test_reason_is_logged_when_it_changes_and_not_for_its_numbers(world: World) -> None:
    group, pods = gang("g", 2)
    world.exist(group, pods)
    with capture_logs() as logged:
        world.chronicle = world.another_chronicle()
        for free in range(5):
            text = f"rack r{free} holds {free} of 8"
            world.chronicle.cycle_ended(hold(*pods, message=text), considered=1, seconds=0.001)
        other = hold(*pods, message="rack r1 holds 1 of 8; it is cordoned")
        world.chronicle.cycle_ended(other, considered=1, seconds=0.001)
        other = hold(*pods, reason=Reason.INSUFFICIENT_RESOURCES)
        world.chronicle.cycle_ended(other, considered=1, seconds=0.001)
    waits = [("waits", "NoDomainFits")] * 2 + [("waits", "InsufficientResources")]
    assert lines(logged, level="info") == waits
    assert lines(logged, level="debug").count(("cycle ended", "")) == 7


async def test_plan_that_comes_to_nothing_is_a_warning_once_per_cause(world: World) -> None:
    group, pods = gang("g", 2)
    world.exist(group, pods)
    with capture_logs() as logged:
        world.chronicle = world.another_chronicle()
        for reason in (Reason.VOTES_MISSING, Reason.VOTES_MISSING, Reason.RECORD_FAILED):
            world.chronicle.cycle_ended(admit(*pods), considered=1, seconds=0.001)
            world.chronicle.instructed(Abandoned(KEY, reason, "2 of 2"), 1.0)
    assert lines(logged, level="warning") == [
        ("attempt failed", "VotesMissing"),
        ("attempt failed", "RecordFailed"),
    ]
    assert lines(logged, level="info") == [("placed", "")]


@pytest.mark.parametrize(("status", "gives_up"), [(Status.UNRESOLVABLE, True), (Status.UNSCHEDULABLE, False)])
async def test_gang_whose_time_is_over_is_logged(world: World, status: Status, gives_up: bool) -> None:
    with capture_logs() as lines:
        world.chronicle.instructed(Publish(KEY, Report(status, Reason.TIMEOUT, "Too long.")), 0.0)
    (line,) = [each for each in lines if each["event"] == "timed out"]
    assert (line["group"], line["gives_up"], line["log_level"]) == ("team/g", gives_up, "warning")


def in_part(world: World) -> float | None:
    world.chronicle.show_waiting()
    return world.value("partial_groups", queue="default")


async def test_gang_stands_in_part_from_its_first_binding_to_the_one_that_makes_it_whole(
    world: World,
) -> None:
    group, pods = gang("g", 3, min_count=2)
    world.exist(group, pods)
    world.send(*pods)
    shown = [in_part(world)]
    for at, pod in enumerate(pods):
        world.acknowledge(pod, at=float(at))
        shown.append(in_part(world))
    assert shown == [0, 1, 0, 0]


async def test_gang_that_lost_a_member_stands_in_part_until_it_is_whole_or_gone(world: World) -> None:
    group, pods = gang("g", 2)
    both = tuple(replace(pod, node=NODE, phase=PodPhase.RUNNING) for pod in pods)
    world.exist(group, both)
    assert in_part(world) == 0
    world.cache.drop_pod(both[1].key, both[1].uid)
    world.look()
    assert in_part(world) == 1
    world.exist(group, both)
    assert in_part(world) == 0
    world.exist(group, (both[0], replace(both[1], phase=PodPhase.FAILED)))
    assert in_part(world) == 1
    world.exist(group, (replace(both[0], phase=PodPhase.SUCCEEDED),))
    assert in_part(world) == 0, "everybody has ended"


async def test_replica_that_leads_no_more_shows_no_gangs_in_part(world: World) -> None:
    group, pods = gang("g", 2)
    world.exist(group, (replace(pods[0], node=NODE), pods[1]))
    assert in_part(world) == 1
    world.chronicle.leading(None)
    assert in_part(world) == 0


async def test_event_of_a_whole_gang_is_of_the_members_beyond_it_that_wait(world: World) -> None:
    group, pods = gang("g", 1)
    world.exist(group, pods)
    whole = Report(Status.SUCCESS, Reason.SCHEDULED, "1 members are bound.")
    beyond = Report(Status.UNSCHEDULABLE, Reason.ABOVE_MAX_COUNT, "maxCount is 1.")
    world.chronicle.instructed(Publish(KEY, whole), 0.0)
    world.chronicle.instructed(Publish(KEY, whole, (), beyond), 0.0)
    queued = [world.recorder._queue.get_nowait() for _ in range(2)]
    told = [(each.reason, each.warning) for each in queued]
    assert told == [(Reason.SCHEDULED, False), (Reason.ABOVE_MAX_COUNT, True)]
