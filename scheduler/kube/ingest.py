"""
From raw objects to facts: which translator reads which kind, and what happens to an object that cannot be read.

A bad object is set aside with a sentence and treated as absent, except for a pod that is on a node. Of that only what it takes there is
read; and where not even that can be read, nothing is planned on the node until it can, or the pod is gone: a node that stays empty is
better than one that is given away twice. Nothing here raises on what a cluster may hold.
Next: `feed` calls this for every change of a watch; `cache` keeps the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from scheduler.dialects import own, single
from scheduler.dialects.dialect import Dialect
from scheduler.kube.cache import Cache, SetAside
from scheduler.kube.reflector import UNREADABLE, Gone, Key, Put
from scheduler.model.ids import GroupKey, NodeName, PodKey, PodUid, QueueName
from scheduler.model.pods import Pod, PodShape
from scheduler.model.resources import NOTHING
from scheduler.model.volumes import ClaimKey
from scheduler.objects import device_slices, node_zones, structs, volumes
from scheduler.objects.amounts import filling
from scheduler.objects.errors import BadObject
from scheduler.objects.labels import kept, required
from scheduler.objects.nodes import node_from
from scheduler.objects.pods import pod_from
from scheduler.objects.priorities import priority_from

PODS = "pods"
ENDED = frozenset({"Succeeded", "Failed"})

_pod = msgspec.json.Decoder(structs.Pod)
_place = msgspec.json.Decoder(structs.PodPlace)
_node = msgspec.json.Decoder(structs.Node)
_priority = msgspec.json.Decoder(structs.PriorityClass)
_namespace = msgspec.json.Decoder(structs.Namespace)
_slice = msgspec.json.Decoder(device_slices.ResourceSlice)
_zones = msgspec.json.Decoder(node_zones.NodeResourceTopology)
_claim = msgspec.json.Decoder(volumes.PersistentVolumeClaim)
_volume = msgspec.json.Decoder(volumes.PersistentVolume)
_class = msgspec.json.Decoder(volumes.StorageClass)
_csi_node = msgspec.json.Decoder(volumes.CsiNode)
_csi_driver = msgspec.json.Decoder(volumes.CsiDriver)
_attachment = msgspec.json.Decoder(volumes.VolumeAttachment)


@dataclass(frozen=True, slots=True)
class Resource:
    """
    One kind that is listed and watched: where it is, and what its changes do.

    One that is optional may be unknown to the API server; then there are no such objects, and nobody waits for them.
    """

    kind: str
    path: str
    put: Callable[[Put], None]
    gone: Callable[[Gone], None]
    is_optional: bool = False


class Ingest:
    """Translates the changes of every kind we watch, and writes them to the cache. `tell` hears of each problem once."""

    def __init__(
        self,
        cache: Cache,
        dialects: Sequence[Dialect] = (own.OWN,),
        *,
        tell: Callable[[SetAside], None] = lambda aside: None,
    ) -> None:
        self._cache = cache
        self._dialects = tuple(dialects)
        self._tell = tell
        self._told: dict[tuple[str, Key], str] = {}

    def resources(self) -> tuple[Resource, ...]:
        """Return what to watch."""
        ours = f"/apis/{own.GROUP}/{own.VERSION}"
        return (
            Resource("nodes", "/api/v1/nodes", self._put_node, self._node_gone),
            Resource(PODS, "/api/v1/pods", self._put_pod, self._pod_gone),
            Resource("podgroups", f"{ours}/podgroups", self._put_group, self._group_gone),
            Resource("queues", f"{ours}/queues", self._put_queue, self._queue_gone),
            Resource("topologies", f"{ours}/topologies", self._put_topology, self._topology_gone),
            Resource(
                "priorityclasses",
                "/apis/scheduling.k8s.io/v1/priorityclasses",
                self._put_priority,
                self._priority_gone,
            ),
            Resource("namespaces", "/api/v1/namespaces", self._put_namespace, self._namespace_gone),
            *self._storage(),
            Resource(
                "resourceslices", device_slices.PATH, self._put_slice, self._slice_gone, is_optional=True
            ),
            Resource(
                "noderesourcetopologies", node_zones.PATH, self._put_zones, self._zones_gone, is_optional=True
            ),
        )

    def _storage(self) -> tuple[Resource, ...]:
        core, storage = "/api/v1", volumes.STORAGE_API
        return (
            Resource(
                "persistentvolumeclaims", f"{core}/persistentvolumeclaims", self._put_claim, self._claim_gone
            ),
            Resource("persistentvolumes", f"{core}/persistentvolumes", self._put_volume, self._volume_gone),
            Resource("storageclasses", f"{storage}/storageclasses", self._put_class, self._class_gone),
            Resource("csinodes", f"{storage}/csinodes", self._put_csi_node, self._csi_node_gone),
            Resource("csidrivers", f"{storage}/csidrivers", self._put_csi_driver, self._csi_driver_gone),
            Resource(
                "volumeattachments",
                f"{storage}/volumeattachments",
                self._put_attachment,
                self._attachment_gone,
            ),
        )

    def put(self, resource: Resource, change: Put) -> None:
        """Translate and store one object, or set it aside."""
        try:
            resource.put(change)
        except (BadObject, *UNREADABLE) as problem:
            if resource.kind == PODS:
                self._set_aside(resource, change.key, self._put_bad_pod(change, str(problem)))
            else:
                resource.gone(Gone(change.key, change.uid))
                self._set_aside(resource, change.key, str(problem))
        else:
            self._forget_aside(resource, change.key)

    def gone(self, resource: Resource, change: Gone) -> None:
        """Forget one object."""
        resource.gone(change)
        self._forget_aside(resource, change.key)

    def group_of(self, pod: structs.Pod) -> tuple[GroupKey, str | None]:
        """Return the group and role of a pod of ours, by the first dialect that claims it; else a group of its own."""
        for dialect in self._dialects:
            key = dialect.group_of(pod)
            if key is not None:
                return key, dialect.role_of(pod)
        return single.key_for(pod), None

    def _set_aside(self, resource: Resource, key: Key, sentence: str) -> None:
        self._cache.put_aside(resource.kind, key, sentence)
        if self._told.get((resource.kind, key)) != sentence:
            self._told[resource.kind, key] = sentence
            self._tell(SetAside(resource.kind, key, sentence))

    def _forget_aside(self, resource: Resource, key: Key) -> None:
        self._cache.forget_aside(resource.kind, key)
        self._told.pop((resource.kind, key), None)

    def _put_node(self, change: Put) -> None:
        self._cache.put_node(node_from(_node.decode(change.raw)))

    def _node_gone(self, change: Gone) -> None:
        self._cache.drop_node(NodeName(change.key[1]))

    def _put_pod(self, change: Put, *, full: bool = True) -> None:
        pod = _pod.decode(change.raw)
        if pod.spec.scheduler_name in self._cache.scheduler_names:
            group, role = self.group_of(pod)
            self._cache.put_pod(pod_from(pod, group=group, role=role, full=full))
        elif pod.spec.node_name and pod.status.phase not in ENDED:
            self._cache.put_pod(pod_from(pod, group=None, role=None, full=False))
        else:
            self._cache.drop_pod(PodKey(*change.key), PodUid(change.uid))

    def _put_bad_pod(self, change: Put, problem: str) -> str:
        """Count what a pod takes that cannot be read as a whole; return what to say of it."""
        known = self._cache.pod(PodKey(*change.key))
        before = known if known is not None and known.uid == change.uid and known.is_bound else None
        try:
            place = _place.decode(change.raw)
        except UNREADABLE:
            place = structs.PodPlace()
        node = place.spec.node_name or (before.node if before is not None else None)
        if not node:
            self._cache.drop_pod(PodKey(*change.key), PodUid(change.uid))
            return problem
        try:
            self._put_pod(change, full=False)
        except (BadObject, *UNREADABLE):
            if place.status.phase in ENDED:
                self._cache.drop_pod(PodKey(*change.key), PodUid(change.uid))
                return problem
            pod = before or Pod(
                PodKey(*change.key), PodUid(change.uid), PodShape(NOTHING), node=NodeName(node)
            )
            shape = PodShape(filling(pod.shape.requests), host_ports=pod.shape.host_ports)
            self._cache.put_pod(replace(pod, shape=shape))
            return f"{problem.rstrip('.')}; nothing is planned on node {node} until the pod can be read or is gone."
        return f"{problem.rstrip('.')}; only what it takes from node {node} is counted."

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

    def _put_slice(self, change: Put) -> None:
        found = device_slices.slice_from(_slice.decode(change.raw))
        if found is not None:
            self._cache.put_slice(found)
        else:
            self._cache.drop_slice(change.key[1])

    def _slice_gone(self, change: Gone) -> None:
        self._cache.drop_slice(change.key[1])

    def _put_zones(self, change: Put) -> None:
        self._cache.put_zones(*node_zones.zones_from(_zones.decode(change.raw)))

    def _zones_gone(self, change: Gone) -> None:
        self._cache.drop_zones(NodeName(change.key[1]))

    def _put_namespace(self, change: Put) -> None:
        namespace = _namespace.decode(change.raw)
        self._cache.put_namespace(
            required(namespace.metadata.name, "metadata.name"), kept(namespace.metadata.labels)
        )

    def _namespace_gone(self, change: Gone) -> None:
        self._cache.drop_namespace(change.key[1])

    def _put_claim(self, change: Put) -> None:
        self._cache.storage.put_claim(*volumes.claim_from(_claim.decode(change.raw)))

    def _claim_gone(self, change: Gone) -> None:
        self._cache.storage.drop_claim(ClaimKey(*change.key))

    def _put_volume(self, change: Put) -> None:
        self._cache.storage.put_volume(*volumes.volume_from(_volume.decode(change.raw)))

    def _volume_gone(self, change: Gone) -> None:
        self._cache.storage.drop_volume(change.key[1])

    def _put_class(self, change: Put) -> None:
        self._cache.storage.put_class(*volumes.class_from(_class.decode(change.raw)))

    def _class_gone(self, change: Gone) -> None:
        self._cache.storage.drop_class(change.key[1])

    def _put_csi_node(self, change: Put) -> None:
        self._cache.storage.put_drivers(*volumes.drivers_from(_csi_node.decode(change.raw)))

    def _csi_node_gone(self, change: Gone) -> None:
        self._cache.storage.drop_drivers(NodeName(change.key[1]))

    def _put_csi_driver(self, change: Put) -> None:
        spec = _csi_driver.decode(change.raw).spec
        self._cache.storage.put_driver(
            change.key[1],
            demands=bool(spec.prevent_pod_scheduling_if_missing),
            measures=bool(spec.storage_capacity),
        )

    def _csi_driver_gone(self, change: Gone) -> None:
        self._cache.storage.put_driver(change.key[1], demands=False, measures=False)

    def _put_attachment(self, change: Put) -> None:
        self._cache.storage.put_attachment(*volumes.attachment_from(_attachment.decode(change.raw)))

    def _attachment_gone(self, change: Gone) -> None:
        self._cache.storage.drop_attachment(change.key[1])
