"""
What is kept of an object of ours that was seen: as much as a status is made from and compared with.

The commit record of a gang of a thousand is a thousand lines; kept as dictionaries for every group it would outgrow the operator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from scheduler.dialects.own import GROUP, VERSION

API: Final = f"/apis/{GROUP}/{VERSION}"
KINDS: Final = {"podgroups": "PodGroup", "queues": "Queue", "topologies": "Topology"}
KEPT: Final = (
    "phase",
    "observedGeneration",
    "members",
    "usage",
    "dominantShare",
    "runningGroups",
    "pendingGroups",
    "pendingGPUs",
    "explanation",
    "conditions",
)

Body = Mapping[str, Any]


class Ref(NamedTuple):
    """Where an object of ours is. `namespace` is empty for cluster-scoped kinds."""

    plural: str
    namespace: str
    name: str

    @classmethod
    def of(cls, plural: str, body: Body) -> "Ref":
        """Return where this object is."""
        meta = body.get("metadata") or {}
        return cls(plural, str(meta.get("namespace") or ""), str(meta.get("name") or ""))

    @property
    def path(self) -> str:
        """Path of the object in the API."""
        place = f"{API}/namespaces/{self.namespace}" if self.namespace else API
        return f"{place}/{self.plural}/{self.name}"


@dataclass(frozen=True, slots=True)
class Seen:
    """One object at one version. `version` grows with every change of any object of its kind; 0 where it is no number."""

    uid: str
    version: int
    generation: int
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @classmethod
    def of(cls, body: Body) -> "Seen":
        """Return what is kept of this object."""
        meta, status = body.get("metadata") or {}, body.get("status") or {}
        version = str(meta.get("resourceVersion") or "")
        return cls(
            uid=str(meta.get("uid") or ""),
            version=int(version) if version.isdecimal() else 0,
            generation=int(meta.get("generation") or 0),
            spec=body.get("spec") or {},
            status={name: status[name] for name in KEPT if name in status},
        )

    def condition(self, kind: str) -> Mapping[str, Any]:
        """Return one of its conditions; empty when it has none of this type."""
        found: Mapping[str, Any] = next(
            (each for each in self.status.get("conditions") or () if each.get("type") == kind), {}
        )
        return found
