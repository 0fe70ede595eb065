"""One group's answer: where it stands, which gate it fails, what each domain has, and what would help."""

from dataclasses import asdict, dataclass
from typing import Any

from scheduler.engine.cycle import decide
from scheduler.engine.extension_points import PolicySet
from scheduler.engine.sentences import amount_of
from scheduler.engine.standing import standing
from scheduler.engine.trial import Trial
from scheduler.explain.gates import Gate, gates
from scheduler.explain.remedies import remedies
from scheduler.model.ids import GroupKey, LevelName
from scheduler.model.plan import Admit, Decision
from scheduler.model.podgroups import PodGroup
from scheduler.model.reasons import Reason
from scheduler.model.snapshot import Snapshot
from scheduler.topology import DomainTree

MAX_DOMAINS = 32  # more rows than that help nobody


@dataclass(frozen=True, slots=True)
class DomainRoom:
    """One domain: how many members it has room for now, and free and total amounts of what the gang counts in."""

    level: str
    name: str
    members: int
    resource: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """`placed`: every member that the gang needs has a node. `reason` is empty when nothing fails."""

    placed: bool
    headline: str
    reason: str
    gates: tuple[Gate, ...]
    domains: tuple[DomainRoom, ...] = ()
    remedies: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def explain(snapshot: Snapshot, key: GroupKey, policies: PolicySet, *, now: float) -> Explanation:
    """Explain one group of the snapshot. A group that neither exists nor has members is explained as such."""
    group = snapshot.groups.get(key)
    plan = decide(snapshot, policies, now=now, only=frozenset({key}))
    decision: Decision | None = next(iter(plan.decisions), None)
    if decision is None:
        return _settled(snapshot, key, group)
    if isinstance(decision, Admit):
        where = (
            f"{decision.domain.level} {decision.domain.domain}"
            if decision.domain is not None
            else "more than one domain"
        )
        text = f"There is room for all {len(decision.assignments)} waiting members now, in {where}; the scheduler binds them next."
        return Explanation(False, text, "", gates(None, ""), _domains(snapshot, key, group, policies))
    helps = (
        remedies(snapshot, group, policies, now)
        if group is not None and decision.reason in _ROOM
        else _advice(decision.reason)
    )
    return Explanation(
        placed=False,
        headline=decision.message,
        reason=decision.reason.value,
        gates=gates(decision.reason, decision.message),
        domains=_domains(snapshot, key, group, policies),
        remedies=helps,
    )


_ROOM = {Reason.INSUFFICIENT_RESOURCES, Reason.NO_DOMAIN_FITS, Reason.NOT_FOUND_WITHIN_BOUND}

_ADVICE = {
    Reason.GANG_INCOMPLETE: "Create the missing members, or lower minCount.",
    Reason.SCHEDULING_GATED: "Remove the scheduling gates of the members that carry them.",
    Reason.POD_GROUP_NOT_FOUND: "Create the PodGroup in the pods' namespace, or remove the label from the pods.",
    Reason.NO_ELIGIBLE_NODE: "Change the members' selectors, affinity or tolerations, or label and untaint nodes.",
    Reason.UNEVALUATED_CONSTRAINT: "Remove the constraint, or run Tutti in extender mode.",
    Reason.NOT_ACTED_UPON: "Remove the field.",
    Reason.TOPOLOGY_LEVEL_NOT_FOUND: "Name a level that nodes carry; `tutti topology show` lists them.",
}


def _advice(reason: Reason) -> tuple[str, ...]:
    return (_ADVICE[reason],) if reason in _ADVICE else ()


def _settled(snapshot: Snapshot, key: GroupKey, group: PodGroup | None) -> Explanation:
    members = snapshot.members.get(key, ())
    if group is None and not members:
        return Explanation(
            False, f"There is no PodGroup {key}, and no pod names it.", Reason.POD_GROUP_NOT_FOUND.value, ()
        )
    bound = sum(1 for pod in members if pod.is_bound and not pod.phase.is_terminal)
    ended = sum(1 for pod in members if pod.phase.is_terminal)
    tail = f", {ended} have ended" if ended else ""
    return Explanation(
        bool(bound or ended), f"Nothing waits: {bound} members have a node{tail}.", "", gates(None, "")
    )


def _domains(
    snapshot: Snapshot, key: GroupKey, group: PodGroup | None, policies: PolicySet
) -> tuple[DomainRoom, ...]:
    if group is None:
        return ()
    there = standing(group, snapshot.members.get(key, ()))
    if not there.waiting:
        return ()
    tree = policies.memo.tree(snapshot)
    trial = Trial(tree, snapshot, policies.memo)
    shape = there.waiting[0].shape
    copies = trial.copies(shape)
    resource, _ = amount_of(shape)
    rows = []
    layer = tree.layer(_level(tree, group))
    for start, stop, position in zip(layer.starts[:-1], layer.starts[1:], layer.positions, strict=True):
        domain = tree.domains[position]
        numbers = range(start, stop)
        free = sum(max(0, trial.free(number)[resource]) for number in numbers)
        total = sum(trial.states[number].node.allocatable[resource] for number in numbers)
        rows.append(
            DomainRoom(domain.level, domain.name, int(copies[start:stop].sum()), resource, free, total)
        )
    rows.sort(key=lambda row: (-row.members, row.name))
    return tuple(rows[:MAX_DOMAINS])


def _level(tree: DomainTree, group: PodGroup) -> LevelName:
    """Return the level that is asked for, else the innermost above the host, else the host."""
    for name in (group.topology.required, group.topology.preferred):
        level = tree.level_of(name) if name is not None else None
        if level is not None:
            return level
    return tree.levels[-2] if len(tree.levels) > 2 else tree.levels[-1]
