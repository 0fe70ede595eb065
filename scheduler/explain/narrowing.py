"""
The same question on fewer nodes, where that is a proof: what equal members find on some of the nodes, they find on all of them.

A decision costs with the nodes of the cluster; on the few that suffice by count it costs next to nothing. That holds as long as nothing on
the nodes left out can speak against a place: pods whose wishes are about other pods can. So nothing is left out if anything in the snapshot
asks for more than is counted here, whatever it is; also what this version of this room has never heard of.
"""

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Final

from scheduler.explain.questions import is_counted
from scheduler.model.ids import NodeName
from scheduler.model.snapshot import NodeState, Snapshot

COUNTED: Final = frozenset(
    {"nodes", "groups", "members", "queues", "evidence", "reservations", "refused", "storage"}
)
COUNTED_OF_A_NODE: Final = frozenset({"node", "requested", "host_ports", "claims"})


def may_be_narrowed(snapshot: Snapshot) -> bool:
    """Whether nodes may be left out. Cost: O(pods)."""
    others = [field.name for field in fields(Snapshot) if field.name not in COUNTED]
    if any(getattr(snapshot, name) for name in others):
        return False
    others = [field.name for field in fields(NodeState) if field.name not in COUNTED_OF_A_NODE]
    if any(getattr(state, name) for state in snapshot.nodes.values() for name in others):
        return False
    pods = [pod for pods in snapshot.members.values() for pod in pods]
    return not any(pod.claims for pod in pods) and all(map(is_counted, {pod.shape for pod in pods}))


def narrowed(snapshot: Snapshot, names: Collection[NodeName]) -> Snapshot:
    """Return the snapshot with these nodes only."""
    return replace(snapshot, nodes={name: snapshot.nodes[name] for name in sorted(names)})
