"""
Writes the commit record and why a group waits, to the status of groups and pods.

Theory of operation. The record is ``PodGroup.status.attempt``, replaced whole under compare-and-set on the group's resource version. A
merge patch that names a version is such a compare-and-set, but keeps keys that it does not mention: keys that the new record lacks are
therefore sent as null. The operator writes the same status, so a refusal (409) is often only that; the group is read, and if it is the
same object with the same spec and no later leader's record, the write is repeated on the new version. A write without an answer is read
back until it is known.

Conditions are a list that several writers share, so a patch sends it whole, on the version it was read at. They are written on change
only.

May not: decide what to say, or answer "refused" while the outcome of a record is open.
Next: answers go to the lifecycle as events; the operator keeps the rest of the status.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec

from scheduler.dialects import own
from scheduler.dialects.dialect import Dialect
from scheduler.engine.messages import Publish, Record, Recorded, RecordRefused, Report
from scheduler.kube import errors
from scheduler.kube.pod_conditions import PodConditions
from scheduler.kube.recorder import Recorder
from scheduler.kube.transport import Transport
from scheduler.model.ids import AttemptId, GroupKey, PodKey
from scheduler.model.plan import Placement
from scheduler.model.podgroups import Attempt, AttemptPhase, MemberRef, PodGroup
from scheduler.model.pods import Pod
from scheduler.model.status import Status
from scheduler.objects.errors import BadObject

MAX_CONFLICTS: Final = 3
REACHABLE_WITHIN_S: Final = 60.0  # how long a record that was certainly not sent is tried
PAUSE_FIRST_S: Final = 0.05
PAUSE_MAX_S: Final = 5.0
REMEMBERED: Final = 4096  # arbitrary; a group that was forgotten costs one more read
LATER_FIELDS: Final = ("victims", "claims")  # of the record's schema, not written by this version

_encode = msgspec.json.Encoder().encode


class Facts(Protocol):
    """What the cache knows; saves reads, never replaces a compare-and-set."""

    def declared_group(self, key: GroupKey) -> PodGroup | None: ...
    def pod(self, ref: PodKey) -> Pod | None: ...
    @property
    def node_count(self) -> int: ...


class _NoFacts:
    node_count = 0

    def declared_group(self, key: GroupKey) -> PodGroup | None:
        return None

    def pod(self, ref: PodKey) -> Pod | None:
        return None


class _Meta(msgspec.Struct, rename="camel"):
    uid: str = ""
    resource_version: str = ""
    generation: int = 0


class _Present(msgspec.Struct):
    """Something is there; what it holds does not matter here."""


class _ConditionsOnly(msgspec.Struct):
    conditions: list[dict[str, Any]] | None = None
    attempt: _Present | None = None


class _Held(msgspec.Struct):
    """What must be known of a group's object to write its status."""

    metadata: _Meta
    status: _ConditionsOnly | None = None

    @property
    def conditions(self) -> list[dict[str, Any]]:
        return list((self.status.conditions if self.status is not None else None) or [])

    @property
    def has_attempt(self) -> bool:
        return self.status is not None and self.status.attempt is not None


class _NotWritten(Exception):  # noqa: N818  not a fault: carries why the answer is RecordRefused
    """The record is not in the API server and will not be; the text says why."""


_held = msgspec.json.Decoder(_Held)


