"""
May this pod, with its volumes, run on this node? From the Kubernetes documentation alone, without a table or a memory.

Sources: "Persistent Volumes" (binding, access modes, node affinity), "Storage Classes", "Node-specific Volume Limits", "Running in multiple
zones" (zone labels of volumes), and the API reference of CSINode, CSIDriver and VolumeAttachment.
"""

from collections.abc import Iterator

from scheduler.model.nodes import Node
from scheduler.model.pods import Pod
from scheduler.model.requirements import NodeSelectorTerm
from scheduler.model.snapshot import Snapshot
from scheduler.model.volumes import ClaimKey
from tests.checker.rules import fulfils

ZONES = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}


def misfits(snapshot: Snapshot, pod: Pod, node: Node) -> Iterator[str]:
    """Yield every reason why the volumes of a pod keep it from a node."""
    storage = snapshot.storage
    new: set[tuple[str, str]] = set()
    for use in pod.claims:
        key = ClaimKey(pod.key.namespace, use.name)
        claim = storage.claims.get(key)
        if claim is None or claim.is_deleting or claim.is_lost or not claim.is_bound:
            yield f"claim {key} is not bound for use"
            continue
        if use.is_ephemeral and claim.owner != pod.uid:
            yield f"claim {key} is another pod's"
        if claim.is_exclusive and any(key in state.claims for state in snapshot.nodes.values()):
            yield f"claim {key} is in use"
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
        if volume.handle is not None:
            new.add((volume.handle.driver, volume.handle.volume))
    yield from _limits(snapshot, node, new)


def _limits(snapshot: Snapshot, node: Node, new: set[tuple[str, str]]) -> Iterator[str]:
    storage = snapshot.storage
    known = storage.nodes.get(node.name)
    for driver in sorted({driver for driver, _ in new}):
        if driver in storage.demanding and (known is None or driver not in known.names):
            yield f"driver {driver} is not there"
        if known is None or driver not in known.limits:
            continue
        in_use = set()
        for key in snapshot.nodes[node.name].claims:
            claim = storage.claims.get(key)
            if claim is None:
                continue
            volume = storage.volumes.get(claim.volume)
            if volume is None:  # not bound yet, or to something that is gone: as if its class made one
                of_class = storage.classes.get(claim.storage_class)
                if of_class is not None and of_class.provisioner == driver:
                    in_use.add((driver, f"for {key}"))
            elif volume.handle is not None and volume.handle.driver == driver:
                in_use.add((driver, volume.handle.volume))
        attached = set(in_use)
        for each in storage.attachments.values():
            volume = storage.volumes.get(each.volume)
            if each.node == node.name and each.driver == driver and volume is not None and volume.handle:
                attached.add((driver, volume.handle.volume))
        # kube-scheduler counts a volume that is attached, but that no pod uses, beside the pod that comes to use it.
        more = {each for each in new if each[0] == driver} - in_use
        if more and len(attached) + len(more) > known.limits[driver]:
            yield f"{driver} attaches {known.limits[driver]} volumes there"


def _matches(term: NodeSelectorTerm, node: Node) -> bool:
    return bool(term.labels) and all(
        fulfils(requirement, node.labels.get(requirement.key)) for requirement in term.labels
    )
