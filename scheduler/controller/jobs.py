"""
Groups for ``batch/v1`` Jobs that ask for one.

A Job asks with the annotation ``scheduling.tutti.dev/gang: "true"``. Its pod template must name the group, because pods cannot be
given the label later without a write each; the group of that name is made here, owned by the Job, and goes with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scheduler.dialects.own import GROUP, POD_GROUP_LABEL, VERSION

GANG_ANNOTATION: Final = f"{GROUP}/gang"
QUEUE_ANNOTATION: Final = f"{GROUP}/queue"
REQUIRED_ANNOTATION: Final = f"{GROUP}/required-topology"
PREFERRED_ANNOTATION: Final = f"{GROUP}/preferred-topology"
END: Final = frozenset({"Complete", "Failed"})  # conditions after which a Job makes no more pods


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why no group can be made for a Job, and what to change."""

    sentence: str


def asks(job: Mapping[str, Any]) -> bool:
    """Whether the Job asks for a group, and neither has ended nor is being deleted."""
    meta, status = _mapping(job.get("metadata")), _mapping(job.get("status"))
    if _mapping(meta.get("annotations")).get(GANG_ANNOTATION) != "true" or "deletionTimestamp" in meta:
        return False
    conditions = status.get("conditions")
    ends = [_mapping(each) for each in conditions] if isinstance(conditions, list) else []
    has_ended = any(each.get("type") in END and each.get("status") == "True" for each in ends)
    return not has_ended and "completionTime" not in status


def group_for(job: Mapping[str, Any], scheduler_names: tuple[str, ...]) -> dict[str, Any] | Unfit:
    """Return the PodGroup to be made for a Job that asks for one, or why it cannot be."""
    meta, spec = _mapping(job.get("metadata")), _mapping(job.get("spec"))
    template = _mapping(spec.get("template"))
    pod = _mapping(template.get("spec"))
    name = _mapping(_mapping(template.get("metadata")).get("labels")).get(POD_GROUP_LABEL)
    if not isinstance(name, str) or not name:
        return Unfit(
            f"Add the label {POD_GROUP_LABEL}: {meta.get('name')} to spec.template.metadata.labels; pods find their gang by it."
        )
    if pod.get("schedulerName") not in scheduler_names:
        return Unfit(
            f"Set spec.template.spec.schedulerName to {scheduler_names[0]}; another scheduler binds these pods one by one."
        )
    parallelism, completions = spec.get("parallelism", 1), spec.get("completions")
    if not isinstance(parallelism, int) or parallelism < 1:
        return Unfit("Set spec.parallelism to the size of the gang, 1 or more.")
    if completions is not None and completions != parallelism:
        return Unfit(
            f"spec.completions is {completions} and spec.parallelism {parallelism}; a gang needs them equal, or completions unset."
        )
    annotations = _mapping(meta.get("annotations"))
    topology = {
        key: annotations[annotation]
        for key, annotation in (("required", REQUIRED_ANNOTATION), ("preferred", PREFERRED_ANNOTATION))
        if annotations.get(annotation)
    }
    group_spec: dict[str, Any] = {"minCount": parallelism, "maxCount": parallelism}
    if pod.get("priorityClassName"):
        group_spec["priorityClassName"] = pod["priorityClassName"]
    if annotations.get(QUEUE_ANNOTATION):
        group_spec["queue"] = annotations[QUEUE_ANNOTATION]
    if topology:
        group_spec["topology"] = topology
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": meta.get("name"),
        "uid": meta.get("uid"),
        "controller": True,
    }
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "PodGroup",
        "metadata": {"name": name, "namespace": meta.get("namespace"), "ownerReferences": [owner]},
        "spec": group_spec,
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
