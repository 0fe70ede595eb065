"""
What may stand in a gang's way, one constraint at a time: found on the ground, and relaxed on the question and on the snapshot alike.

Only what keeps a member from some node is a constraint here. A resource is one as far as others use it; that a pod asks for too much of
it is told apart (`scheduler.explain.blocking`). Constraints stand in a fixed order: what the pods ask for first, what others hold then,
what the gang asks of the network last. Names are the same as long as the cause is, so they may stand in a status.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from scheduler.engine.columns import LARGEST
from scheduler.engine.feasibility import CORDON, tolerated
from scheduler.explain.edits import (
    Edit,
    Offered,
    Preferred,
    Required,
    Slices,
    Tolerating,
    WithoutAffinity,
    WithoutSelector,
    WithoutVolumes,
    is_cordon,
)
from scheduler.explain.ground import AS_IT_IS, Given, Ground
from scheduler.explain.questions import Question
from scheduler.explain.surroundings import GivenBack, PortsGivenBack, Unreserved
from scheduler.model.ids import GroupKey
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import PodShape, Toleration
from scheduler.model.resources import NOTHING
from scheduler.model.volumes import Mounts

ANY_TAINT: Final = (Toleration(exists=True),)
MOST_OF_A_SORT: Final = 12
"""Constraints of one sort that are told apart; the rest of the sort is one constraint, so that all relaxed is still all."""


MOST_CLAIMS: Final = 3  # named in one constraint


class Sort(StrEnum):
    """Sorts of constraints, in the order in which they stand."""

    SELECTOR = "Selector"
    AFFINITY = "Affinity"
    VOLUME = "Volume"
    TAINT = "Taint"
    CORDON = "Cordon"
    REFUSED = "Refused"
    PORT = "HostPort"
    RESOURCE = "Resource"
    ATTEMPT = "Attempt"
    LEVEL = "Level"
    SLICES = "Slices"


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and what others have given back while it is asked."""

    question: Question
    given: Given = AS_IT_IS


@dataclass(frozen=True, slots=True)
class Constraint:
    """
    One constraint. `edits` take it away from a snapshot, `relax` from a case; the two mean the same.

    `taints`: for taints and cordons, what the nodes carry.
    """

    sort: Sort
    name: str
    edits: tuple[Edit, ...]
    relax: Callable[[Case], Case]
    taints: tuple[Taint, ...] = ()


def constraints_of(ground: Ground, group: PodGroup, question: Question) -> tuple[Constraint, ...]:
    """Return what keeps members from nodes, in order. Cost: some passes over the nodes."""
    return (
        *_selectors(ground, group.key, question),
        *_volumes(ground, group.key, question),
        *_taints(ground, group.key, question),
        *_refusals(group.key, question),
        *_ports(ground, question),
        *_resources(ground, question),
        *_attempts(ground, question),
        *_levels(group, question),
    )


def relaxed(question: Question, constraints: Iterable[Constraint]) -> Case:
    """Return the case in which none of these constraints stands."""
    case = Case(question)
    for constraint in constraints:
        case = constraint.relax(case)
    return case


# --- what the pods ask for ------------------------------------------------------------------------------------------------


def _selectors(ground: Ground, key: GroupKey, question: Question) -> Iterator[Constraint]:
    entries = sorted({entry for kind in question.kinds for entry in kind.shape.node_selector})
    found = [
        _of_shapes(Sort.SELECTOR, f"node selector {label}={value}", WithoutSelector(key, label, value))
        for label, value in entries
        if _excludes(ground, PodShape(NOTHING, node_selector=((label, value),), tolerations=ANY_TAINT))
    ]
    yield from _told_apart(found, "node selectors")
    affinities = {kind.shape.required_terms for kind in question.kinds} - {None}
    if any(_excludes(ground, PodShape(NOTHING, required_terms=t, tolerations=ANY_TAINT)) for t in affinities):
        yield _of_shapes(Sort.AFFINITY, "required node affinity", WithoutAffinity(key))


def _volumes(ground: Ground, key: GroupKey, question: Question) -> Iterator[Constraint]:
    """What the volumes of members ask of nodes: to be in reach, and to be attached beside others."""
    concerned = [kind for kind in question.kinds if kind.shape.mounts is not None]
    if not any(_mounts_exclude(ground, kind.shape.mounts) for kind in concerned if kind.shape.mounts):
        return
    names = sorted({name for kind in concerned for name in kind.claims})
    named = ", ".join(names[:MOST_CLAIMS]) + (" and others" if len(names) > MOST_CLAIMS else "")
    yield _of_shapes(Sort.VOLUME, f"volumes of {named}", WithoutVolumes(key))


def _mounts_exclude(ground: Ground, mounts: Mounts) -> bool:
    asking = PodShape(NOTHING, mounts=mounts, tolerations=ANY_TAINT)
    every = np.arange(len(ground.tree.nodes))
    return _excludes(ground, asking) or bool((ground.trial.attachments.room(mounts, every) < LARGEST).any())


def _excludes(ground: Ground, asking: PodShape) -> bool:
    """Whether there is any node that such a pod may not run on: what matches them all is in nobody's way."""
    return not ground.eligible(asking).all()


