"""
Simulated nodes: from a shape (so many, so large, in so many racks) or from a file; rendered as Node manifests.

Each node carries the labels a real cluster would: zone and hostname, the GPU product, and the fabric's tiers as
topograph writes them (tier-0 the rack, tier-1 the block), so that topology is found the way it is found in the field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from scheduler.localcluster.errors import LocalClusterError

TIER_0 = "fabric.topograph.run/tier-0"
TIER_1 = "fabric.topograph.run/tier-1"
GPU = "nvidia.com/gpu"
MANAGED = "simulation.tutti.dev/node"
"""Set on every node created here; nothing depends on it, people may select by it."""

MOST_NODES = 5_000
"""The size Kubernetes itself is tested to; beyond it the control plane, not the scheduler, is what one measures."""

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NodeShape:
    """So many equal nodes, spread over racks and blocks in contiguous runs."""

    count: int = 64
    gpus: int = 8
    racks: int = 8
    blocks: int = 2
    cpu: str = "64"
    memory: str = "512Gi"
    pods: int = 110
    prefix: str = "node"
    zone: str = "zone-a"
    gpu_product: str = "NVIDIA-H100-80GB-HBM3"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.count <= MOST_NODES:
            raise LocalClusterError(f"nodes is {self.count}; give a number from 0 to {MOST_NODES}.")
        if self.gpus < 0 or self.pods < 1:
            raise LocalClusterError(
                f"a node with gpus={self.gpus} and pods={self.pods} cannot exist; gpus >= 0, pods >= 1."
            )
        if self.racks < 1 or self.blocks < 1 or self.blocks > self.racks:
            raise LocalClusterError(
                f"racks={self.racks} and blocks={self.blocks} do not nest; give 1 <= blocks <= racks."
            )


def manifests(source: NodeShape | Path) -> list[Manifest]:
    """Every node to create, by name; raises LocalClusterError for a file that cannot be read as nodes."""
    if isinstance(source, NodeShape):
        return _of_shape(source, first=0, first_rack=0, first_block=0)
    made: list[Manifest] = []
    racks = blocks = 0
    for item in _items(source):
        if item.get("kind") == "Node":
            made.append(_complete(item, source))
            continue
        shape = _shape(item, source)
        made += _of_shape(shape, first=len(made), first_rack=racks, first_block=blocks)
        racks, blocks = racks + shape.racks, blocks + shape.blocks
    names = [node["metadata"]["name"] for node in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LocalClusterError(f"{source} names the node {twice[0]} twice; give each node its own name.")
    return made


def _of_shape(shape: NodeShape, *, first: int, first_rack: int, first_block: int) -> list[Manifest]:
    return [
        _node(
            f"{shape.prefix}-{first + index:04d}",
            rack=first_rack + index * shape.racks // shape.count,
            block=first_block + (index * shape.racks // shape.count) * shape.blocks // shape.racks,
            shape=shape,
        )
        for index in range(shape.count)
    ]


def _node(name: str, *, rack: int, block: int, shape: NodeShape) -> Manifest:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": shape.zone,
        TIER_0: f"rack-{rack:02d}",
        TIER_1: f"block-{block}",
        MANAGED: "true",
    }
    capacity = {"cpu": shape.cpu, "memory": shape.memory, "pods": str(shape.pods)}
    if shape.gpus:
        labels[f"{GPU}.product"] = shape.gpu_product
        labels[f"{GPU}.count"] = str(shape.gpus)
        capacity[GPU] = str(shape.gpus)
    node: Manifest = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**labels, **shape.labels}},
        "spec": {"taints": [dict(taint) for taint in shape.taints]} if shape.taints else {},
        "status": {"capacity": capacity},
    }
    return _with_status(node)


def _with_status(node: Manifest) -> Manifest:
    """Give the node the status a kubelet registers with, so that one create makes it complete."""
    status = node.setdefault("status", {})
    capacity = status.get("capacity") or status.get("allocatable") or {}
    status.setdefault("capacity", dict(capacity))
    status.setdefault("allocatable", dict(capacity))
    status.setdefault("phase", "Running")
    status.setdefault("addresses", [{"type": "Hostname", "address": node["metadata"]["name"]}])
    status.setdefault(
        "conditions",
        [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "simulated node"}],
    )
    status.setdefault(
        "nodeInfo",
        {
            "architecture": "amd64",
            "operatingSystem": "linux",
            "kubeletVersion": "v1.37.2",
            "containerRuntimeVersion": "kwok://0.8.0",
            "bootID": "",
            "kernelVersion": "",
            "kubeProxyVersion": "",
            "machineID": "",
            "osImage": "simulated",
            "systemUUID": "",
        },
    )
    return node


def _items(path: Path) -> list[Mapping[str, Any]]:
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise LocalClusterError(
            f"The node file {path} cannot be read ({error.strerror}); give a YAML or JSON file."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LocalClusterError(
            f"The node file {path} is not YAML or JSON: {' '.join(str(error).split())}."
        ) from error
    items: list[Mapping[str, Any]] = []
    for document in documents:
        inner = document.get("items", document) if isinstance(document, Mapping) else document
        for item in inner if isinstance(inner, list) else [inner]:
            if item is None:
                continue
            if not isinstance(item, Mapping):
                raise LocalClusterError(
                    f"The node file {path} holds {item!r}; each entry is a Node manifest or a shape."
                )
            items.append(item)
    if not items:
        raise LocalClusterError(
            f"The node file {path} is empty; list Node manifests or shapes like {{count: 64, gpus: 8}}."
        )
    return items


def _shape(item: Mapping[str, Any], path: Path) -> NodeShape:
    known = {each.name: str(each.type) for each in fields(NodeShape)}
    values: dict[str, Any] = {}
    for key, value in item.items():
        if key not in known:
            raise LocalClusterError(f"{path}: a node shape has no field {key!r}; it has {', '.join(known)}.")
        accepted = _ACCEPTED.get(known[key], (Mapping, list))
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise LocalClusterError(f"{path}: {key} is {value!r}; a node shape wants {known[key]} there.")
        values[key] = str(value) if known[key] == "str" else value
    return NodeShape(**values)


_ACCEPTED: Mapping[str, tuple[type, ...]] = {"int": (int,), "str": (str, int)}
"""YAML reads `cpu: 64` as a number; as a quantity that is the same thing."""


def _complete(item: Mapping[str, Any], path: Path) -> Manifest:
    metadata = item.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(metadata, Mapping) or not isinstance(name, str) or not name:
        raise LocalClusterError(f"{path}: a Node has no metadata.name; give each node one.")
    kept = {key: value for key, value in metadata.items() if key in {"name", "labels", "annotations"}}
    kept["labels"] = {"kubernetes.io/hostname": name, MANAGED: "true", **(kept.get("labels") or {})}
    spec = {
        key: value for key, value in (item.get("spec") or {}).items() if key not in {"podCIDR", "podCIDRs"}
    }
    node: Manifest = {"apiVersion": "v1", "kind": "Node", "metadata": kept, "spec": spec}
    node["status"] = {
        key: dict(value)
        for key, value in (item.get("status") or {}).items()
        if key in {"capacity", "allocatable"} and isinstance(value, Mapping)
    }
    return _with_status(node)
