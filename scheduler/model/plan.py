"""Plans: what one cycle decided, to be carried out by somebody else."""

from dataclasses import dataclass

from scheduler.model.ids import DomainName, GroupKey, LevelName, NodeName, PodKey, PodUid
from scheduler.model.reasons import Reason
from scheduler.model.status import Status


@dataclass(frozen=True, slots=True)
class Assignment:
    """One member's node, and its rank in topology order (0-based, dense over the gang)."""

    pod: PodKey
    uid: PodUid
    node: NodeName
    rank: int


@dataclass(frozen=True, slots=True)
class DomainRef:
    """One domain of one level."""

    level: LevelName
    domain: DomainName


@dataclass(frozen=True, slots=True)
class Admit:
    """
    A whole gang with a node for every member that is not bound yet, in rank order.

    `domain`: the tightest single domain that holds the gang; None when it spans the cluster.
    `domains_used`: (level, count), outermost first.
    """

    group: GroupKey
    min_count: int
    generation: int
    assignments: tuple[Assignment, ...]
    domain: DomainRef | None = None
    domains_used: tuple[tuple[LevelName, int], ...] = ()
    preferred_met: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """A gang that gets nothing in this cycle, and why. `members` are the pods that wait for it (unbound, live)."""

    group: GroupKey
    status: Status
    reason: Reason
    message: str
    members: tuple[PodUid, ...] = ()


Decision = Admit | Hold


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions in the order in which the gangs were considered."""

    decisions: tuple[Decision, ...] = ()

    @property
    def admitted(self) -> tuple[Admit, ...]:
        """The gangs that start."""
        return tuple(d for d in self.decisions if isinstance(d, Admit))

    @property
    def held(self) -> tuple[Hold, ...]:
        """The gangs that wait."""
        return tuple(d for d in self.decisions if isinstance(d, Hold))
