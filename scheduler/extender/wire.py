"""
The extender protocol on the wire, with the names that Go gives it.

Outer keys are capitalised, unset pointers arrive as null, and the pod inside keeps its ordinary names. Only what is read is decoded.
Source: kubernetes/kube-scheduler ``extender/v1/types.go``.
"""

from typing import Any

import msgspec
from msgspec import Struct, field

from scheduler.model.ids import NodeName, PodKey, PodUid
from scheduler.model.podgroups import MemberRef

MAX_NAME = 253
MAX_UID = 128


class BadRequestError(ValueError):
    """The body is not what kube-scheduler sends; one sentence that says what is wrong."""


class Metadata(Struct):
    """Who a pod is."""

    name: str = ""
    namespace: str = ""
    uid: str = ""


class PodSpec(Struct, rename="camel"):
    """Whose it is."""

    scheduler_name: str = ""


class Pod(Struct):
    """A pod as kube-scheduler's cache has it, possibly stale."""

    metadata: Metadata = field(default_factory=Metadata)
    spec: PodSpec = field(default_factory=PodSpec)

    @property
    def ref(self) -> MemberRef:
        """Address and identity."""
        return MemberRef(PodKey(self.metadata.namespace, self.metadata.name), PodUid(self.metadata.uid))


class _Named(Struct):
    metadata: Metadata = field(default_factory=Metadata)


class _NodeList(Struct):
    items: list[msgspec.Raw] | None = None


class ExtenderArgs(Struct, rename="pascal"):
    """Request of /filter and /prioritize."""

    pod: Pod | None = None
    nodes: _NodeList | None = None
    node_names: list[NodeName] | None = None


class ExtenderFilterResult(Struct, rename="pascal"):
    """Answer of /filter."""

    nodes: dict[str, Any] | None = None
    node_names: list[str] | None = None
    failed_nodes: dict[str, str] | None = None
    failed_and_unresolvable_nodes: dict[str, str] | None = None
    error: str = ""


class HostPriority(Struct, rename="pascal"):
    """One line of the answer of /prioritize; `score` runs from 0 to 10."""

    host: str
    score: int


class _MetaPod(Struct, rename={"uid": "UID"}):
    uid: str = ""


class MetaVictims(Struct, rename={"pods": "Pods", "num_pdb_violations": "NumPDBViolations"}):
    """Victims on one node, by identity."""

    pods: list[_MetaPod] | None = None
    num_pdb_violations: int = 0


class _Victims(Struct, rename={"pods": "Pods", "num_pdb_violations": "NumPDBViolations"}):
    pods: list[Pod] | None = None
    num_pdb_violations: int = 0


class ExtenderPreemptionArgs(Struct, rename="pascal"):
    """Request of /preempt."""

    pod: Pod | None = None
    node_name_to_victims: dict[str, _Victims] | None = None
    node_name_to_meta_victims: dict[str, MetaVictims] | None = None


class ExtenderPreemptionResult(Struct, rename="pascal"):
    """Answer of /preempt."""

    node_name_to_meta_victims: dict[str, MetaVictims]


class ExtenderBindingArgs(
    Struct,
    rename={"pod_name": "PodName", "pod_namespace": "PodNamespace", "pod_uid": "PodUID", "node": "Node"},
):
    """Request of /bind."""

    pod_name: str
    pod_namespace: str
    pod_uid: str
    node: str

    @property
    def ref(self) -> MemberRef:
        """Address and identity of the pod."""
        return MemberRef(PodKey(self.pod_namespace, self.pod_name), PodUid(self.pod_uid))


class ExtenderBindingResult(Struct, rename="pascal"):
    """Answer of /bind."""

    error: str = ""


filter_args = msgspec.json.Decoder(ExtenderArgs)
preemption_args = msgspec.json.Decoder(ExtenderPreemptionArgs)
binding_args = msgspec.json.Decoder(ExtenderBindingArgs)
_named = msgspec.json.Decoder(_Named)
encode = msgspec.json.Encoder().encode


def pod_of(args: ExtenderArgs | ExtenderPreemptionArgs) -> Pod:
    """Return the pod that a request is about. Raises: BadRequestError when it has no identity."""
    if args.pod is None:
        raise BadRequestError("The request names no Pod.")
    check_ref(args.pod.ref)
    return args.pod


def check_ref(ref: MemberRef) -> None:
    """Raise BadRequestError unless name, namespace and uid are there and of a possible length."""
    for what, text, limit in (
        ("name", ref.key.name, MAX_NAME),
        ("namespace", ref.key.namespace, MAX_NAME),
        ("uid", ref.uid, MAX_UID),
    ):
        if not text or len(text) > limit:
            raise BadRequestError(f"The pod's {what} must have 1 to {limit} characters.")


def offered(args: ExtenderArgs) -> tuple[NodeName, ...]:
    """Return the names of the nodes that kube-scheduler offers, in its order."""
    if args.node_names is not None:
        return tuple(args.node_names)
    items = args.nodes.items if args.nodes is not None else None
    return tuple(NodeName(_named.decode(item).metadata.name) for item in items or ())


def chosen(args: ExtenderArgs, names: frozenset[NodeName]) -> ExtenderFilterResult:
    """Return the answer that keeps only these nodes, in the form in which the nodes came."""
    if args.node_names is not None or args.nodes is None:
        return ExtenderFilterResult(node_names=[name for name in args.node_names or () if name in names])
    kept = [item for item in args.nodes.items or () if _named.decode(item).metadata.name in names]
    return ExtenderFilterResult(nodes={"items": kept})
