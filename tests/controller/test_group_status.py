"""What a PodGroup's status says of its members, its spec and its way."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.controller import group_views
from scheduler.controller.conditions import Condition
from scheduler.controller.group_views import Surroundings
from scheduler.controller.topology_views import Levels
from scheduler.model.ids import QueueName
from scheduler.model.podgroups import AttemptPhase, PodGroup, TopologyConstraint
from scheduler.model.pods import Pod, PodPhase
from scheduler.model.reasons import Reason
from tests.controller.building import GROUP, ended, pod, running, with_attempt

HERE = Surroundings(
    Levels(("block", "rack", "host"), frozenset({"x/block", "x/rack", "kubernetes.io/hostname"})),
    frozenset({QueueName("team-a")}),
)


NOW = 1_800_000_000.0


def phase(group: PodGroup, *pods: Pod, has_timed_out: bool = False, now: float = NOW) -> str:
    fields, _ = group_views.group_status(group, pods, HERE, now=now, has_timed_out=has_timed_out)
    return str(fields["phase"])


def conditions(
    group: PodGroup,
    *pods: Pod,
    ignored: tuple[str, ...] = (),
    has_timed_out: bool = False,
    now: float = NOW,
) -> dict[str, Condition]:
    _, said = group_views.group_status(
        group, pods, HERE, now=now, ignored=ignored, has_timed_out=has_timed_out
    )
    return {each.type: each for each in said}


def test_every_member_is_counted_in_its_state() -> None:
    fields, _ = group_views.group_status(
        GROUP, [pod(0), pod(1, on="n1"), running(2), ended(3), ended(4, well=False)], HERE, now=NOW
    )
    assert fields["members"] == {
        "total": 5,
        "gated": 0,
        "pending": 1,
        "bound": 2,
        "running": 1,
        "succeeded": 1,
        "failed": 1,
    }


def test_gated_members_are_counted_as_gated_and_not_as_pending() -> None:
    fields, _ = group_views.group_status(
        GROUP, [pod(0, is_gated=True), pod(1, is_gated=True), pod(2)], HERE, now=NOW
    )
    assert (fields["members"]["gated"], fields["members"]["pending"]) == (2, 1)
    assert fields["members"]["bound"] == 0


def test_member_being_deleted_is_counted_where_it_is() -> None:
    fields, _ = group_views.group_status(GROUP, [running(0, is_deleting=True)], HERE, now=NOW)
    assert fields["members"]["running"] == 1


def test_status_is_of_the_generation_it_was_made_from() -> None:
    fields, _ = group_views.group_status(GROUP, [], HERE, now=NOW)
    assert fields["observedGeneration"] == 3


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], "Pending"),
        ([pod(0)], "Pending"),
        ([pod(0), pod(1, is_gated=True)], "Pending"),
        ([pod(0, is_gated=True), pod(1, is_gated=True)], "Pending"),
        ([pod(0), pod(1)], "Queued"),
        ([pod(0, on="n0"), pod(1)], "Degraded"),
        ([pod(0, on="n0"), pod(1, on="n1")], "Binding"),
        ([running(0), pod(1, on="n1")], "Binding"),
        ([running(0), running(1)], "Running"),
        ([running(0), running(1), pod(2)], "Running"),
        ([running(0), ended(1)], "Running"),
        ([running(0), ended(1, well=False)], "Degraded"),
        ([ended(0), ended(1)], "Succeeded"),
        ([ended(0), ended(1), ended(2, well=False)], "Succeeded"),
        ([ended(0), ended(1, well=False)], "Failed"),
    ],
)
def test_phase_of_a_gang_of_two(pods: list[Pod], expected: str) -> None:
    assert phase(GROUP, *pods) == expected


def begun(since_s: float, *, patience_s: float = 60.0, **more: Any) -> PodGroup:
    """A gang whose attempt was recorded so long before `NOW`, and may take so long to be repaired."""
    group = replace(GROUP, repair_timeout_s=patience_s)
    return with_attempt(AttemptPhase.COMMITTING, group=group, deadline_s=NOW - since_s + patience_s, **more)


HALF = (running(0), pod(1))


def test_gang_whose_bindings_are_on_the_way_is_binding() -> None:
    assert phase(begun(0.5), pod(0), pod(1)) == "Binding"
    assert phase(begun(0.5), *HALF) == "Binding"


def test_gang_that_is_being_bound_is_not_told_to_stand_whole() -> None:
    said = conditions(begun(0.5), *HALF)["Degraded"]
    assert (said.holds, said.reason) == (False, "Placed")
    assert "1 of the 2 members" in said.message
    assert "whole" not in said.message


def test_gang_that_stands_in_part_after_the_records_deadline_is_degraded_whoever_still_lives() -> None:
    left = begun(3.1, patience_s=3.0)
    assert phase(left, *HALF) == "Degraded"
    said = conditions(left, *HALF)["Degraded"]
    assert (said.holds, said.reason) == (True, "BelowMinCount")
    assert "2027-01-15T07:59:59Z" in said.message
    assert "whether the scheduler runs" in said.message


def test_gang_that_stands_in_part_for_longer_than_binding_takes_is_degraded_before_a_distant_deadline() -> (
    None
):
    assert phase(begun(9.0, patience_s=3600.0), *HALF) == "Binding"
    stuck = begun(11.0, patience_s=3600.0)
    assert phase(stuck, *HALF) == "Degraded"
    assert "is given up at 2027-01-15T08:59:49Z" in conditions(stuck, *HALF)["Degraded"].message


def test_repair_time_of_nothing_does_not_make_every_binding_a_degraded_gang() -> None:
    assert phase(begun(0.5, patience_s=0.0), *HALF) == "Binding"


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(with_attempt(AttemptPhase.COMMITTING), id="no-deadline-promises-nothing"),
        pytest.param(begun(0.5, repair_spent_s=1.5), id="repair-time-was-spent"),
        pytest.param(with_attempt(AttemptPhase.ABORTING, deadline_s=NOW + 60), id="being-taken-down"),
    ],
)
def test_record_that_does_not_speak_of_a_binding_under_way_leaves_the_gang_degraded(group: PodGroup) -> None:
    assert phase(group, *HALF) == "Degraded"


def test_overdue_attempt_that_bound_nobody_leaves_the_gang_queued() -> None:
    assert phase(begun(3600.0), pod(0), pod(1)) == "Queued"


def test_status_of_an_open_attempt_is_looked_at_when_time_changes_it() -> None:
    left = begun(0.0, patience_s=60.0)
    late = group_views.next_look(left, now=NOW)
    assert late is not None
    assert (phase(left, *HALF, now=late - 0.001), phase(left, *HALF, now=late)) == ("Binding", "Degraded")
    assert group_views.next_look(left, now=late) == NOW + 60.0
    assert group_views.next_look(left, now=NOW + 60.0) is None
    assert group_views.next_look(with_attempt(AttemptPhase.COMMITTED, deadline_s=NOW + 60), now=NOW) is None


def test_group_with_a_refused_spec_is_not_queued() -> None:
    assert phase(replace(GROUP, refusal="spec.minCount is missing."), pod(0), pod(1)) == "Pending"


def test_accepted_spec_says_so() -> None:
    said = conditions(GROUP)["Accepted"]
    assert (said.holds, said.reason) == (True, "Accepted")


def test_refused_spec_is_not_accepted_and_says_why() -> None:
    said = conditions(replace(GROUP, refusal="spec.roles names a role twice."))["Accepted"]
    assert (said.holds, said.reason, said.message) == (False, "InvalidSpec", "spec.roles names a role twice.")


def test_missing_priority_class_is_its_own_reason() -> None:
    said = conditions(
        replace(
            GROUP,
            refusal="PriorityClass gold does not exist.",
            refusal_reason=Reason.PRIORITY_CLASS_NOT_FOUND,
        )
    )["Accepted"]
    assert (said.holds, said.reason) == (False, "PriorityClassNotFound")


def test_fields_that_are_not_acted_upon_are_named_with_their_path() -> None:
    said = conditions(GROUP, ignored=("spares", "topology.profile"))["Accepted"]
    assert (said.holds, said.reason) == (True, "AcceptedNotActedUpon")
    assert "spec.spares" in said.message
    assert "spec.topology.profile" in said.message


TIMED_OUT = replace(GROUP, schedule_timeout_s=30.0, fail_on_timeout=True)


def test_gang_that_gave_up_has_failed_and_says_what_to_do() -> None:
    assert phase(TIMED_OUT, pod(0), pod(1), has_timed_out=True) == "Failed"
    said = conditions(TIMED_OUT, pod(0), pod(1), has_timed_out=True)["Ready"]
    assert (said.holds, said.reason) == (False, "Timeout")
    assert "spec.onTimeout" in said.message


def test_gang_that_gave_up_before_it_was_complete_has_failed_too() -> None:
    assert phase(TIMED_OUT, pod(0), has_timed_out=True) == "Failed"


def test_gang_that_timed_out_and_keeps_its_place_is_still_queued() -> None:
    waits = replace(TIMED_OUT, fail_on_timeout=False)
    assert phase(waits, pod(0), pod(1), has_timed_out=True) == "Queued"
    assert conditions(waits, pod(0), pod(1), has_timed_out=True)["Ready"].reason == "BelowMinCount"


def test_gang_that_holds_nodes_has_not_given_up_whatever_was_said_before() -> None:
    assert phase(TIMED_OUT, running(0), running(1), has_timed_out=True) == "Running"
    assert phase(TIMED_OUT, ended(0), ended(1), has_timed_out=True) == "Succeeded"
    assert phase(TIMED_OUT, running(0), pod(1), has_timed_out=True) == "Degraded"


def test_group_of_a_queue_that_does_not_exist_is_accepted_and_told_that_it_is_scheduled_without() -> None:
    said = conditions(replace(GROUP, queue=QueueName("team-b")), ignored=("queue", "spares"))["Accepted"]
    assert (said.holds, said.reason) == (True, "QueueNotFound")
    assert "Queue team-b does not exist" in said.message
    assert "scheduled without it" in said.message
    assert "spec.spares" in said.message


def test_group_of_a_queue_that_exists_hears_nothing_of_it() -> None:
    assert conditions(replace(GROUP, queue=QueueName("team-a")))["Accepted"].reason == "Accepted"


@pytest.mark.parametrize("level", ["rack", "x/rack", "host", "cluster", "kubernetes.io/hostname"])
def test_level_that_nodes_carry_can_be_named_by_name_or_label(level: str) -> None:
    for constraint in (TopologyConstraint(required=level), TopologyConstraint(preferred=level)):
        assert conditions(replace(GROUP, topology=constraint))["Accepted"].reason == "Accepted"


def test_required_level_that_no_node_carries_is_not_accepted_and_the_known_ones_are_named() -> None:
    said = conditions(replace(GROUP, topology=TopologyConstraint(required="rakc")))["Accepted"]
    assert (said.holds, said.reason) == (False, "TopologyLevelNotFound")
    assert "'rakc' of spec.topology.required" in said.message
    assert "block, rack, host" in said.message


def test_preferred_level_that_no_node_carries_is_accepted_and_told_that_it_is_left_out() -> None:
    said = conditions(replace(GROUP, topology=TopologyConstraint(required="rack", preferred="nvl")))[
        "Accepted"
    ]
    assert (said.holds, said.reason) == (True, "TopologyLevelNotFound")
    assert "'nvl' of spec.topology.preferred" in said.message
    assert "placed without it" in said.message


def test_what_keeps_the_group_waiting_is_said_first() -> None:
    wanted = replace(
        GROUP, queue=QueueName("team-b"), topology=TopologyConstraint(required="rakc", preferred="nvl")
    )
    said = conditions(wanted, ignored=("queue",))["Accepted"]
    assert (said.holds, said.reason) == (False, "TopologyLevelNotFound")
    assert [word for word in ("rakc", "team-b", "nvl", "spec.queue") if word not in said.message] == []


def test_gang_is_ready_only_when_enough_members_run() -> None:
    assert conditions(GROUP, running(0), running(1))["Ready"].holds
    waiting = conditions(GROUP, running(0), pod(1, on="n1"))["Ready"]
    assert (waiting.holds, waiting.reason) == (False, "BelowMinCount")
    over = conditions(GROUP, ended(0), ended(1))["Ready"]
    assert (over.holds, over.reason) == (False, "Completed")
    failed = conditions(GROUP, ended(0), ended(1, well=False))["Ready"]
    assert (failed.holds, failed.reason) == (False, "Failed")


def test_gang_that_stands_in_part_is_degraded_and_says_how_many() -> None:
    said = conditions(GROUP, running(0))["Degraded"]
    assert said.holds
    assert "1 of the 2 members" in said.message
    assert not conditions(GROUP, running(0), running(1))["Degraded"].holds


def test_operator_says_nothing_of_what_is_the_schedulers() -> None:
    fields, said = group_views.group_status(
        with_attempt(AttemptPhase.COMMITTED), [running(0), running(1)], HERE, now=NOW
    )
    assert set(fields) == {"phase", "observedGeneration", "members"}
    assert {each.type for each in said} == {"Accepted", "Ready", "Degraded"}


members = st.lists(
    st.builds(
        lambda number, bound, where, gated, going: pod(
            number,
            on="n" if bound or where != "Pending" else None,
            phase=PodPhase(where),
            is_gated=gated and not bound,
            is_deleting=going,
        ),
        st.integers(0, 50),
        st.booleans(),
        st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


@given(members, st.integers(1, 6), st.sampled_from([None, 0.5, 5000.0]))
def test_no_members_whatsoever_make_a_status_that_contradicts_itself(
    pods: list[Pod], need: int, since_s: float | None
) -> None:
    group = replace(GROUP if since_s is None else begun(since_s), min_count=need)
    fields, said = group_views.group_status(group, pods, HERE, now=NOW)
    counts, word = fields["members"], fields["phase"]
    by_type = {each.type: each.holds for each in said}
    if word == "Running":
        assert counts["running"] + counts["succeeded"] >= need
    if by_type["Ready"]:
        assert word == "Running"
    assert by_type["Degraded"] == (word == "Degraded")
    assert not (by_type["Ready"] and by_type["Degraded"])
    if since_s != 0.5 and counts["bound"] > 0 and counts["bound"] + counts["succeeded"] < need:
        assert word == "Degraded"
    assert counts["bound"] + counts["succeeded"] + counts["failed"] <= counts["total"]
