"""Pod groups: the gang, its constraint on the network, and the commit record of its open attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from scheduler.model.ids import AttemptId, GroupKey, GroupUid, NodeName, PodKey, PodUid, QueueName
from scheduler.model.nodes import no_labels
from scheduler.model.reasons import Reason

DEFAULT_QUEUE = QueueName("default")
REPAIR_TIMEOUT_S = 60.0  # product default of spec.repairTimeoutSeconds
RECORD_VERSION = 1  # of the commit record that this code writes and understands


class Profile(StrEnum):
    """What communication among members looks like."""

    RING = "Ring"
    ALL_TO_ALL = "AllToAll"
    PIPELINE = "Pipeline"
    INDEPENDENT = "Independent"


class MemberFailure(StrEnum):
    """What to do when a running gang falls below its minimum."""

    REPAIR = "Repair"
    EVICT = "Evict"
    IGNORE = "Ignore"


@dataclass(frozen=True, slots=True)
class Slice:
    """`size` members together inside one domain of `level`."""

    level: str
    size: int


@dataclass(frozen=True, slots=True)
class TopologyConstraint:
    """
    `required`: one domain of this level or wait. `preferred`: the tightest domain possible up to this level.

    Each is the name of a level or the node label that carries it.
    """

    required: str | None = None
    preferred: str | None = None
    profile: Profile = Profile.RING
    slices: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A part of the gang with its own minimum. Members are picked by the role label or by `match_labels`."""

    name: str
    min_count: int
    match_labels: Mapping[str, str] = field(default_factory=no_labels)


class AttemptPhase(StrEnum):
    """Phases of the commit record."""

    PREPARED = "Prepared"
    PREEMPTING = "Preempting"
    COMMITTING = "Committing"
    COMMITTED = "Committed"
    ABORTING = "Aborting"
    ABORTED = "Aborted"

    @property
    def is_open(self) -> bool:
        """Whether the attempt still owns capacity or owes work."""
        return self not in {AttemptPhase.COMMITTED, AttemptPhase.ABORTED}


@dataclass(frozen=True, slots=True)
class RecordedMember:
    """One line of the plan in the commit record."""

    name: str
    uid: PodUid
    node: NodeName
    rank: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    The commit record: ``PodGroup.status.attempt``, replaced whole under compare-and-set.

    `min_count` rules until a new attempt, whatever the spec says by then. `plan_rev` grows when a member gets a new target.
    `repair_spent_s`: how long the gang has stood below its minimum, added up over all leaders; it decides when repair is given up.
    `deadline_s`: when that will be, by the wall clock (seconds since 1970) of who wrote the record; for people, and for the operator.
    """

    id: AttemptId
    epoch: int
    generation: int
    min_count: int
    phase: AttemptPhase
    members: tuple[RecordedMember, ...]
    plan_rev: int = 1
    repair_spent_s: float = 0.0
    deadline_s: float | None = None
    reason: str = ""
    version: int = RECORD_VERSION


@dataclass(frozen=True, slots=True)
class PodGroup:
    """A gang as asked for. `max_count` None: no upper bound on members."""

    key: GroupKey
    uid: GroupUid
    min_count: int
    max_count: int | None = None
    resource_version: str = ""
    generation: int = 0
    created_at: float = 0.0
    roles: tuple[Role, ...] = ()
    queue: QueueName = DEFAULT_QUEUE
    priority: int = 0
    priority_class: str | None = None
    topology: TopologyConstraint = TopologyConstraint()
    spares: int = 0
    expected_runtime_s: float | None = None
    max_runtime_s: float | None = None
    schedule_timeout_s: float | None = None
    fail_on_timeout: bool = False
    has_timed_out: bool = False  # as its status says; with `fail_on_timeout` it is not tried any more
    told_whole_at: int | None = None  # the generation for which its status says that it is scheduled
    repair_timeout_s: float = REPAIR_TIMEOUT_S
    on_member_failure: MemberFailure = MemberFailure.REPAIR
    attempt: Attempt | None = None
    is_deleting: bool = False
    refusal: str = ""  # why this spec cannot be acted upon, in a sentence; empty: accepted
    refusal_reason: Reason = Reason.INVALID_SPEC  # the same in one word; of no meaning while accepted

    @property
    def has_given_up(self) -> bool:
        """Whether the group waited for too long and asked not to be tried after that."""
        return self.fail_on_timeout and self.has_timed_out


@dataclass(frozen=True, slots=True)
class MemberRef:
    """A pod by address and identity, as votes and bindings name it."""

    key: PodKey
    uid: PodUid