class StatusWriter:
    """Writes statuses over one transport. Remembers the last answer per group, so that most writes need no read."""

    def __init__(
        self,
        transport: Transport,
        dialects: Sequence[Dialect] = (own.OWN,),
        facts: Facts | None = None,
        events: Recorder | None = None,
        *,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`events`: where pods that wait are told of in Events; without, they are told in their conditions only."""
        self._transport = transport
        self._dialects = {dialect.name: dialect for dialect in dialects}
        self._facts: Facts = facts or _NoFacts()
        self._wall_clock = wall_clock
        self._last: OrderedDict[GroupKey, _Held] = OrderedDict()
        self._pods = PodConditions(transport, self._facts.pod, wall_clock, events)
        self.problems = 0

    # --- the commit record -----------------------------------------------------------------------------------------------

    async def record(self, order: Record) -> Recorded | RecordRefused:
        """Write the commit record, and the report with it. Ends when the outcome is known."""
        try:
            return await self._write_record(order)
        except _NotWritten as why:
            return RecordRefused(order.key, order.attempt.id, str(why))

    async def _write_record(self, order: Record) -> Recorded:
        dialect = self._dialects.get(order.key.dialect)
        if dialect is None or order.key.is_single_pod:
            raise _NotWritten(f"{order.key} has no object that could carry a commit record")
        held = self._known(order.key, order.resource_version)
        if held is None and order.report is not None:  # the report needs the other writers' conditions
            _, held = await self._look(order, dialect)
        version, conflicts, pauses, in_doubt = order.resource_version, 0, 0, False
        give_up_at = asyncio.get_running_loop().time() + REACHABLE_WITHIN_S
        while True:
            try:
                answer = await self._patch(order.key, version, self._record_status(order, dialect, held))
            except (errors.TooManyRequests, errors.Unavailable) as problem:
                if not in_doubt and asyncio.get_running_loop().time() > give_up_at:
                    raise _NotWritten(problem.message) from problem
                pauses += 1
                await self._pause(pauses, problem.retry_after_s)
                continue
            except errors.OutcomeUnknown:
                in_doubt = True
            except errors.ApiError as problem:
                if not in_doubt and not isinstance(problem, errors.Conflict):
                    raise _NotWritten(problem.message) from problem
            else:
                self._remember(order.key, answer)
                return Recorded(order.key, order.attempt.id, answer.metadata.resource_version)

            present, held = await self._look(order, dialect)
            if _is_applied(order.attempt, present.attempt):
                self._remember(order.key, held)
                return Recorded(order.key, order.attempt.id, held.metadata.resource_version)
            if (
                held.metadata.resource_version == version
            ):  # a copy may still be under way: only the same write is safe
                pauses += 1
                await self._pause(pauses)
                continue
            in_doubt, conflicts, version = False, conflicts + 1, held.metadata.resource_version
            self._check(order, present, conflicts)

    async def _look(self, order: Record, dialect: Dialect) -> tuple[PodGroup, _Held]:
        body = await self._read(order.key)
        if body is None:
            raise _NotWritten(f"{order.key} does not exist any more")
        try:
            present, held = dialect.parse(body), _held.decode(body)
        except (BadObject, msgspec.MsgspecError) as problem:
            raise _NotWritten(f"{order.key} cannot be read: {problem}") from problem
        if (
            present.attempt is None and held.has_attempt
        ):  # a newer version's, or nobody's that we know: not ours to replace
            raise _NotWritten(f"{order.key} carries a record that cannot be read: {present.refusal}")
        return present, held

    def _check(self, order: Record, present: PodGroup, conflicts: int) -> None:
        """Raise when the record must not be written onto the group as it is now."""
        if present.uid != order.group_uid:
            raise _NotWritten(f"{order.key} was replaced by another group of this name")
        is_admission = (
            order.attempt.phase in {AttemptPhase.PREPARED, AttemptPhase.COMMITTING}
            and order.attempt.plan_rev == 1
        )
        if is_admission and present.generation != order.attempt.generation:
            raise _NotWritten(f"the spec of {order.key} changed after the plan was made")
        stored = present.attempt
        if stored is not None and stored.id != order.attempt.id and stored.epoch > order.attempt.epoch:
            raise _NotWritten(f"{order.key} carries the record of a later leader (epoch {stored.epoch})")
        if conflicts > MAX_CONFLICTS:
            raise _NotWritten(f"{order.key} changed {conflicts} times while its record was being written")

    def _record_status(self, order: Record, dialect: Dialect, held: _Held | None) -> dict[str, Any]:
        attempt = dialect.attempt_status(order.attempt)
        absent = {name: None for name in _all_fields(dialect) if name not in attempt}
        status: dict[str, Any] = {"attempt": {**attempt, **absent}}
        if order.placement is not None:
            status["placement"] = _placement(order.placement)
        if order.report is not None and held is not None:
            generation = order.report.generation or order.attempt.generation
            status["conditions"] = self._with_report(held.conditions, order.report, generation)
        return status

    # --- why a group waits -----------------------------------------------------------------------------------------------

    async def publish(self, order: Publish, *, to_pods: bool) -> None:
        """
        Say why this group waits, on its object and, `to_pods`, on its unbound members. Nothing is written that stands there already.

        What cannot be written now is counted in `problems` and said again with the next order.
        """
        if not order.key.is_single_pod and order.key.dialect in self._dialects:
            try:
                await self._publish_group(order)
            except errors.ApiError:
                self.problems += 1
        if to_pods:
            heard = replace(order, report=order.members_report or order.report)
            self.problems += await self._pods.publish(heard, self._facts.node_count)

    async def wake(self, member: MemberRef) -> None:
        """Make kube-scheduler try this pod again. What could not be written is counted in `problems`."""
        self.problems += not await self._pods.wake(member)

    async def _publish_group(self, order: Publish) -> None:
        for _ in range(MAX_CONFLICTS + 1):
            declared = self._facts.declared_group(order.key)
            held = self._known(order.key, declared.resource_version) if declared is not None else None
            if held is None:
                body = await self._read(order.key, patient=False)
                if body is None:
                    return
                held = _held.decode(body)
            generation = order.report.generation or held.metadata.generation
            conditions = self._with_report(held.conditions, order.report, generation)
            if conditions == held.conditions:
                self._remember(order.key, held)
                return
            try:
                answer = await self._patch(
                    order.key, held.metadata.resource_version, {"conditions": conditions}
                )
            except (errors.Conflict, errors.OutcomeUnknown):
                self._last.pop(order.key, None)
                continue
            except errors.NotFound:
                return
            self._remember(order.key, answer)
            return

    def _with_report(
        self, conditions: list[dict[str, Any]], report: Report, generation: int
    ) -> list[dict[str, Any]]:
        """Return all conditions with ``Scheduled`` as reported. The transition time moves only with the condition's status."""
        wanted = {
            "type": "Scheduled",
            "status": "True" if report.status is Status.SUCCESS else "False",
            "reason": str(report.reason),
            "message": report.message[:32768],
            "observedGeneration": generation,
        }
        before = next((condition for condition in conditions if condition.get("type") == "Scheduled"), None)
        if before is not None and all(before.get(name) == value for name, value in wanted.items()):
            return conditions
        since = self._wall_clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        if before is not None and before.get("status") == wanted["status"]:
            since = before.get("lastTransitionTime", since)
        said = {**wanted, "lastTransitionTime": since}
        return [*(condition for condition in conditions if condition.get("type") != "Scheduled"), said]

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _known(self, key: GroupKey, version: str) -> _Held | None:
        """Return what our own last write or read said of the object, if that was at exactly this version."""
        last = self._last.get(key)
        return last if last is not None and last.metadata.resource_version == version else None

    def _remember(self, key: GroupKey, held: _Held) -> None:
        self._last[key] = held
        self._last.move_to_end(key)
        while len(self._last) > REMEMBERED:
            self._last.popitem(last=False)

    async def _patch(self, key: GroupKey, version: str, status: dict[str, Any]) -> _Held:
        body = _encode({"metadata": {"resourceVersion": version}, "status": status})
        return _held.decode(await self._transport.patch(f"{_path(key)}/status", body))

    async def _read(self, key: GroupKey, *, patient: bool = True) -> bytes | None:
        """Return the object as the quorum has it, None when it does not exist; a patient read asks until there is an answer."""
        attempt = 0
        while True:
            try:
                return await self._transport.get(_path(key))
            except errors.NotFound:
                return None
            except errors.ApiError as problem:
                if not patient:
                    raise
                attempt += 1
                await self._pause(attempt, getattr(problem, "retry_after_s", 0.0))

    @staticmethod
    async def _pause(count: int, at_least_s: float = 0.0) -> None:
        await asyncio.sleep(max(at_least_s, min(PAUSE_MAX_S, PAUSE_FIRST_S * 2.0 ** min(count, 10))))


def _path(key: GroupKey) -> str:
    return f"/apis/{own.GROUP}/{own.VERSION}/namespaces/{key.namespace}/podgroups/{key.name}"


def _placement(placement: Placement) -> dict[str, Any]:
    """Return ``status.placement``; what is not known is sent as null, so that nothing of an older one is kept."""
    domain, quality = placement.domain, placement.quality
    return {
        "level": str(domain.level) if domain is not None else None,
        "domain": str(domain.domain) if domain is not None else None,
        "domains": [
            {
                "level": str(use.level),
                "count": use.count,
                **({"best": use.best} if use.best is not None else {}),
            }
            for use in quality.levels
        ],
        "score": quality.score,
    }


def _is_applied(wanted: Attempt, stored: Attempt | None) -> bool:
    return stored is not None and (stored.id, stored.phase, stored.plan_rev, stored.epoch) == (
        wanted.id,
        wanted.phase,
        wanted.plan_rev,
        wanted.epoch,
    )


def _all_fields(dialect: Dialect) -> tuple[str, ...]:
    """Return every field that a record of this dialect may have."""
    full = Attempt(AttemptId("a"), 1, 1, 1, AttemptPhase.ABORTED, (), 1, 1.0, 1.0, "x")
    return tuple(sorted({*dialect.attempt_status(full), *LATER_FIELDS}))