def _taints(ground: Ground, key: GroupKey, question: Question) -> Iterator[Constraint]:
    shapes = {kind.shape for kind in question.kinds}
    carried, cordoned = _carried(ground)
    unwelcome = [taint for taint in carried if not all(tolerated(shape, taint) for shape in shapes)]
    unwelcome.sort(key=lambda taint: (-carried[taint], str(taint)))
    found = [
        replace(_of_shapes(Sort.TAINT, f"taint {taint}", Tolerating(key, taint)), taints=(taint,))
        for taint in unwelcome
    ]
    yield from _told_apart(found, "taints")
    if cordoned and not all(tolerated(shape, CORDON) for shape in shapes):
        yield replace(_of_shapes(Sort.CORDON, "cordon", Tolerating(key, CORDON)), taints=(CORDON,))


def _carried(ground: Ground) -> tuple[Counter[Taint], int]:
    """Return how many nodes carry each taint that keeps pods away, and how many are cordoned."""
    kinds: list[tuple[Taint, ...]] = []

    def numbered(taints: tuple[Taint, ...]) -> int:
        kinds.append(taints)
        return len(kinds) - 1

    codes = ground.columns.by_taints(numbered)
    counts = np.bincount(codes, minlength=len(kinds)).tolist()
    carried: Counter[Taint] = Counter()
    cordoned = sum(1 for state in ground.trial.states if state.node.unschedulable)
    for taints, count in zip(kinds, counts, strict=True):
        for taint in set(taints):
            if is_cordon(taint):
                cordoned += count
            elif taint.effect is not TaintEffect.PREFER_NO_SCHEDULE:
                carried[taint] += count
    return carried, cordoned


def _refusals(key: GroupKey, question: Question) -> Iterator[Constraint]:
    if any(kind.refused for kind in question.kinds):
        yield Constraint(
            Sort.REFUSED,
            "nodes refused by kube-scheduler",
            (Offered(key),),
            lambda case: replace(case, question=case.question.offered()),
        )


# --- what others hold -----------------------------------------------------------------------------------------------------


def _ports(ground: Ground, question: Question) -> Iterator[Constraint]:
    wanted = {(port.protocol, port.port) for kind in question.kinds for port in kind.shape.host_ports}
    taken = (
        {(p.protocol, p.port) for state in ground.trial.states for p in state.host_ports} if wanted else set()
    )
    if wanted & taken:
        named = ", ".join(f"{protocol} {port}" for protocol, port in sorted(wanted & taken))
        yield Constraint(
            Sort.PORT,
            f"host port {named} in use",
            (PortsGivenBack(),),
            lambda case: replace(case, given=replace(case.given, ports=True)),
        )


def _resources(ground: Ground, question: Question) -> Iterator[Constraint]:
    for name in question.asked:
        if (ground.trial.free_of(name) < ground.trial.allocatable(name)).any():
            yield _in_use(name)


def _in_use(resource: str) -> Constraint:
    def relax(case: Case) -> Case:
        given = replace(case.given, resources=case.given.resources | {resource})
        return replace(case, given=given)

    return Constraint(Sort.RESOURCE, f"{resource} in use", (GivenBack(resource),), relax)


def _attempts(ground: Ground, question: Question) -> Iterator[Constraint]:
    ports = any(kind.shape.host_ports for kind in question.kinds)
    found = [
        _reserved(key)
        for key in ground.attempts
        if ports or any(ground.held_by(key, resource) for resource in question.asked)
    ]
    yield from _told_apart(found, "attempts under way")


def _reserved(key: GroupKey) -> Constraint:
    def relax(case: Case) -> Case:
        return replace(case, given=replace(case.given, attempts=case.given.attempts | {key}))

    return Constraint(Sort.ATTEMPT, f"reservation of {key}", (Unreserved((key,)),), relax)


# --- what the gang asks of the network ------------------------------------------------------------------------------------


def no_level(group: PodGroup, question: Question) -> tuple[Edit, ...]:
    """Return what takes the required level away, and makes it a wish where there is none and nodes carry it."""
    wish = group.topology.required if question.required is not None else None
    if group.topology.preferred is not None or wish is None:
        return (Required(group.key, None),)
    return (Required(group.key, None), Preferred(group.key, wish))


def _levels(group: PodGroup, question: Question) -> Iterator[Constraint]:
    if group.topology.required is not None:
        yield Constraint(
            Sort.LEVEL,
            f"required level {group.topology.required}",
            no_level(group, question),
            lambda case: replace(case, question=case.question.anywhere()),
        )
    if group.topology.slices:
        named = ", ".join(f"{part.size} per {part.level}" for part in group.topology.slices)
        yield Constraint(
            Sort.SLICES,
            f"slices of {named}",
            (Slices(group.key),),
            lambda case: replace(case, question=case.question.unsliced()),
        )


# --- inside ---------------------------------------------------------------------------------------------------------------


def _of_shapes(
    sort: Sort, name: str, edit: Tolerating | WithoutSelector | WithoutAffinity | WithoutVolumes
) -> Constraint:
    """Return a constraint that is relaxed by changing what the pods say of nodes."""
    return Constraint(
        sort, name, (edit,), lambda case: replace(case, question=case.question.reshaped(edit.reshape))
    )


def _told_apart(found: Sequence[Constraint], rest: str) -> Iterator[Constraint]:
    """Yield the first ones as they are, and the others as one."""
    yield from found[:MOST_OF_A_SORT]
    others = tuple(found[MOST_OF_A_SORT:])
    if others:

        def relax(case: Case) -> Case:
            for each in others:
                case = each.relax(case)
            return case

        yield Constraint(
            others[0].sort,
            f"{len(others)} other {rest}",
            tuple(edit for each in others for edit in each.edits),
            relax,
            tuple(taint for each in others for taint in each.taints),
        )
