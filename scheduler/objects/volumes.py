"""
Volumes and what nodes attach, from the wire to the model: claims, persistent volumes, storage classes, CSI drivers, CSINodes and
VolumeAttachments. Only the fields that decide where a pod may run.

A volume whose kind kube-scheduler translates to CSI before it looks (the disks of clouds from before CSI) is marked as not evaluated.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from scheduler.model import volumes as model
from scheduler.model.ids import NodeName, PodUid
from scheduler.model.requirements import NodeSelectorTerm, Operator, Requirement
from scheduler.model.volumes import Attachment, Claim, ClaimKey, ClaimUse, Handle, NodeDrivers, Volume
from scheduler.objects import structs
from scheduler.objects.errors import BadObject
from scheduler.objects.labels import MAX_NAME, MAX_UID, required, shared
from scheduler.objects.selectors import MAX_AFFINITY, terms_of
from scheduler.objects.structs import Int, NodeSelector, ObjectMeta, Present

STORAGE_API: Final = "/apis/storage.k8s.io/v1"
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
BIND_COMPLETED: Final = "pv.kubernetes.io/bind-completed"
OLD_CLASS: Final = (
    "volume.beta.kubernetes.io/storage-class"  # an annotation; it wins over the field, as in Kubernetes
)
LATE_BINDING: Final = "WaitForFirstConsumer"
EXCLUSIVE: Final = "ReadWriteOncePod"
MAX_DRIVERS: Final = 256  # of one node; arbitrary, far above what there is
MAX_CLAIMS: Final = 1024  # of one pod; arbitrary
MAX_HANDLE: Final = 4096  # characters; handles are at most 4 KiB by the CSI specification
ZONE_SEPARATOR: Final = "__"
ZONE_LABELS: Final = {  # in the order of kube-scheduler's VolumeZone, with the label of today
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}


class ClaimSpec(Struct, rename="camel", omit_defaults=True):
    """What is claimed."""

    access_modes: list[str] | None = None
    volume_name: str = ""
    storage_class_name: str | None = None


class ClaimStatus(Struct, omit_defaults=True):
    """What has become of it."""

    phase: str = ""


class PersistentVolumeClaim(Struct):
    """A claim."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: ClaimSpec = field(default_factory=ClaimSpec)
    status: ClaimStatus = field(default_factory=ClaimStatus)


class CsiSource(Struct, rename="camel", omit_defaults=True):
    """A volume of a CSI driver."""

    driver: str = ""
    volume_handle: Annotated[str, Meta(max_length=MAX_HANDLE)] = ""


class VolumeNodeAffinity(Struct, omit_defaults=True):
    """From where a volume can be reached."""

    required: NodeSelector | None = None


class ClaimReference(Struct, omit_defaults=True):
    """The claim that a volume is for."""

    namespace: str = ""
    name: str = ""


class VolumeSpec(Struct, rename="camel", omit_defaults=True):
    """A volume; of the kinds that are translated to CSI only the presence matters."""

    csi: CsiSource | None = None
    node_affinity: VolumeNodeAffinity | None = None
    storage_class_name: str = ""
    claim_ref: ClaimReference | None = None
    aws_elastic_block_store: Present | None = None
    azure_disk: Present | None = None
    azure_file: Present | None = None
    cinder: Present | None = None
    gce_persistent_disk: Present | None = None
    portworx_volume: Present | None = None
    vsphere_volume: Present | None = None


_TRANSLATED: Final = (
    ("aws_elastic_block_store", "awsElasticBlockStore"),
    ("azure_disk", "azureDisk"),
    ("azure_file", "azureFile"),
    ("cinder", "cinder"),
    ("gce_persistent_disk", "gcePersistentDisk"),
    ("portworx_volume", "portworxVolume"),
    ("vsphere_volume", "vsphereVolume"),
)


class PersistentVolume(Struct):
    """A volume."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: VolumeSpec = field(default_factory=VolumeSpec)


class LabelValues(Struct, omit_defaults=True):
    """A label with one of these values."""

    key: str = ""
    values: list[str] | None = None


class TopologyTerm(Struct, rename="camel", omit_defaults=True):
    """Labels that must all be there."""

    match_label_expressions: list[LabelValues] | None = None


class StorageClass(Struct, rename="camel"):
    """A way to make volumes."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    provisioner: str = ""
    volume_binding_mode: str | None = None
    allowed_topologies: list[TopologyTerm] | None = None


