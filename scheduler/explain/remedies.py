"""
What would help, each tried on a changed copy of the snapshot with the same engine: a remedy that is named works, as far as the
snapshot goes.

Cheapest first for the one who asks: relax the level, start smaller, wait for others to end, add nodes.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from scheduler.engine.cycle import decide
from scheduler.engine.extension_points import PolicySet
from scheduler.engine.sentences import amount_of
from scheduler.model.ids import NodeName
from scheduler.model.plan import Admit
from scheduler.model.podgroups import PodGroup
from scheduler.model.resources import NOTHING
from scheduler.model.snapshot import NodeState, Snapshot

MAX_NODES_ADDED = 4096


def remedies(snapshot: Snapshot, group: PodGroup, policies: PolicySet, now: float) -> tuple[str, ...]:
    """Return what would let the gang start, in words. Cost: a few dozen decisions at most."""
    return tuple(_remedies(snapshot, group, policies, now))


def _remedies(snapshot: Snapshot, group: PodGroup, policies: PolicySet, now: float) -> Iterator[str]:
    def starts(changed: PodGroup, on: Snapshot) -> bool:
        trial = replace(on, groups={**on.groups, group.key: changed})
        return isinstance(
            next(iter(decide(trial, policies, now=now, only=frozenset({group.key})).decisions), None), Admit
        )

    if group.topology.required is not None:
        relaxed = replace(
            group, topology=replace(group.topology, required=None, preferred=group.topology.required)
        )
        if starts(relaxed, snapshot):
            yield f"Ask for topology.preferred instead of required {group.topology.required}: then the gang starts now, in more than one."
    smaller = _largest(
        1, group.min_count - 1, lambda count: starts(replace(group, min_count=count, roles=()), snapshot)
    )
    if smaller and not group.roles:
        yield f"Lower minCount to {smaller}: so many members have room now."
    emptied = replace(
        snapshot,
        nodes={name: replace(s, requested=NOTHING, host_ports=()) for name, s in snapshot.nodes.items()},
        reservations=(),
    )
    if starts(group, emptied):
        yield "Wait until others end: the empty cluster has room for the whole gang."
        return
    added = _nodes_needed(snapshot, group, starts)
    if added:
        yield f"Add {added} node{'s' if added > 1 else ''} like {_model(snapshot, group)}: even the empty cluster has too little room."


def _nodes_needed(snapshot: Snapshot, group: PodGroup, starts: Callable[[PodGroup, Snapshot], bool]) -> int:
    model = _model(snapshot, group)
    if model is None:
        return 0
    state = snapshot.nodes[model]

    def enough(count: int) -> bool:
        names = [NodeName(f"{model}+{number}") for number in range(count)]
        nodes = {**snapshot.nodes, **{name: NodeState(replace(state.node, name=name)) for name in names}}
        evidence = snapshot.evidence.with_copies(model, names)
        return starts(group, replace(snapshot, nodes=nodes, evidence=evidence))

    count = 1
    while count <= MAX_NODES_ADDED and not enough(count):
        count *= 2
    return _smallest(count // 2 + 1, count, enough) if count <= MAX_NODES_ADDED else 0


def _model(snapshot: Snapshot, group: PodGroup) -> NodeName | None:
    """Return the node that offers most of what the gang counts in."""
    members = snapshot.members.get(group.key, ())
    if not members:
        return None
    resource, _ = amount_of(members[0].shape)
    best = max(
        snapshot.nodes.values(),
        key=lambda state: (state.node.allocatable[resource], state.node.name),
        default=None,
    )
    return best.node.name if best is not None and best.node.allocatable[resource] else None


def _largest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the largest number that holds, where smaller ones hold too; 0 when none does."""
    found = 0
    while low <= high:
        middle = (low + high) // 2
        if holds(middle):
            found, low = middle, middle + 1
        else:
            high = middle - 1
    return found


def _smallest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest number that holds, where larger ones hold too; `high` is known to."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return high
