"""What a watch saw, turned into measures; expected values from hand."""

import pytest

from scheduler.cli.demo.timeline import Sighting, measures, occupied, sighting_of


def seen(
    at: float,
    pod: str,
    node: str | None = None,
    phase: str = "Pending",
    *,
    gang: str = "alpha",
    is_gone: bool = False,
) -> Sighting:
    return Sighting(at, pod, gang, node, phase, is_gone)


def test_a_gang_that_starts_whole_has_a_gap_a_span_and_is_not_partial():
    events = [seen(1.0, "a-0"), seen(1.5, "a-1"), seen(2.0, "a-0", "n1"), seen(2.25, "a-1", "n2")]
    found = measures(events, "alpha", 2, until=100.0)
    assert (found.created, found.bound, found.is_whole) == (2, 2, True)
    assert found.create_to_bind_s == pytest.approx(0.5)
    assert found.bind_span_s == pytest.approx(0.25)
    assert found.half_bound_s == pytest.approx(0.25)
    assert found.nodes == ("n1", "n2")
    assert not found.is_partial


def test_a_half_started_gang_counts_as_partial_once_it_stands_longer_than_binding_takes():
    events = [seen(1.0, "a-0"), seen(1.0, "a-1"), seen(2.0, "a-0", "n1")]
    assert not measures(events, "alpha", 2, until=6.9).is_partial
    assert measures(events, "alpha", 2, until=7.1).is_partial


def test_a_gang_that_was_half_bound_for_long_stays_partial_when_it_is_whole_in_the_end():
    events = [seen(0.0, "a-0"), seen(0.0, "a-1"), seen(1.0, "a-0", "n1"), seen(11.0, "a-1", "n2")]
    found = measures(events, "alpha", 2, until=20.0)
    assert found.is_whole
    assert found.is_partial


def test_a_gang_of_which_nobody_is_bound_has_no_times_and_is_not_partial():
    found = measures([seen(0.0, "a-0"), seen(0.0, "a-1")], "alpha", 2, until=100.0)
    assert (found.bound, found.create_to_bind_s, found.bind_span_s, found.half_bound_s) == (
        0,
        None,
        None,
        0.0,
    )
    assert not found.is_partial


def test_members_that_have_ended_still_had_their_start():
    events = [
        seen(0.0, "a-0"),
        seen(1.0, "a-0", "n1"),
        seen(2.0, "a-0", "n1", "Succeeded"),
        seen(3.0, "a-0", "n1", "Succeeded", is_gone=True),
    ]
    found = measures(events, "alpha", 1, until=10.0)
    assert (found.bound, found.running, found.ended) == (1, 0, 1)


def test_a_bind_before_the_last_create_gives_a_negative_gap():
    events = [seen(0.0, "a-0"), seen(1.0, "a-0", "n1"), seen(3.0, "a-1")]
    assert measures(events, "alpha", 2, until=4.0).create_to_bind_s == pytest.approx(-2.0)


def test_other_gangs_and_later_events_do_not_count():
    events = [seen(0.0, "a-0"), seen(1.0, "b-0", "n1", gang="beta"), seen(9.0, "a-0", "n2")]
    assert measures(events, "alpha", 1, until=5.0).bound == 0


def test_the_map_holds_nodes_of_pods_that_run_or_start():
    events = [
        seen(0.0, "a-0", "n1", "Running"),
        seen(0.0, "a-1", "n2", "Running"),
        seen(1.0, "a-1", "n2", "Succeeded"),
        seen(1.0, "b-0", "n3", gang="beta"),
        seen(1.0, "b-1", gang="beta"),
        seen(2.0, "b-2", "n4", gang="beta"),
        seen(3.0, "b-2", "n4", gang="beta", is_gone=True),
    ]
    assert occupied(events) == {"n1": "alpha", "n3": "beta"}


def test_an_event_of_a_pod_without_our_label_or_a_bookmark_is_nothing():
    pod = {"metadata": {"name": "x", "labels": {"app": "web"}}, "spec": {}, "status": {}}
    assert sighting_of({"type": "ADDED", "object": pod}, 1.0) is None
    assert sighting_of({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}, 1.0) is None


def test_an_event_of_a_worker_says_where_it_is():
    pod = {
        "metadata": {"name": "alpha-3", "labels": {"demo.tutti.dev/gang": "alpha"}},
        "spec": {"nodeName": "node-0001"},
        "status": {"phase": "Running"},
    }
    assert sighting_of({"type": "MODIFIED", "object": pod}, 2.0) == Sighting(
        2.0, "alpha-3", "alpha", "node-0001", "Running"
    )
