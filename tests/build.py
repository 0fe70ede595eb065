"""Builders for tests: a cluster of nodes and gangs in a few words."""

from dataclasses import replace
from typing import Any

from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, GroupKey, GroupUid, LevelName, NodeName, PodKey, PodUid
from scheduler.model.nodes import Node
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import Pod, PodShape
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot

GPU = "nvidia.com/gpu"


def shape(gpus: int = 1, cpu: int = 1, **changes: Any) -> PodShape:
    """Return the shape of a pod with so many GPUs and cores."""
    return PodShape(Resources({GPU: gpus, "cpu": cpu * 1000, "pods": 1}), **changes)


def node(name: str, gpus: int = 8, cpu: int = 64, pods: int = 110, **changes: Any) -> NodeState:
    """Return an empty node."""
    return NodeState(Node(NodeName(name), Resources({GPU: gpus, "cpu": cpu * 1000, "pods": pods}), **changes))


def taken(state: NodeState, gpus: int) -> NodeState:
    """Return the node with so many GPUs in use by somebody."""
    return replace(state, requested=state.requested + Resources({GPU: gpus, "pods": 1}))


def gang(
    name: str, size: int, *, pod: PodShape | None = None, created_at: float = 0.0, **spec: Any
) -> tuple[PodGroup, tuple[Pod, ...]]:
    """Return a group of `size` and all its members."""
    key = GroupKey("team", name)
    spec.setdefault("min_count", size)
    group = PodGroup(key, GroupUid(f"g-{name}"), created_at=created_at, generation=1, **spec)
    return group, members(name, size, pod=pod)


def members(name: str, size: int, *, pod: PodShape | None = None, first: int = 0) -> tuple[Pod, ...]:
    """Return waiting members of a group."""
    key = GroupKey("team", name)
    return tuple(
        Pod(
            PodKey("team", f"{name}-{number}"),
            PodUid(f"{name}-{number}"),
            pod or shape(),
            group=key,
            created_at=float(number),
        )
        for number in range(first, first + size)
    )


def cluster(
    *states: NodeState,
    racks: dict[str, str] | None = None,
    blocks: dict[str, str] | None = None,
    **gangs: tuple[PodGroup, tuple[Pod, ...]],
) -> Snapshot:
    """Return a snapshot; `racks` maps nodes to racks, `blocks` nodes to blocks."""
    named = {name: homes for name, homes in (("block", blocks), ("rack", racks)) if homes}
    facts = tuple(
        TopologyFact(NodeName(node), LevelName(level), DomainName(home), "test")
        for level, homes in named.items()
        for node, home in sorted(homes.items())
    )
    return Snapshot(
        nodes={state.node.name: state for state in states},
        groups={group.key: group for group, _ in gangs.values()},
        members={group.key: pods for group, pods in gangs.values()},
        evidence=Evidence(tuple(Level(LevelName(level), f"example.com/{level}") for level in named), facts),
    )
