"""
The commit record, ``status.attempt``, both ways.

Its field names are a contract among versions of Tutti, the CRD and observers. The members stand in one list, in rank order, under short
names, because a gang may have 10,000 of them and an object only about 1.5 MB.
Source: the commit protocol, "What the leader writes".
"""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from scheduler.model.ids import AttemptId, NodeName, PodUid
from scheduler.model.podgroups import RECORD_VERSION, Attempt, AttemptPhase, RecordedMember
from scheduler.objects.decoding import decoder
from scheduler.objects.errors import BadObject

MAX_MEMBERS: Final = 10_000
LATEST_S: Final = 253_402_300_799.0  # the end of the year 9999, where the format ends

Count = Annotated[int, Meta(ge=0, le=2**53)]
Text = Annotated[str, Meta(max_length=1024)]
Name = Annotated[str, Meta(min_length=1, max_length=253)]


class _Member(Struct):
    name: Name
    uid: Name
    node: Name
    rank: Count | None = None  # None: its place in the list


class _Record(Struct, rename="camel"):
    id: Name
    epoch: Count
    generation: Count
    min_count: Count
    phase: AttemptPhase
    members: Annotated[list[_Member], Meta(max_length=MAX_MEMBERS)]
    version: Count = RECORD_VERSION
    plan_rev: Count = 1
    repair_spent_seconds: Annotated[float, Meta(ge=0)] = 0.0
    deadline: datetime | None = None
    reason: Text | None = None


class _Versioned(Struct):
    version: Count = RECORD_VERSION


_version_of = decoder(_Versioned, "status.attempt")
_record_of = decoder(_Record, "status.attempt")


def attempt_status(attempt: Attempt) -> dict[str, object]:
    """Return the record as JSON. `deadline` and `reason` are left out when they say nothing."""
    status: dict[str, object] = {
        "version": attempt.version,
        "id": attempt.id,
        "epoch": attempt.epoch,
        "generation": attempt.generation,
        "minCount": attempt.min_count,
        "phase": str(attempt.phase),
        "planRev": attempt.plan_rev,
        "repairSpentSeconds": attempt.repair_spent_s,
        "members": [
            {"name": member.name, "uid": member.uid, "node": member.node, "rank": member.rank}
            for member in attempt.members
        ],
    }
    if attempt.deadline_s is not None:
        status["deadline"] = _timestamp(attempt.deadline_s)
    if attempt.reason:
        status["reason"] = attempt.reason[:1024]
    return status


def attempt_from(raw: bytes | msgspec.Raw) -> Attempt:
    """Return the record as a value. Raises: BadObject, also for a record that a newer version has written."""
    version = _version_of(raw).version
    if version > RECORD_VERSION:
        raise BadObject(
            f"status.attempt was written by a newer Tutti (record version {version}; this one knows {RECORD_VERSION}): "
            "run that version, or wait until it has finished the attempt."
        )
    record = _record_of(raw)
    return Attempt(
        id=AttemptId(record.id),
        epoch=record.epoch,
        generation=record.generation,
        min_count=record.min_count,
        phase=record.phase,
        members=tuple(
            RecordedMember(
                name=member.name,
                uid=PodUid(member.uid),
                node=NodeName(member.node),
                rank=place if member.rank is None else member.rank,
            )
            for place, member in enumerate(record.members)
        ),
        plan_rev=record.plan_rev,
        repair_spent_s=record.repair_spent_seconds,
        deadline_s=record.deadline.timestamp() if record.deadline is not None else None,
        reason=record.reason or "",
        version=version,
    )


def _timestamp(seconds: float) -> str:
    moment = datetime.fromtimestamp(max(0.0, min(LATEST_S, seconds)), UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
