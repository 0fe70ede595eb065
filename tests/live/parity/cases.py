"""
Random nodes and pods that use everything the predicates look at, as manifests for the API server.

Each function takes the source of chance, so one seed gives the same cases each time. What the API server would refuse is not made.
"""

from __future__ import annotations

import random
from typing import Any, Final

Json = dict[str, Any]

ZONES: Final = ("a", "b", "c")
KINDS: Final = ("fast", "slow")
SIZES: Final = ("0", "1", "2", "10", "007", "ten", "9223372036854775807", "9223372036854775808")
EFFECTS: Final = ("NoSchedule", "NoExecute", "PreferNoSchedule")
PORTS: Final = (6060, 7070, 8080, 9090)
UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
GPU, FPGA, HUGE, DISK = "nvidia.com/gpu", "example.com/fpga", "hugepages-2Mi", "ephemeral-storage"

RUNTIME_CLASSES: Final[tuple[Json, ...]] = (
    {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "sandboxed"},
        "handler": "sandboxed",
        "overhead": {"podFixed": {"cpu": "250m", "memory": "160Mi"}},
    },
    {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "picky"},
        "handler": "picky",
        "overhead": {"podFixed": {"cpu": "1500m"}},
        "scheduling": {
            "nodeSelector": {"kind": "fast"},
            "tolerations": [{"key": "team", "operator": "Exists", "effect": "NoSchedule"}],
        },
    },
)


def node(rng: random.Random, name: str) -> Json:
    """Return a node: labels, taints, a cordon, and what it offers."""
    offered = {
        "cpu": rng.choice(["2", "7500m", "16"]),
        "memory": rng.choice(["8Gi", "16Gi", "20000000k"]),
        "pods": rng.choice(["2", "5", "110"]),
        **({GPU: rng.choice(["0", "4", "8"])} if rng.random() < 0.8 else {}),
        **({FPGA: "1"} if rng.random() < 0.4 else {}),
        **({HUGE: rng.choice(["32Mi", "128Mi"])} if rng.random() < 0.5 else {}),
        **({DISK: rng.choice(["1Gi", "100Gi"])} if rng.random() < 0.7 else {}),
    }
    labels = {"zone": rng.choice(ZONES), "kind": rng.choice(KINDS), "size": rng.choice(SIZES)}
    if rng.random() < 0.2:
        del labels["size"]
    taints = [taint(rng) for _ in range(rng.choice([0, 0, 0, 1, 1, 2]))]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        # One taint per key and effect, as the API server demands.
        "spec": {
            "taints": list({(each["key"], each["effect"]): each for each in taints}.values()),
            "unschedulable": rng.random() < 0.15,
        },
        "status": {"capacity": offered, "allocatable": dict(offered)},
    }


def taint(rng: random.Random) -> Json:
    """Return a taint of any effect, with a value or without."""
    made = {"key": rng.choice(["team", "old", "example.com/maintenance"]), "effect": rng.choice(EFFECTS)}
    return {**made, "value": rng.choice(["red", "blue"])} if rng.random() < 0.6 else made


def pod(rng: random.Random, name: str, scheduler: str, nodes: int) -> Json:
    """
    Return a pod; `nodes` is how many there are to be named.

    Half of them use some of everything. The others are of little need and put up with everything but in one respect, so that one
    predicate alone decides.
    """
    respect = rng.choice(["room", "ports", "labels", "taints", "all", "all", "all", "all"])
    spec: Json = {"schedulerName": scheduler, "terminationGracePeriodSeconds": 0}
    spec |= containers(rng, needs=respect in {"room", "all"}, ports=respect in {"ports", "all"})
    if respect in {"room", "all"} and rng.random() < 0.25:
        spec["runtimeClassName"] = rng.choice(["sandboxed", "picky"])
    if respect in {"labels", "all"}:
        spec |= selection(rng, nodes)
    if respect not in {"taints", "all"}:
        spec["tolerations"] = [{"operator": "Exists"}]
    elif rng.random() < 0.7:
        spec["tolerations"] = [toleration(rng) for _ in range(rng.randint(1, 3))]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def containers(rng: random.Random, *, needs: bool, ports: bool) -> Json:
    """Return containers, init containers and sidecars; with `needs` of any size, maybe sized as a whole."""
    is_sized_whole = needs and rng.random() < 0.2
    small = is_sized_whole or not needs
    free = rng.sample(PORTS, k=len(PORTS))  # a pod takes no port twice
    made: Json = {
        "containers": [
            container(rng, f"c{n}", small=small, port_number=free.pop() if ports else None)
            for n in range(rng.randint(1, 2))
        ]
    }
    if rng.random() < 0.35:
        made["initContainers"] = [
            {
                **container(rng, f"i{n}", small=small, port_number=free.pop() if ports else None),
                **({"restartPolicy": "Always"} if rng.random() < 0.5 else {}),
            }
            for n in range(rng.randint(1, 2))
        ]
    if is_sized_whole:
        made["resources"] = pod_level(rng)
    if ports and rng.random() < 0.15:
        made["hostNetwork"] = True
    return made


