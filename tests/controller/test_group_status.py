"""What a PodGroup's status says of its members, its spec and its way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.controller import views
from scheduler.model.podgroups import AttemptPhase, PodGroup
from scheduler.model.pods import Pod, PodPhase
from tests.controller.building import GROUP, ended, pod, running, with_attempt


def phase(group: PodGroup, *pods: Pod) -> str:
    fields, _ = views.group_status(group, pods, ())
    return str(fields["phase"])


def conditions(group: PodGroup, *pods: Pod, ignored: tuple[str, ...] = ()) -> dict[str, views.Condition]:
    _, said = views.group_status(group, pods, ignored)
    return {each.type: each for each in said}


def test_every_member_is_counted_in_its_state() -> None:
    fields, _ = views.group_status(
        GROUP, [pod(0), pod(1, on="n1"), running(2), ended(3), ended(4, well=False)], ()
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


def test_gated_members_are_counted_as_gated() -> None:
    fields, _ = views.group_status(GROUP, [pod(0, is_gated=True), pod(1, is_gated=True), pod(2)], ())
    assert fields["members"]["gated"] == 2
    assert fields["members"]["bound"] == 0


def test_member_being_deleted_is_counted_where_it_is() -> None:
    fields, _ = views.group_status(GROUP, [running(0, is_deleting=True)], ())
    assert fields["members"]["running"] == 1


def test_status_is_of_the_generation_it_was_made_from() -> None:
    fields, _ = views.group_status(GROUP, [], ())
    assert fields["observedGeneration"] == 3


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], "Pending"),
        ([pod(0)], "Pending"),
        ([pod(0), pod(1, is_gated=True)], "Pending"),
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


def test_gang_whose_bindings_are_on_the_way_is_binding() -> None:
    assert phase(with_attempt(AttemptPhase.COMMITTING), pod(0), pod(1)) == "Binding"


def test_group_with_a_refused_spec_is_not_queued() -> None:
    assert phase(replace(GROUP, refusal="spec.minCount is missing."), pod(0), pod(1)) == "Pending"


def test_accepted_spec_says_so() -> None:
    said = conditions(GROUP)["Accepted"]
    assert (said.holds, said.reason) == (True, "Accepted")


def test_refused_spec_is_not_accepted_and_says_why() -> None:
    said = conditions(replace(GROUP, refusal="spec.roles names a role twice."))["Accepted"]
    assert (said.holds, said.reason, said.message) == (False, "InvalidSpec", "spec.roles names a role twice.")


def test_missing_priority_class_is_its_own_reason() -> None:
    said = conditions(replace(GROUP, refusal="PriorityClass gold does not exist."))["Accepted"]
    assert (said.holds, said.reason) == (False, "PriorityClassNotFound")


def test_fields_that_are_not_acted_upon_are_named_with_their_path() -> None:
    said = conditions(GROUP, ignored=("spares", "topology.profile"))["Accepted"]
    assert (said.holds, said.reason) == (True, "AcceptedNotActedUpon")
    assert "spec.spares" in said.message
    assert "spec.topology.profile" in said.message


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
    assert "1 members" in said.message
    assert "needs 2" in said.message
    assert not conditions(GROUP, running(0), running(1))["Degraded"].holds


def test_operator_says_nothing_of_what_is_the_schedulers() -> None:
    fields, said = views.group_status(with_attempt(AttemptPhase.COMMITTED), [running(0), running(1)], ())
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


@given(members, st.integers(1, 6))
def test_no_members_whatsoever_make_a_status_that_contradicts_itself(pods: list[Pod], need: int) -> None:
    group = replace(GROUP, min_count=need)
    fields, said = views.group_status(group, pods, ())
    counts, word = fields["members"], fields["phase"]
    by_type = {each.type: each.holds for each in said}
    if word == "Running":
        assert counts["running"] + counts["succeeded"] >= need
    if by_type["Ready"]:
        assert word == "Running"
    assert by_type["Degraded"] == (word == "Degraded")
    assert not (by_type["Ready"] and by_type["Degraded"])
    assert counts["bound"] + counts["succeeded"] + counts["failed"] <= counts["total"]