class Allocatable(Struct, omit_defaults=True):
    """How many volumes."""

    count: Int | None = None


class NodeDriver(Struct, omit_defaults=True):
    """A driver on a node."""

    name: str = ""
    allocatable: Allocatable | None = None


class CsiNodeSpec(Struct, omit_defaults=True):
    """The drivers of a node."""

    drivers: list[NodeDriver] | None = None


class CsiNode(Struct):
    """A CSINode; its name is that of the node."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: CsiNodeSpec = field(default_factory=CsiNodeSpec)


class CsiDriverSpec(Struct, rename="camel", omit_defaults=True):
    """What a driver asks of schedulers."""

    prevent_pod_scheduling_if_missing: bool | None = None
    storage_capacity: bool | None = None


class CsiDriver(Struct):
    """A CSIDriver."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: CsiDriverSpec = field(default_factory=CsiDriverSpec)


class AttachmentSource(Struct, rename="camel", omit_defaults=True):
    """What is attached."""

    persistent_volume_name: str | None = None


class AttachmentSpec(Struct, rename="camel", omit_defaults=True):
    """What is attached where."""

    attacher: str = ""
    node_name: str = ""
    source: AttachmentSource = field(default_factory=AttachmentSource)


class VolumeAttachment(Struct):
    """A VolumeAttachment."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: AttachmentSpec = field(default_factory=AttachmentSpec)


def claim_from(obj: PersistentVolumeClaim) -> tuple[ClaimKey, Claim]:
    """Return a claim. Raises: BadObject."""
    meta, spec = obj.metadata, obj.spec
    key = ClaimKey(
        shared(required(meta.namespace, "metadata.namespace")), required(meta.name, "metadata.name")
    )
    annotations = meta.annotations or {}
    volume = _name(spec.volume_name, "spec.volumeName")
    owner = next((each.uid for each in meta.owner_references or () if each.controller), "")
    old_class = annotations.get(OLD_CLASS)
    selected = _name(annotations.get(SELECTED_NODE, ""), f"metadata.annotations[{SELECTED_NODE}]")
    of_class = old_class if old_class is not None else spec.storage_class_name or ""
    return key, Claim(
        volume=volume,
        storage_class=shared(_name(of_class, "spec.storageClassName")),
        is_bound=bool(volume) and BIND_COMPLETED in annotations,
        is_lost=obj.status.phase == "Lost",
        is_deleting=meta.deletion_timestamp is not None,
        is_exclusive=EXCLUSIVE in (spec.access_modes or ()),
        owner=PodUid(required(owner, "metadata.ownerReferences[].uid", MAX_UID)) if owner else None,
        selected_node=NodeName(shared(selected)) if selected else None,
    )


def volume_from(obj: PersistentVolume) -> tuple[str, Volume]:
    """Return a volume by its name. Raises: BadObject."""
    spec = obj.spec
    name = required(obj.metadata.name, "metadata.name")
    unevaluated = {kind for attribute, kind in _TRANSLATED if getattr(spec, attribute) is not None}
    reach = _reach(spec.node_affinity, unevaluated)
    handle = None
    if spec.csi is not None and spec.csi.driver and spec.csi.volume_handle:
        driver = shared(_name(spec.csi.driver, "spec.csi.driver"))
        handle = Handle(driver, spec.csi.volume_handle)
    return name, Volume(
        reach=reach,
        zones=_zones(obj.metadata.labels or {}),
        handle=handle,
        storage_class=shared(
            _name(
                (obj.metadata.annotations or {}).get(OLD_CLASS, spec.storage_class_name),
                "spec.storageClassName",
            )
        ),
        claimed_by=ClaimKey(spec.claim_ref.namespace, spec.claim_ref.name)
        if spec.claim_ref is not None
        else None,
        unevaluated=", ".join(sorted(unevaluated)),
    )


def class_from(obj: StorageClass) -> tuple[str, model.StorageClass]:
    """Return a storage class by its name. Raises: BadObject."""
    waits = obj.volume_binding_mode == LATE_BINDING
    provisioner = shared(_name(obj.provisioner, "provisioner"))
    name = required(obj.metadata.name, "metadata.name")
    return name, model.StorageClass(provisioner, waits, _allowed(obj.allowed_topologies))


def drivers_from(obj: CsiNode) -> tuple[NodeName, NodeDrivers]:
    """Return the drivers of a node. Raises: BadObject."""
    drivers = obj.spec.drivers or []
    if len(drivers) > MAX_DRIVERS:
        raise BadObject(f"spec.drivers has {len(drivers)} entries; {MAX_DRIVERS} is the limit.")
    names = tuple(
        sorted({shared(required(each.name, "spec.drivers[].name")) for each in drivers}),
    )
    limits = {
        shared(each.name): max(0, each.allocatable.count)
        for each in drivers
        if each.allocatable is not None and each.allocatable.count is not None
    }
    return NodeName(required(obj.metadata.name, "metadata.name")), NodeDrivers(names, limits)


def attachment_from(obj: VolumeAttachment) -> tuple[str, Attachment | None]:
    """Return an attachment by its name; None where it says nothing that counts. Raises: BadObject."""
    spec = obj.spec
    name = required(obj.metadata.name, "metadata.name")
    volume = spec.source.persistent_volume_name
    if not (spec.attacher and spec.node_name and volume):
        return name, None
    driver = shared(_name(spec.attacher, "spec.attacher"))
    node = NodeName(shared(_name(spec.node_name, "spec.nodeName")))
    return name, Attachment(node, driver, _name(volume, "spec.source.persistentVolumeName"))


def claims_of(pod: structs.Pod) -> tuple[ClaimUse, ...]:
    """Return the claims that a pod uses, in order. Raises: BadObject."""
    used = set()
    for volume in pod.spec.volumes or ():
        if volume.persistent_volume_claim is not None:
            used.add(ClaimUse(_name(volume.persistent_volume_claim.claim_name, "spec.volumes[].claimName")))
        elif volume.ephemeral is not None:
            used.add(ClaimUse(f"{pod.metadata.name}-{_name(volume.name, 'spec.volumes[].name')}", True))
    if len(used) > MAX_CLAIMS:
        raise BadObject(f"spec.volumes names {len(used)} claims; {MAX_CLAIMS} is the limit.")
    return tuple(sorted(used))


def _reach(affinity: VolumeNodeAffinity | None, unevaluated: set[str]) -> tuple[NodeSelectorTerm, ...] | None:
    """Return the terms of which one must match. One that speaks of fields of nodes is left out: kube-scheduler shows it none."""
    if affinity is None or affinity.required is None:
        return None
    unknown: set[str] = set()
    terms = terms_of(affinity.required, unknown)
    if unknown:
        unevaluated.add("nodeAffinity")
    return tuple(term for term in terms if not term.fields)


def _allowed(terms: list[TopologyTerm] | None) -> tuple[NodeSelectorTerm, ...] | None:
    """Return where volumes of a class can be made; None: anywhere."""
    if not terms:
        return None
    if sum(1 + len(term.match_label_expressions or ()) for term in terms) > MAX_AFFINITY:
        raise BadObject(f"allowedTopologies has more than {MAX_AFFINITY} terms and expressions.")
    return tuple(
        NodeSelectorTerm(
            tuple(
                Requirement(each.key, Operator.IN, tuple(each.values or ()))
                for each in term.match_label_expressions or ()
            )
        )
        for term in terms
    )


def _zones(labels: Mapping[str, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the zones and regions that a volume is labelled with; several are separated by two underscores."""
    found = []
    for label in ZONE_LABELS:
        values = [value.strip() for value in labels.get(label, "").split(ZONE_SEPARATOR)]
        if all(values):  # kube-scheduler ignores a label with an empty value among them
            found.append((label, tuple(sorted(set(values)))))
    return tuple(found)


def _name(text: str, where: str) -> str:
    if len(text) > MAX_NAME:
        raise BadObject(f"{where} has {len(text)} characters; {MAX_NAME} is the limit.")
    return text