def selection(rng: random.Random, nodes: int) -> Json:
    """Return a node selector, a node affinity, or both."""
    made: Json = {"nodeSelector": {"zone": rng.choice(ZONES)}} if rng.random() < 0.3 else {}
    affinity = node_affinity(rng, nodes)
    return {**made, "affinity": {"nodeAffinity": affinity}} if affinity else made


def container(rng: random.Random, name: str, *, small: bool, port_number: int | None) -> Json:
    """Return a container with requests of some kind, and ports. `small`: little enough for any node, and any pod-level request."""
    requests = {
        "cpu": rng.choice(["0", "1m", "0.1"] if small else ["0", "1m", "100m", "0.5", "1500m", "3"]),
        "memory": rng.choice(["1", "64Mi", "1e7"] if small else ["64Mi", "1G", "1.5Gi", "1e9", "123456789"]),
    }
    limits: Json = {}
    if not small:
        limits |= {GPU: rng.choice(["0", "1", "2", "4"])} if rng.random() < 0.35 else {}
        limits |= {FPGA: "1"} if rng.random() < 0.1 else {}
        limits |= {HUGE: rng.choice(["16Mi", "64Mi"])} if rng.random() < 0.2 else {}
        requests |= {DISK: rng.choice(["100Mi", "2Gi"])} if rng.random() < 0.2 else {}
    made: Json = {
        "name": name,
        "image": "busybox",
        "resources": {"requests": {**requests, **limits}, **({"limits": limits} if limits else {})},
    }
    if port_number is not None and rng.random() < 0.6:
        made["ports"] = [port(rng, port_number)]
    return made


def port(rng: random.Random, number: int) -> Json:
    """Return a port, of the node most of the time, at one of its addresses or at all."""
    made: Json = {"containerPort": number, "protocol": rng.choice(["TCP", "TCP", "UDP", "SCTP"])}
    if rng.random() < 0.8:
        made["hostPort"] = number
        if rng.random() < 0.6:
            made["hostIP"] = rng.choice(["127.0.0.1", "0.0.0.0", "10.0.0.1", "::1", "::"])  # noqa: S104  what pods ask for
    return made


def pod_level(rng: random.Random) -> Json:
    """Return requests of the pod as a whole."""
    requests = {
        key: value
        for key, value in (
            ("cpu", rng.choice(["1", "3", "9"])),
            ("memory", rng.choice(["1Gi", "6Gi"])),
        )
        if rng.random() < 0.7
    }
    if rng.random() < 0.4 and requests:
        huge = {HUGE: rng.choice(["16Mi", "64Mi"])}
        return {"requests": {**requests, **huge}, "limits": huge}
    return {"requests": requests or {"cpu": "2"}}


def node_affinity(rng: random.Random, nodes: int) -> Json:
    """Return required terms half of the time, and wishes, which forbid nothing, now and then."""
    made: Json = {}
    if rng.random() < 0.5:
        terms = [term(rng, nodes) for _ in range(rng.randint(1, 2))]
        made["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if rng.random() < 0.2:
        wish = {"weight": 7, "preference": {"matchExpressions": [requirement(rng)]}}
        made["preferredDuringSchedulingIgnoredDuringExecution"] = [wish]
    return made


def term(rng: random.Random, nodes: int) -> Json:
    """Return a term: of labels, of the node's name, of both, or empty, which matches nothing."""
    made: Json = {}
    if rng.random() < 0.85:
        made["matchExpressions"] = [requirement(rng) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.3:
        names = [f"node-{rng.randrange(nodes + 1):04d}"]  # now and then one that does not exist
        made["matchFields"] = [
            {"key": "metadata.name", "operator": rng.choice(["In", "NotIn"]), "values": names}
        ]
    return made


def requirement(rng: random.Random) -> Json:
    """Return one requirement of any operator."""
    operator = rng.choice(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])
    if operator in {"Gt", "Lt"}:
        return {
            "key": "size",
            "operator": operator,
            "values": [rng.choice(["0", "1", "5", "010", "five", SIZES[-2]])],
        }
    key = rng.choice(["zone", "kind", "size", "absent"])
    if operator in {"Exists", "DoesNotExist"}:
        return {"key": key, "operator": operator}
    return {
        "key": key,
        "operator": operator,
        "values": rng.sample([*ZONES, *KINDS, "1", "10", ""], k=rng.randint(1, 3)),
    }


def toleration(rng: random.Random) -> Json:
    """Return a toleration of any form that the API server takes."""
    made: Json = {}
    operator = rng.choice(["Exists", "Equal", ""])
    if operator:
        made["operator"] = operator
    if operator != "Exists" or rng.random() < 0.85:
        made["key"] = rng.choice(["team", "old", "example.com/maintenance", UNSCHEDULABLE])
    if operator != "Exists" and rng.random() < 0.8:
        made["value"] = rng.choice(["red", "blue", ""])
    if rng.random() < 0.5:
        made["effect"] = rng.choice(EFFECTS)
        if made["effect"] == "NoExecute" and rng.random() < 0.3:
            made["tolerationSeconds"] = 300
    return made
