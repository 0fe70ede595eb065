"""
Pods, from the wire to the model.

May not: decide which group a pod is in; that is the dialect's answer, passed in.
Next: `shapes` makes and shares what decides where a pod may run; `scheduler.kube.ingest` calls this for every change.
"""

from collections.abc import Mapping
from typing import Final

from scheduler.model.ids import GroupKey, NodeName, PodKey, PodUid
from scheduler.model.nodes import NO_LABELS
from scheduler.model.pods import Pod, PodPhase
from scheduler.objects import structs
from scheduler.objects.errors import BadObject
from scheduler.objects.labels import MAX_UID, kept, required, shared
from scheduler.objects.shapes import shape_of
from scheduler.objects.volumes import claims_of

COMPLETION_INDEX: Final = (
    "batch.kubernetes.io/job-completion-index"  # label and annotation; the Job controller's
)
POD_INDEX: Final = "apps.kubernetes.io/pod-index"  # label; the StatefulSet controller's
MAX_INDEX_DIGITS: Final = 9

_PHASES: Final = {"": PodPhase.PENDING, **{str(phase): phase for phase in PodPhase}}


def pod_from(obj: structs.Pod, *, group: GroupKey | None, role: str | None, full: bool) -> Pod:
    """
    Return the pod as a value.

    With `full` False: the projection of a foreign pod, only what it takes from its node and what rules on pods need of it.
    Raises: BadObject.
    """
    meta, spec, status = obj.metadata, obj.spec, obj.status
    namespace = shared(required(meta.namespace, "metadata.namespace"))
    return Pod(
        key=PodKey(namespace, required(meta.name, "metadata.name")),
        uid=PodUid(required(meta.uid, "metadata.uid", MAX_UID)),
        shape=shape_of(obj, full=full),
        resource_version=meta.resource_version,
        scheduler_name=shared(spec.scheduler_name),
        group=group,
        role=role,
        priority=spec.priority or 0,
        created_at=meta.creation_timestamp.timestamp() if meta.creation_timestamp is not None else 0.0,
        node=NodeName(shared(spec.node_name)) if spec.node_name else None,
        phase=_PHASES.get(status.phase, PodPhase.UNKNOWN),
        is_gated=bool(spec.scheduling_gates),
        is_deleting=meta.deletion_timestamp is not None,
        has_controller=any(owner.controller for owner in meta.owner_references or ()),
        index=_index(meta) if full else None,
        labels=kept(meta.labels) if full else _readable(meta.labels),
        claims=claims_of(obj),
    )


def _readable(labels: dict[str, str] | None) -> Mapping[str, str]:
    """Return labels; none where they are out of bounds: what the pod takes must count all the same."""
    try:
        return kept(labels)
    except BadObject:
        return NO_LABELS


def _index(meta: structs.ObjectMeta) -> int | None:
    """Return the pod's number among its siblings, where its owner numbers them. Rank evidence, never identity."""
    labels, annotations = meta.labels or {}, meta.annotations or {}
    for text in (labels.get(COMPLETION_INDEX), annotations.get(COMPLETION_INDEX), labels.get(POD_INDEX)):
        if text and text.isascii() and text.isdecimal() and len(text) <= MAX_INDEX_DIGITS:
            return int(text)
    return None
