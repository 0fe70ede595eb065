"""
How much of the cluster's GPUs is in use, and how much of the rest is in pieces.

Read when metrics are asked for. Cost: O(nodes), some milliseconds at 5,000.
Source: `benchmarks` definitions, section 1.3: GPU allocation; fragmentation with whole nodes as the one class of requests.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from scheduler.model.nodes import Node, TaintEffect
from scheduler.model.snapshot import NodeState

ABSENT: Final = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})


@dataclass(frozen=True, slots=True)
class GpuUse:
    """
    GPUs of the nodes that are ready and not cordoned: all, those that bound pods of whatever scheduler ask for, and the free ones
    on nodes of which a part is in use.
    """

    allocatable: int = 0
    allocated: int = 0
    in_pieces: int = 0

    @property
    def allocation(self) -> float:
        """The share that is in use; 0 without GPUs."""
        return self.allocated / self.allocatable if self.allocatable else 0.0

    @property
    def fragmentation(self) -> float:
        """The share of the free GPUs that a gang of whole nodes cannot use; 0 when none is free."""
        free = self.allocatable - self.allocated
        return self.in_pieces / free if free > 0 else 0.0


def gpu_use(nodes: Iterable[NodeState]) -> GpuUse:
    """Count the GPUs of these nodes. A node that is overcommitted counts as full."""
    allocatable = allocated = in_pieces = 0
    for state in nodes:
        gpus = state.node.allocatable.gpus
        if not gpus or not _is_usable(state.node):
            continue
        used = min(gpus, state.requested.gpus)
        allocatable += gpus
        allocated += used
        if used:
            in_pieces += gpus - used
    return GpuUse(allocatable, allocated, in_pieces)


def _is_usable(node: Node) -> bool:
    return not node.unschedulable and not any(
        taint.key in ABSENT and taint.effect is not TaintEffect.PREFER_NO_SCHEDULE for taint in node.taints
    )
