"""Pods and nodes as the API server sends them."""

from typing import Any

import msgspec

from scheduler.model.ids import GroupKey
from scheduler.model.nodes import Node
from scheduler.model.pods import Pod
from scheduler.objects import structs
from scheduler.objects.nodes import node_from
from scheduler.objects.pods import pod_from

METADATA = {
    "name": "p",
    "namespace": "team-a",
    "uid": "uid-1",
    "resourceVersion": "7",
    "creationTimestamp": "2026-11-24T10:00:00Z",
}


def wire_pod(
    spec: dict[str, Any] | None = None,
    *,
    metadata: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
) -> structs.Pod:
    obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": METADATA | (metadata or {}),
        "spec": spec or {},
        "status": status or {},
    }
    return msgspec.json.decode(msgspec.json.encode(obj), type=structs.Pod)


def pod(
    spec: dict[str, Any] | None = None,
    *,
    full: bool = True,
    group: GroupKey | None = None,
    metadata: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
) -> Pod:
    return pod_from(wire_pod(spec, metadata=metadata, status=status), group=group, role=None, full=full)


def asking(requests: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A container with these requests."""
    return {"name": "main", "resources": {"requests": requests}} | fields


def node(
    allocatable: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
) -> Node:
    obj = {
        "metadata": {"name": "node-0", "labels": labels or {}},
        "spec": spec or {},
        "status": {"allocatable": allocatable or {}},
    }
    return node_from(msgspec.json.decode(msgspec.json.encode(obj), type=structs.Node))
