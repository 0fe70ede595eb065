"""The commit record survives the way to the API server and back; one that cannot be read stops its group."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.dialects import own
from scheduler.model.ids import AttemptId, NodeName, PodUid
from scheduler.model.podgroups import Attempt, AttemptPhase, PodGroup, RecordedMember


def group_with(status: Any) -> PodGroup:
    metadata = {"name": "g", "namespace": "n", "uid": "u"}
    obj = {"metadata": metadata, "spec": {"minCount": 1}, "status": status}
    return own.OWN.parse(msgspec.json.encode(obj))


NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=20)
MEMBERS = st.builds(
    RecordedMember, NAMES, NAMES.map(PodUid), NAMES.map(NodeName), st.integers(min_value=0, max_value=9_999)
)
MILLISECONDS = st.integers(min_value=0, max_value=4_000_000_000_000)
ATTEMPTS = st.builds(
    Attempt,
    id=NAMES.map(AttemptId),
    epoch=st.integers(0, 2**50),
    generation=st.integers(0, 2**40),
    min_count=st.integers(0, 10_000),
    phase=st.sampled_from(AttemptPhase),
    members=st.lists(MEMBERS, max_size=8).map(tuple),
    plan_rev=st.integers(0, 1000),
    repair_spent_s=MILLISECONDS.map(lambda ms: ms / 1000),
    deadline_s=st.none() | MILLISECONDS.map(lambda ms: ms / 1000),
    reason=st.text(max_size=50),
)


@given(ATTEMPTS)
def test_record_survives_the_round_trip(attempt: Attempt) -> None:
    read = group_with({"attempt": own.OWN.attempt_status(attempt)})
    assert read.refusal == ""
    assert read.attempt == attempt


def test_field_names_of_the_record_do_not_move() -> None:
    attempt = Attempt(
        id=AttemptId("a-1"),
        epoch=7,
        generation=2,
        min_count=1,
        phase=AttemptPhase.COMMITTING,
        members=(RecordedMember("p-0", PodUid("u-0"), NodeName("node-3"), 0),),
        plan_rev=2,
        repair_spent_s=1.5,
        deadline_s=1_795_514_400.25,
        reason="NodeChanged",
    )
    assert own.OWN.attempt_status(attempt) == {
        "version": 1,
        "id": "a-1",
        "epoch": 7,
        "generation": 2,
        "minCount": 1,
        "phase": "Committing",
        "planRev": 2,
        "members": [{"name": "p-0", "uid": "u-0", "node": "node-3", "rank": 0}],
        "repairSpentSeconds": 1.5,
        "deadline": "2026-11-24T10:00:00.250000Z",
        "reason": "NodeChanged",
    }


def test_record_of_the_largest_gang_fits_into_an_object() -> None:
    members = tuple(
        RecordedMember(
            f"pretraining-worker-{n:05d}-x7k2p",
            PodUid(f"3df1ac2c-6b1e-4f0a-9c9c-{n:012d}"),
            NodeName(f"gpu-node-{n:05d}"),
            n,
        )
        for n in range(10_000)
    )
    attempt = Attempt(AttemptId("a"), 1, 1, 10_000, AttemptPhase.PREPARED, members)
    assert len(msgspec.json.encode(own.OWN.attempt_status(attempt))) < 1_450_000


@pytest.mark.parametrize("status", [{}, {"attempt": None}, {"phase": "Pending"}])
def test_group_without_a_record_has_no_attempt(status: Any) -> None:
    read = group_with(status)
    assert (read.attempt, read.refusal) == (None, "")


def test_member_without_a_rank_has_that_of_its_place() -> None:
    members = [{"name": f"p-{n}", "uid": f"u-{n}", "node": "node-0"} for n in range(3)]
    attempt = group_with({"attempt": GOOD | {"members": members}}).attempt
    assert attempt is not None
    assert [member.rank for member in attempt.members] == [0, 1, 2]


GOOD = {"id": "a", "epoch": 1, "generation": 1, "minCount": 1, "phase": "Committed", "members": []}


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        ({"version": 2}, "newer Tutti (record version 2; this one knows 1)"),
        ({"version": 2, "phase": "Dreaming"}, "newer Tutti"),
        ({}, "status.attempt: object missing required field"),
        (GOOD | {"phase": "Dreaming"}, "status.attempt.phase: invalid enum value"),
        (GOOD | {"members": [{"name": "p"}]}, "status.attempt.members[0]: object missing required field"),
        (GOOD | {"epoch": -1}, "status.attempt.epoch: expected `int` >= 0"),
        (GOOD | {"deadline": "soon"}, "status.attempt.deadline"),
        ([1], "status.attempt: expected `object`"),
    ],
)
def test_record_that_cannot_be_read_refuses_its_group(attempt: Any, words: str) -> None:
    read = group_with({"attempt": attempt})
    assert words in read.refusal
    assert read.attempt is None
