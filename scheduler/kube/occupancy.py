"""
What pods take from each node, counted as they come and go.

Counts every pod with a node that has not ended, whoever scheduled it, also while it terminates. Exact integers, so that taking away what
was added leaves nothing behind. Beside that it keeps what rules on other pods need of each, and which volume claims they use.
"""

from collections import Counter
from typing import NamedTuple

from scheduler.model.ids import NodeName, PodUid
from scheduler.model.neighbours import Resident
from scheduler.model.pods import HostPort, Pod, PodShape
from scheduler.model.resources import NOTHING, Resources
from scheduler.model.volumes import ClaimKey


class _Held(NamedTuple):
    node: NodeName
    shape: PodShape
    resident: Resident
    claims: tuple[ClaimKey, ...] = ()

    def frees(self, after: "_Held") -> bool:
        return (
            self[:2] != after[:2]
            or self.claims != after.claims
            or self.resident.labels != after.resident.labels
        )


class Occupancy:
    """Requests, host ports, residents and volume claims per node. Nodes need not be known: pods may be listed before their nodes."""

    def __init__(self) -> None:
        self._held: dict[PodUid, _Held] = {}
        self._requested: dict[NodeName, Resources] = {}
        self._ports: dict[NodeName, list[HostPort]] = {}
        self._residents: dict[NodeName, dict[PodUid, Resident]] = {}
        self._claims: dict[NodeName, Counter[ClaimKey]] = {}
        self._touched: set[NodeName] = set()

    def put(self, pod: Pod) -> bool:
        """
        Count this pod in its present state. Returns whether something was freed, or rules may speak of the pod no longer as they did.

        That it is being deleted frees nothing yet.
        """
        before = self._held.get(pod.uid)
        after = (
            _Held(pod.node, pod.shape, pod.as_resident(), pod.claim_keys)
            if pod.node is not None and not pod.phase.is_terminal
            else None
        )
        if before == after:
            return False
        if before is not None:
            self._take_away(pod.uid)
        if after is not None:
            self._add(pod.uid, after)
        return before is not None and (after is None or before.frees(after))

    def drop(self, uid: PodUid) -> bool:
        """The pod is gone. Returns whether something was freed."""
        if uid not in self._held:
            return False
        self._take_away(uid)
        return True

    def requested(self, node: NodeName) -> Resources:
        """What the pods of this node ask for in all."""
        return self._requested.get(node, NOTHING)

    def host_ports(self, node: NodeName) -> tuple[HostPort, ...]:
        """The ports in use on this node, in order; one that two pods claim stands twice."""
        return tuple(sorted(self._ports.get(node, ())))

    def residents(self, node: NodeName) -> tuple[Resident, ...]:
        """The pods of this node, as others' rules see them."""
        return tuple(self._residents.get(node, {}).values())

    def claims(self, node: NodeName) -> tuple[ClaimKey, ...]:
        """The volume claims that the pods of this node use, each once, in order."""
        return tuple(sorted(self._claims.get(node, ())))

    def drain(self) -> frozenset[NodeName]:
        """Return the nodes whose numbers have changed since the last call."""
        touched = frozenset(self._touched)
        self._touched.clear()
        return touched

    def _add(self, uid: PodUid, held: _Held) -> None:
        node, shape, resident, claims = held
        self._held[uid] = held
        self._residents.setdefault(node, {})[uid] = resident
        self._requested[node] = self.requested(node) + shape.requests
        if shape.host_ports:
            self._ports.setdefault(node, []).extend(shape.host_ports)
        if claims:
            self._claims.setdefault(node, Counter()).update(claims)
        self._touched.add(node)

    def _take_away(self, uid: PodUid) -> None:
        node, shape, _, claims = self._held.pop(uid)
        residents = self._residents[node]
        del residents[uid]
        if not residents:
            del self._residents[node]
        rest = self._requested[node] - shape.requests
        if rest:
            self._requested[node] = rest
        else:
            del self._requested[node]
        for port in shape.host_ports:
            self._ports[node].remove(port)
        if not self._ports.get(node, [None]):
            del self._ports[node]
        if claims:
            left = self._claims[node] - Counter(claims)
            if left:
                self._claims[node] = left
            else:
                del self._claims[node]
        self._touched.add(node)
