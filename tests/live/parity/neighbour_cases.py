"""
Random nodes and pods that use every field of inter-pod affinity and topology spread, as manifests for the API server.

Nothing else is in anybody's way but a few taints and node selectors, which the policies of spread constraints look at. What the API server
would refuse is not made.
"""

from __future__ import annotations

import random
from typing import Final

from tests.live.parity.cases import Json

NAMESPACE_KINDS: Final = ({"kind": "ours"}, {"kind": "theirs"}, {})
HOST: Final = "kubernetes.io/hostname"
KEYS: Final = (HOST, HOST, "zone", "zone", "rack", "rack", "room", "nowhere")
APPS, TIERS, VERSIONS = ("a", "b", "c", "d"), ("x", "y"), ("1", "2")
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def node(rng: random.Random, name: str) -> Json:
    """Return a node of ample size with topology labels, of which some are missing."""
    labels = {
        HOST: name,
        "zone": rng.choice("abc"),
        "rack": rng.choice("pqrstuvw"),
        "room": rng.choice("mn"),
        "fast": rng.choice(["yes", "no"]),
    }
    for key in (HOST, "zone", "rack", "room"):
        if rng.random() < 0.08:
            del labels[key]
    offered = {"cpu": "64", "memory": "256Gi", "pods": "500"}
    taints = (
        [{"key": "red", "effect": rng.choice(["NoSchedule", "PreferNoSchedule"])}]
        if rng.random() < 0.25
        else []
    )
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": taints},
        "status": {"capacity": offered, "allocatable": dict(offered)},
    }


def pod(rng: random.Random, name: str, scheduler: str, namespaces: list[str], *, stands: bool) -> Json:
    """Return a pod; one that stands has rules less often, or nobody could come."""
    labels = {
        key: rng.choice(values)
        for key, values in (("app", APPS), ("tier", TIERS), ("version", VERSIONS))
        if rng.random() < 0.8
    }
    spec: Json = {
        "schedulerName": scheduler,
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": "busybox", "resources": {"requests": {"cpu": "1m"}}}],
    }
    if stands:
        if rng.random() < 0.12:
            spec["affinity"] = {"podAntiAffinity": {REQUIRED: [term(rng, namespaces, labels, narrow=True)]}}
        return _made(name, labels, spec)
    respect = rng.choice(["none", "near", "away", "spread", "spread", "all", "all"])
    affinity: Json = {}
    if respect in {"near", "all"} and (respect == "near" or rng.random() < 0.5):
        affinity["podAffinity"] = _side(rng, namespaces, labels)
    if respect in {"away", "all"} and (respect == "away" or rng.random() < 0.5):
        affinity["podAntiAffinity"] = _side(rng, namespaces, labels)
    if affinity:
        spec["affinity"] = affinity
    if respect in {"spread", "all"}:
        spec["topologySpreadConstraints"] = spreads(rng, labels)
    if rng.random() < 0.3:
        spec["nodeSelector"] = {"fast": "yes"}
    if rng.random() < 0.5:
        spec["tolerations"] = [{"key": "red", "operator": "Exists"}]
    return _made(name, labels, spec)


def _made(name: str, labels: Json, spec: Json) -> Json:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def _side(rng: random.Random, namespaces: list[str], labels: Json) -> Json:
    made: Json = {}
    if rng.random() < 0.85:
        made[REQUIRED] = [term(rng, namespaces, labels) for _ in range(rng.choice([1, 1, 2]))]
    if rng.random() < 0.3:
        made[PREFERRED] = [{"weight": rng.randint(1, 100), "podAffinityTerm": term(rng, namespaces, labels)}]
    return made


def term(rng: random.Random, namespaces: list[str], labels: Json, *, narrow: bool = False) -> Json:
    """Return a term on pods near or away, of any form. `narrow`: by host most of the time."""
    made: Json = {"topologyKey": HOST if narrow and rng.random() < 0.7 else rng.choice(KEYS)}
    selector = label_selector(rng)
    if selector is not None:
        made["labelSelector"] = selector
        named = _named(selector)
        free = [key for key in ("app", "tier", "version") if key in labels and key not in named]
        if free and rng.random() < 0.3:
            made[rng.choice(["matchLabelKeys", "mismatchLabelKeys"])] = [rng.choice(free)]
    if rng.random() < 0.25:
        made["namespaces"] = rng.sample(namespaces, k=rng.randint(1, 2))
    if rng.random() < 0.25:
        made["namespaceSelector"] = rng.choice(
            [
                {},
                {"matchLabels": {"kind": "ours"}},
                {"matchExpressions": [{"key": "kind", "operator": "NotIn", "values": ["ours"]}]},
                {"matchExpressions": [{"key": "kind", "operator": "DoesNotExist"}]},
            ]
        )
    return made


def spreads(rng: random.Random, labels: Json) -> list[Json]:
    """Return one or two constraints, with different pairs of key and action, as the API server demands."""
    found: dict[tuple[str, str], Json] = {}
    for _ in range(rng.choice([1, 1, 2])):
        key, when = rng.choice(KEYS), rng.choice(["DoNotSchedule", "DoNotSchedule", "ScheduleAnyway"])
        made: Json = {"topologyKey": key, "whenUnsatisfiable": when, "maxSkew": rng.choice([1, 1, 2, 3])}
        selector = label_selector(rng)
        if selector is not None:
            made["labelSelector"] = selector
            free = [
                each for each in ("app", "tier", "version") if each in labels and each not in _named(selector)
            ]
            if free and rng.random() < 0.3:
                made["matchLabelKeys"] = [rng.choice(free)]
        if when == "DoNotSchedule" and rng.random() < 0.3:
            made["minDomains"] = rng.choice([1, 2, 3, 5, 9])
        if rng.random() < 0.4:
            made["nodeAffinityPolicy"] = rng.choice(["Honor", "Ignore"])
        if rng.random() < 0.4:
            made["nodeTaintsPolicy"] = rng.choice(["Honor", "Ignore"])
        found[key, when] = made
    return list(found.values())


def label_selector(rng: random.Random) -> Json | None:
    """Return a label selector: none, empty, by labels, by expressions, or by both."""
    if rng.random() < 0.1:
        return rng.choice([None, {}])
    made: Json = {}
    if rng.random() < 0.6:
        made["matchLabels"] = {"app": rng.choice(APPS)}
    if not made or rng.random() < 0.3:
        key, values = rng.choice([("tier", TIERS), ("version", VERSIONS), ("app", APPS)])
        operator = rng.choice(["In", "NotIn", "Exists", "DoesNotExist"])
        made["matchExpressions"] = [
            {"key": key, "operator": operator}
            | ({"values": rng.sample(values, k=1)} if operator in {"In", "NotIn"} else {})
        ]
    return made


def _named(selector: Json) -> set[str]:
    return {*selector.get("matchLabels", {}), *(each["key"] for each in selector.get("matchExpressions", []))}
