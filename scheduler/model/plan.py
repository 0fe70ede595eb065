"""Plans: what one cycle decided, to be carried out by somebody else."""

from dataclasses import dataclass

from scheduler.model.ids import DomainName, GroupKey, LevelName, NodeName, PodKey, PodUid
from scheduler.model.reasons import Reason
from scheduler.model.status import Status
from scheduler.model.volumes import ClaimKey


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
class LevelUse:
    """How many domains of one level a gang is in, and how many it would be in on an empty cluster (None: not known)."""

    level: LevelName
    count: int
    best: int | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """The use of every level, outermost first."""

    levels: tuple[LevelUse, ...] = ()

    @property
    def score(self) -> float | None:
        """
        Return how near to the best this is, from 0 to 1: the mean over the levels of best / count; None when the best is not known.

        A gang in 3 racks that would fit in 2, on as few hosts as can be, has (2/3 + 1) / 2 of two levels.
        """
        parts = [use.best / use.count for use in self.levels if use.best is not None and use.count]
        return round(min(1.0, sum(parts) / len(parts)), 4) if len(parts) == len(self.levels) > 0 else None


@dataclass(frozen=True, slots=True)
class Provision:
    """The volume of a claim is to be made where this node reaches it, before any member is bound."""

    claim: ClaimKey
    node: NodeName


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a gang is: the tightest single domain that holds it (None: it spans the cluster), and how good that is."""

    domain: DomainRef | None
    quality: Quality


@dataclass(frozen=True, slots=True)
class Admit:
    """
    A whole gang with a node for every member that is not bound yet, in rank order.

    `domain`: the tightest single domain that holds the gang; None when it spans the cluster. `provisions`: volumes to be made first.
    """

    group: GroupKey
    min_count: int
    generation: int
    assignments: tuple[Assignment, ...]
    domain: DomainRef | None = None
    quality: Quality = Quality()
    preferred_met: bool = True
    provisions: tuple[Provision, ...] = ()

    @property
    def domains_used(self) -> tuple[tuple[LevelName, int], ...]:
        """(level, count), outermost first."""
        return tuple((use.level, use.count) for use in self.quality.levels)


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
