"""How much room each domain has for a gang: at the level it asks for, with slices kept whole, kind by kind where members are unlike."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scheduler.engine.mixed import question as joint_question
from scheduler.engine.unlike_pods import Fits, fit_quickly
from scheduler.explain.ground import Ground
from scheduler.explain.questions import Question
from scheduler.model.podgroups import PodGroup
from scheduler.topology import DomainTree

MOST_ROWS: Final = 32
"""More rows than that help nobody."""

MOST_JOINT: Final = 8
"""Rows for which unlike members are fitted together; of the others the number is what fits at most."""


@dataclass(frozen=True, slots=True)
class KindRoom:
    """How many members of one kind a domain takes, were they alone there, of how many that start."""

    kind: str
    fit: int
    needed: int


@dataclass(frozen=True, slots=True)
class DomainRoom:
    """
    One domain: how many members of the start it takes now (`is_exact`; else at most), and what is free on nodes that may run some.

    `resource` is what people count the gang in. `kinds` is empty where all members are equal.
    """

    level: str
    name: str
    members: int
    is_exact: bool
    resource: str
    free: int
    total: int
    kinds: tuple[KindRoom, ...] = ()


def domains(ground: Ground, group: PodGroup, question: Question) -> tuple[DomainRoom, ...]:
    """Return the domains of the level asked for, those with most room first."""
    number = _level(ground.tree, group)
    layer = ground.tree.layers[number]
    rooms = [each[number] for each in ground.rooms(question)]
    counts = [np.minimum(each, kind.count) for each, kind in zip(rooms, question.kinds, strict=True)]
    # Where all fit, the one with more room to spare comes first.
    order = (
        np.lexsort((-np.sum(rooms, axis=0), -np.sum(counts, axis=0)))[:MOST_ROWS].tolist()
        if len(layer)
        else []
    )
    resource = question.resource
    may = np.any([ground.eligible(kind.shape) for kind in question.kinds], axis=0)
    free, total = ground.free(resource), ground.trial.allocatable(resource)
    made = []
    for row, each in enumerate(order):
        domain = ground.tree.domains[int(layer.positions[each])]
        nodes = np.flatnonzero(may[domain.start : domain.stop]) + domain.start
        members = sum(int(count[each]) for count in counts)
        kinds = tuple(
            KindRoom(kind.name, int(room[each]), kind.count)
            for kind, room in zip(question.kinds, rooms, strict=True)
        )
        alone = question.is_of_equals
        made.append(
            DomainRoom(
                level=str(domain.level),
                name=str(domain.name),
                members=int(rooms[0][each]) if alone else members,
                is_exact=alone
                or (
                    row < MOST_JOINT
                    and _fit_together(
                        ground, question, domain.start, domain.stop, [int(c[each]) for c in counts]
                    )
                ),
                resource=resource,
                free=sum(free[nodes].tolist()),
                total=sum(total[nodes].tolist()),
                kinds=() if alone else kinds,
            )
        )
    return tuple(made)


def _fit_together(ground: Ground, question: Question, start: int, stop: int, counts: list[int]) -> bool:
    """Whether first fit finds room for as many of every kind as there would be of each alone."""
    some = [(kind, count) for kind, count in zip(question.kinds, counts, strict=True) if count]
    if len(some) <= 1:
        return True
    joint, _ = joint_question(
        [kind.shape for kind, _ in some],
        [count for _, count in some],
        [ground.copies(kind) for kind, _ in some],
        ground.free,
    )
    return isinstance(fit_quickly(joint.on(range(start, stop))), Fits)


def _level(tree: DomainTree, group: PodGroup) -> int:
    """Return the layer that is asked for, else the innermost above the hosts, else that of the hosts."""
    for name in (group.topology.required, group.topology.preferred):
        level = tree.level_of(name) if name is not None else None
        if level is not None:
            return tree.levels.index(level)
    return len(tree.levels) - 2 if len(tree.levels) > 2 else len(tree.levels) - 1
