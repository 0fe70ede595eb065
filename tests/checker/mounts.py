"""
May this pod, with its volumes, run on this node? From the Kubernetes documentation alone, without a table or a memory.

Sources: "Persistent Volumes" (binding, access modes, node affinity), "Storage Classes", "Node-specific Volume Limits", "Running in multiple
zones" (zone labels of volumes), and the API reference of CSINode, CSIDriver and VolumeAttachment.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from scheduler.model.ids import NodeName
from scheduler.model.nodes import Node
from scheduler.model.plan import Plan
from scheduler.model.pods import Pod
from scheduler.model.requirements import NodeSelectorTerm
from scheduler.model.snapshot import Snapshot
from scheduler.model.volumes import ClaimKey, StorageClass
from tests.checker.rules import fulfils

ZONES = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}

Volumes = set[tuple[str, str]]
"""Drivers and handles."""


def misfits(snapshot: Snapshot, pod: Pod, node: Node, *, evaluates_all: bool = False) -> Iterator[str]:
    """Yield every reason why the volumes of a pod keep it from a node. `evaluates_all`: somebody binds claims that wait for their pod."""
    storage = snapshot.storage
    for use in pod.claims:
        key = ClaimKey(pod.key.namespace, use.name)
        claim = storage.claims.get(key)
        if claim is None or claim.is_deleting or claim.is_lost:
            yield f"claim {key} is not there for use"
            continue
        if use.is_ephemeral and claim.owner != pod.uid:
            yield f"claim {key} is another pod's"
        if claim.is_exclusive and key in _taken(snapshot):
            yield f"claim {key} is in use"
        if not claim.is_bound:
            of_class = storage.classes.get(claim.storage_class)
            if claim.volume or of_class is None or not of_class.waits:
                yield f"claim {key} is not bound"
            elif not evaluates_all:
                yield from _cannot_be_made(snapshot, key, of_class, node)
            continue
        volume = storage.volumes.get(claim.volume)
        if volume is None:
            yield f"volume {claim.volume} does not exist"
            continue
        if volume.reach is not None and not any(_matches(term, node) for term in volume.reach):
            yield f"volume {claim.volume} is out of reach"
        if not use.is_ephemeral and any(label in node.labels for label in ZONES):
            for label, values in volume.zones:
                if node.labels.get(label, node.labels.get(ZONES[label])) not in values:
                    yield f"volume {claim.volume} is in another zone"
    yield from _limits(snapshot, node.name, set(_behind(snapshot, pod.claim_keys)))


def _taken(snapshot: Snapshot) -> set[ClaimKey]:
    """Return the claims of pods that have a node, or one that is kept for them."""
    standing = {key for state in snapshot.nodes.values() for key in state.claims}
    return standing | {
        key for kept in snapshot.reservations for slot in kept.slots for key in slot.claim_keys
    }


def _cannot_be_made(snapshot: Snapshot, key: ClaimKey, of_class: StorageClass, node: Node) -> Iterator[str]:
    """Yield why no new volume can be had for a claim that waits for its pod."""
    claim = snapshot.storage.claims[key]
    if of_class.provisioner in {"", "kubernetes.io/no-provisioner"} | snapshot.storage.measured:
        yield f"nobody here can have a volume made for claim {key}"
    for volume in snapshot.storage.volumes.values():
        if volume.claimed_by == key or (
            volume.claimed_by is None and volume.storage_class == claim.storage_class
        ):
            yield f"there is a volume that claim {key} may be bound to"
    if claim.selected_node not in {None, node.name}:
        yield f"the volume of claim {key} is being made for another node"
    if of_class.reach is not None and not any(_matches(term, node) for term in of_class.reach):
        yield f"no volume for claim {key} can be made there"


def crowds(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Yield the nodes that would attach too much with all that is planned, and the claims that two pods would have alone."""
    pods = {pod.uid: pod for members in snapshot.members.values() for pod in members}
    new: dict[NodeName, Volumes] = {}
    users: Counter[ClaimKey] = Counter()
    for admit in plan.admitted:
        for slot in admit.assignments:
            if slot.uid in pods and slot.node in snapshot.nodes:
                users.update(pods[slot.uid].claim_keys)
                new.setdefault(slot.node, set()).update(_behind(snapshot, pods[slot.uid].claim_keys))
    for name, volumes in sorted(new.items()):
        for objection in _limits(snapshot, name, volumes):
            yield f"{name}: {objection}"
    for key, count in sorted(users.items()):
        if count > 1 and key in snapshot.storage.claims and snapshot.storage.claims[key].is_exclusive:
            yield f"{count} pods would use claim {key}, which is for one"


def _limits(snapshot: Snapshot, name: NodeName, new: Volumes) -> Iterator[str]:
    storage = snapshot.storage
    known = storage.nodes.get(name)
    in_use = set(_behind(snapshot, snapshot.nodes[name].claims))
    for reservation in snapshot.reservations:
        for slot in reservation.slots:
            if slot.node == name:
                in_use.update(_behind(snapshot, slot.claim_keys))
    attached = set(in_use)
    for each in storage.attachments.values():
        volume = storage.volumes.get(each.volume)
        if each.node == name and volume is not None and volume.handle is not None:
            attached.add((each.driver, volume.handle.volume))
    for driver in sorted({driver for driver, _ in new}):
        if driver in storage.demanding and (known is None or driver not in known.names):
            yield f"driver {driver} is not there"
        if known is None or driver not in known.limits:
            continue
        # kube-scheduler counts a volume that is attached, but that no pod uses, beside the pod that comes to use it.
        more = sum(1 for each in new - in_use if each[0] == driver)
        if more and sum(1 for each in attached if each[0] == driver) + more > known.limits[driver]:
            yield f"{driver} attaches {known.limits[driver]} volumes there"


def _behind(snapshot: Snapshot, claims: Iterable[ClaimKey]) -> Iterator[tuple[str, str]]:
    """Yield the volumes of CSI drivers behind these claims; what is not bound counts as if its class had made one."""
    storage = snapshot.storage
    for key in claims:
        claim = storage.claims.get(key)
        volume = storage.volumes.get(claim.volume) if claim is not None else None
        if volume is not None and volume.handle is not None:
            yield volume.handle.driver, volume.handle.volume
        elif claim is not None and volume is None and claim.storage_class in storage.classes:
            yield storage.classes[claim.storage_class].provisioner, f"for {key}"


def _matches(term: NodeSelectorTerm, node: Node) -> bool:
    return bool(term.labels) and all(
        fulfils(requirement, node.labels.get(requirement.key)) for requirement in term.labels
    )
