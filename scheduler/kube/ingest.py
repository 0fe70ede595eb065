"""
From raw objects to facts: which translator reads which kind, and what happens to an object that cannot be read.

A bad object is set aside with a sentence and treated as absent, except for a pod that already occupies a node: what it occupied before
still counts. Nothing here raises on what a cluster may hold.
Next: `feed` calls this for every change of a watch; `cache` keeps the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from scheduler.dialects import own, single
from scheduler.dialects.dialect import Dialect
from scheduler.kube.cache import Cache
from scheduler.kube.reflector import UNREADABLE, Gone, Key, Put
from scheduler.model.ids import GroupKey, NodeName, PodKey, PodUid, QueueName
from scheduler.objects import structs
from scheduler.objects.errors import BadObject
from scheduler.objects.nodes import node_from
from scheduler.objects.pods import pod_from
from scheduler.objects.priorities import priority_from

ENDED = frozenset({"Succeeded", "Failed"})

_pod = msgspec.json.Decoder(structs.Pod)
_node = msgspec.json.Decoder(structs.Node)
_priority = msgspec.json.Decoder(structs.PriorityClass)


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind that is listed and watched: where it is, and what its changes do."""

    kind: str
    path: str
    put: Callable[[Put], None]
    gone: Callable[[Gone], None]


class Ingest:
    """Translates the changes of every kind we watch, and writes them to the cache."""

    def __init__(self, cache: Cache, dialects: Sequence[Dialect] = (own.OWN,)) -> None:
        self._cache = cache
        self._dialects = tuple(dialects)

    def resources(self) -> tuple[Resource, ...]:
        """Return what to watch."""
        ours = f"/apis/{own.GROUP}/{own.VERSION}"
        return (
            Resource("nodes", "/api/v1/nodes", self._put_node, self._node_gone),
            Resource("pods", "/api/v1/pods", self._put_pod, self._pod_gone),
            Resource("podgroups", f"{ours}/podgroups", self._put_group, self._group_gone),
            Resource("queues", f"{ours}/queues", self._put_queue, self._queue_gone),
            Resource("topologies", f"{ours}/topologies", self._put_topology, self._topology_gone),
            Resource(
                "priorityclasses",
                "/apis/scheduling.k8s.io/v1/priorityclasses",
                self._put_priority,
                self._priority_gone,
            ),
        )

    def put(self, resource: Resource, change: Put) -> None:
        """Translate and store one object, or set it aside."""
        try:
            resource.put(change)
        except (BadObject, *UNREADABLE) as problem:
            self._cache.put_aside(resource.kind, change.key, str(problem))
            if not self._occupies_a_node(resource, change.key):
                resource.gone(Gone(change.key, change.uid))
        else:
            self._cache.forget_aside(resource.kind, change.key)

    def gone(self, resource: Resource, change: Gone) -> None:
        """Forget one object."""
        resource.gone(change)
        self._cache.forget_aside(resource.kind, change.key)

    def group_of(self, pod: structs.Pod) -> tuple[GroupKey, str | None]:
        """Return the group and role of a pod of ours, by the first dialect that claims it; else a group of its own."""
        for dialect in self._dialects:
            key = dialect.group_of(pod)
            if key is not None:
                return key, dialect.role_of(pod)
        return single.key_for(pod), None

    def _occupies_a_node(self, resource: Resource, key: Key) -> bool:
        pod = self._cache.pod(PodKey(*key)) if resource.kind == "pods" else None
        return pod is not None and pod.is_bound

    def _put_node(self, change: Put) -> None:
        self._cache.put_node(node_from(_node.decode(change.raw)))

    def _node_gone(self, change: Gone) -> None:
        self._cache.drop_node(NodeName(change.key[1]))

    def _put_pod(self, change: Put) -> None:
        pod = _pod.decode(change.raw)
        if pod.spec.scheduler_name in self._cache.scheduler_names:
            group, role = self.group_of(pod)
            self._cache.put_pod(pod_from(pod, group=group, role=role, full=True))
        elif pod.spec.node_name and pod.status.phase not in ENDED:
            self._cache.put_pod(pod_from(pod, group=None, role=None, full=False))
        else:
            self._cache.drop_pod(PodKey(*change.key), PodUid(change.uid))

    def _pod_gone(self, change: Gone) -> None:
        self._cache.drop_pod(PodKey(*change.key), PodUid(change.uid))

    def _put_group(self, change: Put) -> None:
        self._cache.put_group(own.OWN.parse(bytes(change.raw)))

    def _group_gone(self, change: Gone) -> None:
        self._cache.drop_group(GroupKey(*change.key))

    def _put_queue(self, change: Put) -> None:
        self._cache.put_queue(own.parse_queue(bytes(change.raw)))

    def _queue_gone(self, change: Gone) -> None:
        self._cache.drop_queue(QueueName(change.key[1]))

    def _put_topology(self, change: Put) -> None:
        self._cache.put_topology(*own.parse_topology(bytes(change.raw)))

    def _topology_gone(self, change: Gone) -> None:
        self._cache.drop_topology(change.key[1])

    def _put_priority(self, change: Put) -> None:
        name, value, _ = priority_from(_priority.decode(change.raw))
        self._cache.put_priority(name, value)

    def _priority_gone(self, change: Gone) -> None:
        self._cache.drop_priority(change.key[1])
