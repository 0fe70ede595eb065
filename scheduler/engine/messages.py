"""
Events in, instructions out: the only words in which `Lifecycle` and the world speak.

An event is a fact or the outcome of an instruction; an instruction is something somebody else shall do. Both are frozen values,
so a run can be recorded and replayed. The driver (`scheduler.driver`) carries instructions out; the simulator answers them in
virtual time.
"""

from dataclasses import dataclass

from scheduler.model.ids import AttemptId, GroupKey, GroupUid, NodeName, PodUid
from scheduler.model.plan import Assignment, Placement, Plan, Provision
from scheduler.model.podgroups import Attempt, MemberRef, PodGroup
from scheduler.model.pods import Pod
from scheduler.model.reasons import Reason
from scheduler.model.reservations import Reservation
from scheduler.model.status import Status

# --- events ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observed:
    """
    The present view of one group: its object (None: it does not exist) and its pods, ended ones included.

    Level-triggered: a view replaces the one before, so a missed or repeated event does no harm.
    """

    key: GroupKey
    group: PodGroup | None
    members: tuple[Pod, ...]


@dataclass(frozen=True, slots=True)
class CapacityChanged:
    """Something was freed or changed that may let a waiting gang start: a node, a foreign pod, a queue, a priority class."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A cycle that had considered these gangs ended with this plan. A gang with nothing to place is not in the plan."""

    plan: Plan
    considered: frozenset[GroupKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The API server holds this commit record. `resource_version` is the group's after the write."""

    key: GroupKey
    attempt: AttemptId
    resource_version: str


@dataclass(frozen=True, slots=True)
class RecordRefused:
    """The commit record is not in the API server, and never will be from that write."""

    key: GroupKey
    attempt: AttemptId
    message: str
    reason: Reason = Reason.RECORD_FAILED


@dataclass(frozen=True, slots=True)
class BindDone:
    """The pod is bound to the planned node: acknowledged, or read back."""

    key: GroupKey
    uid: PodUid


@dataclass(frozen=True, slots=True)
class BindFailed:
    """The pod is not bound by this attempt, and no late answer can change that."""

    key: GroupKey
    uid: PodUid
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Evicted:
    """An eviction asked for by an abort was accepted, or the pod is gone."""

    key: GroupKey
    uid: PodUid


@dataclass(frozen=True, slots=True)
class EvictionRefused:
    """The pod must stay for now, for instance because of a disruption budget."""

    key: GroupKey
    uid: PodUid
    message: str


@dataclass(frozen=True, slots=True)
class Voted:
    """kube-scheduler waits in /bind for this member (extender mode)."""

    key: GroupKey
    member: MemberRef
    node: NodeName


@dataclass(frozen=True, slots=True)
class VoteWithdrawn:
    """The caller of a vote has gone."""

    key: GroupKey
    uid: PodUid


@dataclass(frozen=True, slots=True)
class NodeRefused:
    """kube-scheduler did not offer the planned node for this member (extender mode)."""

    key: GroupKey
    uid: PodUid


@dataclass(frozen=True, slots=True)
class Prepared:
    """Every volume of the order that names the same provisions is made, and its claim bound."""

    key: GroupKey
    attempt: AttemptId
    provisions: tuple[Provision, ...]


@dataclass(frozen=True, slots=True)
class PrepareFailed:
    """A volume of that order will not be made."""

    key: GroupKey
    attempt: AttemptId
    provisions: tuple[Provision, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Tick:
    """
    Time has passed; sent at `Lifecycle.next_deadline` or later.

    `heard_at`: when kube-scheduler last called about any pod; None: never (extender mode).
    """

    heard_at: float | None = None


@dataclass(frozen=True, slots=True)
class LeadershipLost:
    """Another replica may lead from now on. Nothing may be written any more."""


Event = (
    Observed
    | CapacityChanged
    | Decided
    | Recorded
    | RecordRefused
    | BindDone
    | BindFailed
    | Evicted
    | EvictionRefused
    | Voted
    | VoteWithdrawn
    | NodeRefused
    | Prepared
    | PrepareFailed
    | Tick
    | LeadershipLost
)

# --- instructions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decide:
    """Run a cycle over `Lifecycle.candidates`."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Count these slots as taken, from now on and before anything is written."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Release:
    """Give back the slots of these members; they were not bound. The others stay until their pods are seen bound."""

    key: GroupKey
    uids: tuple[PodUid, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """
    Write the commit record by compare-and-set. Answer: Recorded or RecordRefused.

    `resource_version` is the last one known; `group_uid` tells the group from a later one of the same name. `report` and `placement` are
    written with it, where given.
    """

    key: GroupKey
    attempt: Attempt
    resource_version: str
    report: "Report | None" = None
    group_uid: GroupUid | None = None
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Prepare:
    """Have these volumes made, and wait until their claims are bound. Answer: Prepared or PrepareFailed, or none before the deadline."""

    key: GroupKey
    attempt: AttemptId
    provisions: tuple[Provision, ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """Bind one member. Answer: BindDone or BindFailed; an unknown outcome is read back first."""

    key: GroupKey
    attempt: AttemptId
    epoch: int
    assignment: Assignment
    resource_version: str


@dataclass(frozen=True, slots=True)
class Evict:
    """Evict a member that this attempt has bound, by uid. Answer: Evicted or EvictionRefused."""

    key: GroupKey
    member: MemberRef


@dataclass(frozen=True, slots=True)
class AnswerVote:
    """Answer the waiting /bind call: `error` empty means bound."""

    uid: PodUid
    error: str = ""


@dataclass(frozen=True, slots=True)
class Wake:
    """Make kube-scheduler try these members again: they were refused before there was a plan (extender mode)."""

    key: GroupKey
    members: tuple[MemberRef, ...]


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A plan came to nothing and nobody is bound by it: its gang waits again, for this reason. Nothing is to be done; it is to be told."""

    key: GroupKey
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What conditions shall say of a group. `generation`: of the spec it speaks of; 0: of whatever it says by then."""

    status: Status
    reason: Reason
    message: str
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Publish:
    """
    Write how a group stands, to the group and its unbound `members`. Rate-limited by the lifecycle already.

    `members_report`: what these members hear, where it is something else: a gang may be whole while members beyond it wait.
    """

    key: GroupKey
    report: Report
    members: tuple[MemberRef, ...] = ()
    members_report: Report | None = None


Instruction = (
    Decide | Reserve | Release | Prepare | Record | Bind | Evict | AnswerVote | Wake | Abandoned | Publish
)
