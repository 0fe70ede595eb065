"""Names start with tutti_, label sets stay small, and nothing carries a creation time."""

from scheduler.engine.extension_points import Reporter
from scheduler.model.ids import GroupKey, QueueName
from scheduler.model.plan import Admit, Hold
from scheduler.model.reasons import Reason
from scheduler.model.status import Status
from scheduler.telemetry.gpus import GpuUse
from scheduler.telemetry.metrics import MAX_QUEUES, Metrics


def lines(metrics: Metrics) -> list[str]:
    return [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]


def test_every_series_is_ours_and_none_tells_when_it_was_created() -> None:
    metrics = Metrics()
    metrics.attempt_ended("committed")
    metrics.gang_started(QueueName("default"), 1.0)
    shown = lines(metrics)
    assert shown
    assert all(line.startswith("tutti_") for line in shown)
    assert not any("_created" in line for line in shown)


def test_what_waits_is_replaced_not_added_up() -> None:
    metrics = Metrics()
    queue, reason = QueueName("default"), Reason.GANG_INCOMPLETE
    metrics.pending([(queue, reason, 64), (queue, reason, 8)])
    assert 'tutti_pending_groups{queue="default",reason="GangIncomplete"} 2.0' in lines(metrics)
    assert 'tutti_pending_gpus{queue="default",reason="GangIncomplete"} 72.0' in lines(metrics)
    metrics.pending([])
    assert not any("GangIncomplete" in line for line in lines(metrics))


def test_gangs_in_part_are_counted_by_queue_and_go_back_to_zero() -> None:
    metrics = Metrics()
    assert not any(line.startswith("tutti_partial_groups") for line in lines(metrics)), "nobody has counted"
    metrics.partial([])
    assert 'tutti_partial_groups{queue="default"} 0.0' in lines(metrics)
    metrics.partial([QueueName("a"), QueueName("a")])
    assert {'tutti_partial_groups{queue="a"} 2.0', 'tutti_partial_groups{queue="default"} 0.0'} <= set(
        lines(metrics)
    )
    metrics.partial([])
    assert 'tutti_partial_groups{queue="a"} 0.0' in lines(metrics)


def test_users_cannot_make_more_series_than_there_is_room_for() -> None:
    metrics = Metrics()
    metrics.pending((QueueName(f"q{number}"), Reason.NO_DOMAIN_FITS, 2) for number in range(10 * MAX_QUEUES))
    series = [line for line in lines(metrics) if line.startswith("tutti_pending_groups{")]
    assert len(series) == MAX_QUEUES + 1
    assert f'tutti_pending_groups{{queue="other",reason="NoDomainFits"}} {9.0 * MAX_QUEUES}' in series
    assert f'tutti_pending_gpus{{queue="other",reason="NoDomainFits"}} {18.0 * MAX_QUEUES}' in lines(metrics)


def test_gpus_are_shown_in_pieces_and_as_shares() -> None:
    metrics = Metrics()
    metrics.gpus(GpuUse(allocatable=24, allocated=14, in_pieces=2))
    assert {
        "tutti_gpus_allocatable 24.0",
        "tutti_gpus_allocated 14.0",
        f"tutti_gpu_allocation_ratio {14 / 24}",
        "tutti_gpu_fragmentation_ratio 0.2",
    } <= set(lines(metrics))


def test_what_was_never_measured_is_not_shown_as_zero_seconds() -> None:
    shown = lines(Metrics())
    for name in ("watch_lag", "loop_delay", "gang_window", "bind_span", "decision"):
        assert f"tutti_{name}_seconds_count 0.0" in shown
        assert not any(line.startswith(f"tutti_{name}_seconds ") for line in shown)
    assert not any("gpu" in line for line in shown), (
        "an operator counts none, and must not show that there are none"
    )


def test_requests_are_counted_by_verb_and_code() -> None:
    metrics = Metrics()
    metrics.request_answered("POST", 201)
    metrics.request_answered("POST", 0)
    assert 'tutti_api_requests_total{code="201",verb="POST"} 1.0' in lines(metrics)
    assert 'tutti_api_requests_total{code="0",verb="POST"} 1.0' in lines(metrics)


def test_leading_shows_the_epoch_and_keeps_the_last_one() -> None:
    metrics = Metrics()
    metrics.leading(7)
    assert {"tutti_leader 1.0", "tutti_leader_epoch 7.0"} <= set(lines(metrics))
    metrics.leading(None)
    assert {"tutti_leader 0.0", "tutti_leader_epoch 7.0"} <= set(lines(metrics))


def test_two_schedulers_in_one_process_do_not_share_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.attempt_ended("committed")
    assert not any('result="committed"' in line for line in lines(other))


def test_a_cycle_reports_what_it_planned_and_why_it_held() -> None:
    metrics = Metrics()
    reporter: Reporter = metrics
    reporter.group_planned(Admit(GroupKey("a", "g"), 1, 1, ()))
    reporter.group_held(Hold(GroupKey("a", "h"), Status.WAIT, Reason.GANG_INCOMPLETE, "3 of 4"))
    assert {"tutti_groups_planned_total 1.0", 'tutti_groups_held_total{reason="GangIncomplete"} 1.0'} <= set(
        lines(metrics)
    )
