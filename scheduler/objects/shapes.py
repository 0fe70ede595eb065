"""
Pod shapes: what decides where a pod may run, shared by all pods for which it is equal.

A pod's relevant fields are spelled as bytes, and the shape is a pure function of these bytes with a bounded memory. Bytes that differ may
still mean the same shape, so shapes are interned by value as well. What is unusually long is remembered by its digest, for as long as some
pod has that shape: a pod is seen again with every change of its status, and one of a megabyte takes long to translate.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from scheduler.model.pods import PodShape
from scheduler.objects import structs
from scheduler.objects.neighbours import pod_rules, spreads, with_label_keys
from scheduler.objects.requests import effective_request
from scheduler.objects.selectors import (
    host_ports,
    node_selector,
    preferred_terms,
    required_terms,
    tolerations,
)

REMEMBERED: Final = 4096  # shapes; a cluster rarely has hundreds at once
LONGEST_KEY: Final = 16_384  # bytes; bounds what outlives its pods to 64 MiB, some hundred KiB in practice

_OLD_DISKS: Final = (  # kinds from before CSI that are written into a pod itself
    ("aws_elastic_block_store", "volumes.awsElasticBlockStore"),
    ("azure_disk", "volumes.azureDisk"),
    ("cinder", "volumes.cinder"),
    ("gce_persistent_disk", "volumes.gcePersistentDisk"),
    ("iscsi", "volumes.iscsi"),
    ("portworx_volume", "volumes.portworxVolume"),
    ("rbd", "volumes.rbd"),
)


class _Relevant(msgspec.Struct, array_like=True):
    """The fields of a pod that its shape depends on."""

    spec: structs.PodSpec
    status: structs.PodStatus


_encode: Final = msgspec.msgpack.Encoder(order="deterministic").encode
_decode: Final = msgspec.msgpack.Decoder(_Relevant).decode


def shape_of(pod: structs.Pod, *, full: bool) -> PodShape:
    """Return the pod's shape; with `full` False only what it takes from a node, and its rules on other pods. Raises: BadObject."""
    spec, status = pod.spec, pod.status
    taken = structs.PodSpec(
        containers=spec.containers,
        init_containers=spec.init_containers,
        resources=spec.resources,
        overhead=spec.overhead,
        host_network=spec.host_network,
    )
    if full:
        taken.node_selector = spec.node_selector
        taken.affinity = spec.affinity
        taken.tolerations = spec.tolerations
        taken.topology_spread_constraints = with_label_keys(
            spec.topology_spread_constraints, pod.metadata.labels
        )
        taken.resource_claims = spec.resource_claims
        taken.volumes = _old_disks(spec.volumes or ())  # claims are the pod's own, and not of its shape
    elif spec.affinity is not None and (spec.affinity.pod_affinity or spec.affinity.pod_anti_affinity):
        taken.affinity = structs.Affinity(None, spec.affinity.pod_affinity, spec.affinity.pod_anti_affinity)
    resized = structs.PodStatus()
    if spec.node_name:
        resized.container_statuses = _resized(status.container_statuses)
        resized.init_container_statuses = _resized(status.init_container_statuses)
        resized.allocated_resources = status.allocated_resources
        resized.resources = status.resources
        resized.conditions = [
            structs.Condition(type=condition.type, reason=condition.reason)
            for condition in status.conditions or ()
            if condition.type == "PodResizePending"
        ] or None
    key = _encode(_Relevant(taken, resized))
    return _remembered(key) if len(key) <= LONGEST_KEY else _remembered_by_digest(key)


def _resized(statuses: list[structs.ContainerStatus] | None) -> list[structs.ContainerStatus] | None:
    return [s for s in statuses or () if s.allocated_resources is not None or s.resources is not None] or None


def _shape(key: bytes) -> PodShape:
    pod = _decode(key)
    spec = pod.spec
    unevaluated: set[str] = set()
    required = required_terms(spec.affinity, unevaluated)
    tolerated = tolerations(spec.tolerations, unevaluated)
    rules = pod_rules(spec.affinity, unevaluated)
    spread = spreads(spec.topology_spread_constraints, unevaluated)
    unevaluated.update(_beyond_us(spec))
    return PodShape(
        requests=effective_request(spec, pod.status),
        node_selector=node_selector(spec.node_selector),
        required_terms=required,
        preferred_terms=preferred_terms(spec.affinity),
        tolerations=tolerated,
        host_ports=host_ports(spec),
        rules=rules,
        spreads=spread,
        unevaluated=tuple(sorted(unevaluated)),
    )


@lru_cache(maxsize=REMEMBERED)
def _remembered(key: bytes) -> PodShape:
    return _interned(_shape(key))


_long: Final[WeakValueDictionary[bytes, PodShape]] = WeakValueDictionary()


def _remembered_by_digest(key: bytes) -> PodShape:
    digest = blake2b(key).digest()
    shape = _long.get(digest)
    if shape is None:
        shape = _long[digest] = _shape(key)
    return shape


@lru_cache(maxsize=REMEMBERED)
def _interned(shape: PodShape) -> PodShape:
    return shape


def _beyond_us(spec: structs.PodSpec) -> set[str]:
    """Name the constraints in use that kube-scheduler's filters evaluate and ours do not."""
    named: set[str] = set()
    if spec.resource_claims:
        named.add("resourceClaims")
    for volume in spec.volumes or ():
        named.update(field for attribute, field in _OLD_DISKS if getattr(volume, attribute) is not None)
    return named


def _old_disks(volumes: Iterable[structs.Volume]) -> list[structs.Volume] | None:
    """Return these volumes without names, which differ among equal pods, and without all others."""
    kinds = [attribute for attribute, _ in _OLD_DISKS]
    present = [{k: getattr(volume, k) for k in kinds if getattr(volume, k)} for volume in volumes]
    return [structs.Volume(**each) for each in present if each] or None
