"""
Random volumes, claims, CSINodes and pods that use them, as manifests for the API server.

What a controller would make of claims is written here as it would leave it: bound, lost, half bound, or not at all.
"""

from __future__ import annotations

import random
from typing import Final

from tests.live.parity.cases import Json

CORE, STORAGE = "v1", "storage.k8s.io/v1"
BOUND: Final = {"pv.kubernetes.io/bind-completed": "yes"}
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
OLD_ZONE: Final = "failure-domain.beta.kubernetes.io/zone"
LIMITED, FREE, DEMANDING = "limited.example.com", "free.example.com", "demanding.example.com"
SIZE: Final = {"storage": "1Gi"}
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
CLASSES: Final[list[Json]] = [
    {
        "apiVersion": STORAGE,
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": LIMITED,
        "volumeBindingMode": mode,
    }
    for name, mode in (
        ("at-once", "Immediate"),
        ("late", "WaitForFirstConsumer"),
        ("late-here", "WaitForFirstConsumer"),
    )
]
CLASSES[2]["allowedTopologies"] = [
    {"matchLabelExpressions": [{"key": "rack", "values": ["p", "q"]}]},
    {
        "matchLabelExpressions": [
            {"key": ZONE, "values": ["a"]},
            {"key": "rack", "values": ["r"]},
        ]
    },
]
DRIVERS: Final = [
    {
        "apiVersion": STORAGE,
        "kind": "CSIDriver",
        "metadata": {"name": name},
        "spec": {"attachRequired": True, **({"preventPodSchedulingIfMissing": True} if demands else {})},
    }
    for name, demands in ((LIMITED, False), (FREE, False), (DEMANDING, True))
]


def node(rng: random.Random, name: str) -> Json:
    """Return a node of ample size; zone labels of today, of old, or none."""
    labels = {"kubernetes.io/hostname": name, "rack": rng.choice("pqr")}
    kind = rng.random()
    if kind < 0.7:
        labels |= {ZONE: rng.choice("abc"), REGION: rng.choice("rs")}
    elif kind < 0.85:
        labels[OLD_ZONE] = rng.choice("abc")
    offered = {"cpu": "64", "memory": "256Gi", "pods": "500"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": offered, "allocatable": dict(offered)},
    }


def csi_node(rng: random.Random, name: str) -> Json | None:
    """Return the drivers of a node; some have none, and no limit."""
    if rng.random() < 0.1:
        return None
    drivers = []
    if rng.random() < 0.85:
        drivers.append(
            {
                "name": LIMITED,
                "nodeID": name,
                "topologyKeys": [],
                **({"allocatable": {"count": rng.choice([0, 1, 2, 3])}} if rng.random() < 0.85 else {}),
            }
        )
    if rng.random() < 0.6:
        drivers.append({"name": DEMANDING, "nodeID": name, "topologyKeys": []})
    return {
        "apiVersion": STORAGE,
        "kind": "CSINode",
        "metadata": {"name": name},
        "spec": {"drivers": drivers},
    }


def volume(rng: random.Random, name: str, handles: int, claim: Json) -> Json:
    """Return a volume that is bound to a claim: local, of a CSI driver, or another; sometimes with one handle for two."""
    spec: Json = {
        "capacity": SIZE,
        "accessModes": claim["spec"]["accessModes"],
        "claimRef": {
            "kind": "PersistentVolumeClaim",
            **{k: claim["metadata"][k] for k in ("namespace", "name", "uid")},
        },
    }
    kind = rng.choice(["csi", "csi", "csi", "local", "nfs"])
    if kind == "csi":
        driver = rng.choice([LIMITED, LIMITED, LIMITED, FREE, DEMANDING])
        spec["csi"] = {"driver": driver, "volumeHandle": f"handle-{rng.randrange(handles)}"}
    elif kind == "local":
        spec["local"] = {"path": "/data"}
    else:
        spec["nfs"] = {"server": "nfs", "path": "/"}
    if kind == "local" or rng.random() < 0.4:
        spec["nodeAffinity"] = {
            "required": {"nodeSelectorTerms": [_term(rng) for _ in range(rng.choice([1, 1, 2]))]}
        }
    labels = {}
    if rng.random() < 0.35:
        labels[rng.choice([ZONE, ZONE, OLD_ZONE])] = rng.choice(["a", "b", "a__b", "b__c", "d"])
    if rng.random() < 0.15:
        labels[REGION] = rng.choice(["r", "r__s"])
    return {
        "apiVersion": CORE,
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


def claim(rng: random.Random, name: str, volume_name: str) -> tuple[Json, bool]:
    """Return a claim, and whether the volume that it names shall exist."""
    fate = rng.choices(["bound", "at-once", "late", "half", "lost"], [24, 1, 4, 1, 1])[0]
    mode = rng.choice(["ReadWriteOnce", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"])
    spec: Json = {
        "accessModes": [mode],
        "resources": {"requests": SIZE},
        "storageClassName": rng.choice(["", "at-once", "late"]),
    }
    made: Json = {
        "apiVersion": CORE,
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": spec,
    }
    if fate == "at-once":
        spec["storageClassName"] = "at-once"
        return made, False
    if fate == "late":
        spec["storageClassName"] = rng.choice(["late", "late-here"])
        if rng.random() < 0.3:
            made["metadata"]["annotations"] = {SELECTED_NODE: f"node-{rng.randrange(60):04d}"}
        return made, False
    spec["volumeName"] = volume_name
    if fate != "half":
        made["metadata"]["annotations"] = BOUND
    return made, fate != "lost"


def pod(rng: random.Random, name: str, scheduler: str, claims: list[str]) -> Json:
    """Return a pod that uses a few claims, seldom one that does not exist, and volumes of other kinds."""
    used = rng.sample(claims, k=rng.choice([1, 1, 1, 2, 2, 3])) if rng.random() < 0.95 else []
    if rng.random() < 0.02:
        used.append("nowhere")
    volumes: list[Json] = [
        {"name": f"v{number}", "persistentVolumeClaim": {"claimName": each}}
        for number, each in enumerate(used)
    ]
    if rng.random() < 0.3:
        volumes += [{"name": "e", "emptyDir": {}}, {"name": "i", "csi": {"driver": LIMITED}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "schedulerName": scheduler,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "busybox", "resources": {"requests": {"cpu": "1m"}}}],
            "volumes": volumes,
        },
    }


def attachment(rng: random.Random, name: str, node_name: str, volume_name: str) -> Json:
    """Return a volume that is attached to a node, whether a pod there uses it or not."""
    return {
        "apiVersion": STORAGE,
        "kind": "VolumeAttachment",
        "metadata": {"name": name},
        "spec": {
            "attacher": rng.choice([LIMITED, LIMITED, FREE]),
            "nodeName": node_name,
            "source": {"persistentVolumeName": volume_name},
        },
    }


def _term(rng: random.Random) -> Json:
    key, values = rng.choice([("rack", "pqr"), (ZONE, "abc"), ("kubernetes.io/hostname", "")])
    if not values:
        return {
            "matchExpressions": [
                {"key": key, "operator": "In", "values": [f"node-{rng.randrange(60):04d}" for _ in range(12)]}
            ]
        }
    operator = rng.choice(["In", "In", "NotIn", "Exists"])
    made: Json = {"key": key, "operator": operator}
    if operator != "Exists":
        made["values"] = rng.sample(values, k=rng.choice([1, 2]))
    return {"matchExpressions": [made]}
