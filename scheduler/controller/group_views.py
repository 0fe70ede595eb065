"""What a PodGroup's status should say, computed from what is known: pure functions from values to plain data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scheduler.controller.conditions import Condition, Finding, accepted, not_acted_upon
from scheduler.controller.topology_views import NO_LEVELS, Levels
from scheduler.engine.repairs import whole_by
from scheduler.model.ids import QueueName
from scheduler.model.podgroups import DEFAULT_QUEUE, AttemptPhase, PodGroup
from scheduler.model.pods import Pod, PodPhase
from scheduler.model.reasons import Reason


@dataclass(frozen=True, slots=True)
class Members:
    """Counts of members by state. `bound` have a node and have not ended; `pending` could have one and have none."""

    total: int
    gated: int
    pending: int
    bound: int
    running: int
    succeeded: int
    failed: int

    @property
    def holding(self) -> int:
        """How many hold a node or have ended well: what a gang is measured by."""
        return self.bound + self.succeeded

    @property
    def have_ended(self) -> bool:
        """Whether there were members, and none of them is left."""
        return bool(self.total) and not (self.bound or self.pending or self.gated)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a group's spec may name: the levels that nodes carry, and the Queues that exist."""

    levels: Levels = NO_LEVELS
    queues: frozenset[QueueName] = frozenset()


def count(pods: Iterable[Pod]) -> Members:
    """Count the members of a group; those being deleted count where they are, as they still hold their nodes."""
    everyone = list(pods)
    alive = [pod for pod in everyone if not pod.phase.is_terminal]
    unbound = [pod for pod in alive if not pod.is_bound]
    gated = sum(1 for pod in unbound if pod.is_gated)
    return Members(
        total=len(everyone),
        gated=gated,
        pending=len(unbound) - gated,
        bound=len(alive) - len(unbound),
        running=sum(1 for pod in alive if pod.phase is PodPhase.RUNNING),
        succeeded=sum(1 for pod in everyone if pod.phase is PodPhase.SUCCEEDED),
        failed=sum(1 for pod in everyone if pod.phase is PodPhase.FAILED),
    )


def group_status(
    group: PodGroup,
    pods: Sequence[Pod],
    surroundings: Surroundings,
    *,
    now: float,
    ignored: Sequence[str] = (),
    has_timed_out: bool = False,
) -> tuple[dict[str, Any], tuple[Condition, ...]]:
    """
    Return the fields of a PodGroup's status that are the operator's, and its conditions.

    `now` in seconds since 1970; `next_look` says when they change by time alone. `ignored` names the fields of its spec that are not
    acted upon; `has_timed_out` is what the scheduler says of it.
    """
    members = count(pods)
    word = phase(group, members, now=now, has_timed_out=has_timed_out)
    fields = {
        "phase": word,
        "observedGeneration": group.generation,
        "members": {name: getattr(members, name) for name in Members.__slots__},
    }
    conditions = (
        _accepted(group, surroundings, ignored),
        _ready(group, members, has_given_up=has_timed_out and word == "Failed"),
        _degraded(group, members, word, now),
    )
    return fields, conditions


def phase(group: PodGroup, members: Members, *, now: float, has_timed_out: bool) -> str:
    """
    Return where the group stands in one word. ``Running`` only if enough members run or have ended well.

    A gang that stands in part is ``Binding`` for as long as its record promises; whether its scheduler still lives does not matter.
    """
    if members.have_ended:
        return "Succeeded" if members.succeeded >= group.min_count else "Failed"
    if members.running + members.succeeded >= group.min_count:
        return "Running"
    if members.holding >= group.min_count or now < whole_by(group):
        return "Binding"
    if members.holding:
        return "Degraded"
    if has_timed_out and group.fail_on_timeout:
        return "Failed"
    return "Queued" if members.pending >= group.min_count and not group.refusal else "Pending"


def next_look(group: PodGroup, *, now: float) -> float | None:
    """Return when the status of this group changes next without any event, in seconds since 1970; None when it does not."""
    if group.attempt is None or not group.attempt.phase.is_open:
        return None
    moments = (whole_by(group), group.attempt.deadline_s or 0.0)
    return min((moment for moment in moments if moment > now), default=None)


def _accepted(group: PodGroup, surroundings: Surroundings, ignored: Sequence[str]) -> Condition:
    if group.refusal:
        return Condition("Accepted", False, group.refusal_reason, group.refusal)
    waits = _unknown_level(
        group.topology.required, "required", surroundings, "the group waits until one does"
    )
    findings = (
        *waits,
        *_unknown_queue(group, surroundings),
        *_unknown_level(
            group.topology.preferred, "preferred", surroundings, "the group is placed without it"
        ),
        *not_acted_upon(ignored),
    )
    return accepted(findings, holds=not waits, otherwise="The spec is valid and acted upon.")


def _unknown_level(
    name: str | None, field: str, surroundings: Surroundings, consequence: str
) -> tuple[Finding, ...]:
    if name is None or surroundings.levels.know(name):
        return ()
    text = f"No node carries topology level {name!r} of spec.topology.{field}; {consequence}."
    if surroundings.levels.names:
        text += f" Known levels are {', '.join(surroundings.levels.names)}."
    return ((Reason.TOPOLOGY_LEVEL_NOT_FOUND, text),)


def _unknown_queue(group: PodGroup, surroundings: Surroundings) -> tuple[Finding, ...]:
    if group.queue == DEFAULT_QUEUE or group.queue in surroundings.queues:
        return ()
    text = f"Queue {group.queue} does not exist; queues hold nobody back in this version, so the group is scheduled without it."
    return ((Reason.QUEUE_NOT_FOUND, text),)


def _ready(group: PodGroup, members: Members, *, has_given_up: bool) -> Condition:
    need = group.min_count
    if has_given_up:
        text = "The gang was not placed in time and has given up, as spec.onTimeout asks; create it anew to try again."
        return Condition("Ready", False, Reason.TIMEOUT, text)
    if members.have_ended:
        if members.succeeded >= need:
            return Condition(
                "Ready", False, Reason.COMPLETED, f"{members.succeeded} members have ended well."
            )
        return Condition(
            "Ready", False, Reason.FAILED, f"{members.failed} members have failed and none is left."
        )
    if members.running + members.succeeded >= need:
        return Condition("Ready", True, Reason.READY, f"At least {need} members run or have ended well.")
    return Condition("Ready", False, Reason.BELOW_MIN_COUNT, f"Fewer than {need} members run.")


def _degraded(group: PodGroup, members: Members, word: str, now: float) -> Condition:
    stand = f"{members.holding} of the {group.min_count} members that the gang needs hold a node"
    if word == "Degraded":
        return Condition("Degraded", True, Reason.BELOW_MIN_COUNT, f"{stand}{_outlook(group, now)}.")
    if 0 < members.holding < group.min_count and not members.have_ended:
        return Condition("Degraded", False, Reason.PLACED, f"{stand}; the others are being bound.")
    return Condition("Degraded", False, Reason.READY, "The gang stands whole, or nobody of it does.")


def _outlook(group: PodGroup, now: float) -> str:
    """Return what is being done about a gang that stands in part, as far as its record tells."""
    attempt = group.attempt
    if attempt is None or not attempt.phase.is_open:
        return ""
    if attempt.phase is AttemptPhase.ABORTING:
        return "; it is being taken down"
    if attempt.deadline_s is None:
        return ""
    at = datetime.fromtimestamp(attempt.deadline_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if now < attempt.deadline_s:
        return f"; completing it is given up at {at}"
    return f"; completing it was to end by {at}: see condition Scheduled, and whether the scheduler runs"
