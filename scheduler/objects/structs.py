"""
Kubernetes objects on the wire: only the fields that we read, decoded by msgspec straight into these types.

Everything a typed API server may leave out has a default; nulls are accepted where Go has a pointer, list or map. Unknown fields are
skipped without being decoded, which is most of a pod. A wrong type is msgspec's ValidationError.
Next: `pods`, `nodes` and `priorities` translate; whoever receives bytes makes the decoder, with `decoding` if it is to tell of bad bytes.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Raw, Struct, field

Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Quantities = dict[str, str | Int | float]


class OwnerReference(Struct, rename="camel", omit_defaults=True):
    """Who owns an object."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class ObjectMeta(Struct, rename="camel", omit_defaults=True):
    """Identity, and what others attach to it."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: Int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None


class ResourceRequirements(Struct, omit_defaults=True):
    """What is asked for. Limits are left out: the API server has turned them into requests where none were given."""

    requests: Quantities | None = None


class ContainerPort(Struct, rename="camel", omit_defaults=True):
    """A port of a container; on the host too when `host_port` is set."""

    container_port: Int = 0
    host_port: Int = 0
    host_ip: str = field(name="hostIP", default="")
    protocol: str = ""


class Container(Struct, rename="camel", omit_defaults=True):
    """A container or init container. `restart_policy` Always makes an init container a sidecar."""

    name: str = ""
    resources: ResourceRequirements | None = None
    ports: list[ContainerPort] | None = None
    restart_policy: str | None = None


class LabelRequirement(Struct, omit_defaults=True):
    """A condition on a label, or on a field of a node."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class NodeSelectorTerm(Struct, rename="camel", omit_defaults=True):
    """Conditions that must all hold."""

    match_expressions: list[LabelRequirement] | None = None
    match_fields: list[LabelRequirement] | None = None


class NodeSelector(Struct, rename="camel", omit_defaults=True):
    """Terms of which one must hold."""

    node_selector_terms: list[NodeSelectorTerm] | None = None


class PreferredSchedulingTerm(Struct, omit_defaults=True):
    """A wish with a weight."""

    weight: Int = 0
    preference: NodeSelectorTerm = field(default_factory=NodeSelectorTerm)


class NodeAffinity(Struct, omit_defaults=True):
    """What a pod asks of nodes."""

    required: NodeSelector | None = field(name="requiredDuringSchedulingIgnoredDuringExecution", default=None)
    preferred: list[PreferredSchedulingTerm] | None = field(
        name="preferredDuringSchedulingIgnoredDuringExecution", default=None
    )


class Present(Struct):
    """Something of which only the presence matters."""


class LabelSelector(Struct, rename="camel", omit_defaults=True):
    """Conditions on labels that must all hold."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[LabelRequirement] | None = None


class PodAffinityTerm(Struct, rename="camel", omit_defaults=True):
    """Which other pods, and in which domain. The API server has merged (mis)matchLabelKeys into the selector when the pod was made."""

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: list[str] | None = None
    namespace_selector: LabelSelector | None = None


class WeightedPodAffinityTerm(Struct, rename="camel", omit_defaults=True):
    """A wish with a weight."""

    weight: Int = 0
    pod_affinity_term: PodAffinityTerm = field(default_factory=PodAffinityTerm)


class PodAffinity(Struct, omit_defaults=True):
    """What a pod asks of other pods' places."""

    required: list[PodAffinityTerm] | None = field(
        name="requiredDuringSchedulingIgnoredDuringExecution", default=None
    )
    preferred: list[WeightedPodAffinityTerm] | None = field(
        name="preferredDuringSchedulingIgnoredDuringExecution", default=None
    )


class Affinity(Struct, rename="camel", omit_defaults=True):
    """All that attracts or repels."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class Toleration(Struct, omit_defaults=True):
    """What taints a pod puts up with."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""


class TopologySpread(Struct, rename="camel", omit_defaults=True):
    """A rule on how pods are spread."""

    max_skew: Int = 1
    topology_key: str = ""
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: LabelSelector | None = None
    min_domains: Int | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: list[str] | None = None


class ClaimSource(Struct, rename="camel", omit_defaults=True):
    """A volume that is somebody's claim."""

    claim_name: str = ""


class Volume(Struct, rename="camel", omit_defaults=True):
    """A volume, by the kinds that may keep a pod from a node."""

    name: str = ""
    persistent_volume_claim: ClaimSource | None = None
    ephemeral: Present | None = None
    aws_elastic_block_store: Present | None = None
    azure_disk: Present | None = None
    cinder: Present | None = None
    gce_persistent_disk: Present | None = None
    iscsi: Present | None = None
    portworx_volume: Present | None = None
    rbd: Present | None = None


class PodSpec(Struct, rename="camel", omit_defaults=True):
    """What a pod wants."""

    scheduler_name: str = ""
    node_name: str = ""
    priority: Int | None = None
    scheduling_gates: list[Present] | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    resources: ResourceRequirements | None = None
    overhead: Quantities | None = None
    host_network: bool = False
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    tolerations: list[Toleration] | None = None
    topology_spread_constraints: list[TopologySpread] | None = None
    resource_claims: list[Present] | None = None
    volumes: list[Volume] | None = None


class ContainerStatus(Struct, rename="camel", omit_defaults=True):
    """What the kubelet granted (`allocated_resources`) and applied (`resources`)."""

    name: str = ""
    allocated_resources: Quantities | None = None
    resources: ResourceRequirements | None = None


class Condition(Struct, omit_defaults=True):
    """One condition of a pod, as far as we read it."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class PodStatus(Struct, rename="camel", omit_defaults=True):
    """What has become of a pod."""

    phase: str = ""
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    allocated_resources: Quantities | None = None
    resources: ResourceRequirements | None = None


class Pod(Struct):
    """A pod."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)


class _Place(Struct, rename="camel"):
    node_name: str = ""


class _Phase(Struct):
    phase: str = ""


class PodPlace(Struct):
    """Where a pod is and whether it has ended: what can be read of it when the rest cannot."""

    spec: _Place = field(default_factory=_Place)
    status: _Phase = field(default_factory=_Phase)


class Taint(Struct, omit_defaults=True):
    """A mark on a node."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(Struct):
    """What an administrator says of a node."""

    unschedulable: bool = False
    taints: list[Taint] | None = None


class NodeStatus(Struct):
    """What the kubelet says of a node."""

    allocatable: Quantities | None = None


class Node(Struct):
    """A node."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)


class PriorityClass(Struct, rename="camel"):
    """A named priority."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    value: Int = 0
    global_default: bool = False


class Namespace(Struct):
    """A namespace, of which only the labels matter."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)


class Status(Struct):
    """The API server's answer to a request that it refused, or that returns no object."""

    status: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0


class ListMeta(Struct, rename="camel"):
    """Where a list stands."""

    resource_version: str = ""
    continue_: str = field(name="continue", default="")


class ListPage(Struct):
    """One page of a list; items stay undecoded until their translator is known."""

    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Raw] | None = None
