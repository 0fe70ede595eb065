"""
The dialect ``pod``: a pod that names no group is a gang of one.

Its group exists in memory only, is remade whenever the pod changes, and carries no commit record: a single Binding is atomic by itself.
"""

from scheduler.model.ids import POD_DIALECT, GroupKey, GroupUid
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import Pod
from scheduler.objects import structs
from scheduler.objects.labels import shared


def key_for(pod: structs.Pod) -> GroupKey:
    """Return the key of the group of one that is made for this pod."""
    return GroupKey(shared(pod.metadata.namespace), pod.metadata.name, POD_DIALECT)


def group_of_one(pod: Pod) -> PodGroup:
    """Return the gang whose only member is this pod."""
    return PodGroup(
        key=GroupKey(pod.key.namespace, pod.key.name, POD_DIALECT),
        uid=GroupUid(pod.uid),
        min_count=1,
        max_count=1,
        resource_version=pod.resource_version,
        created_at=pod.created_at,
        priority=pod.priority,
        is_deleting=pod.is_deleting,
    )
