"""A pod without a group is a gang of one."""

from scheduler.dialects import single
from scheduler.model.ids import GroupKey, PodKey, PodUid
from scheduler.model.pods import Pod, PodShape
from scheduler.model.resources import Resources
from scheduler.objects import structs


def test_gang_of_one_is_named_after_its_pod() -> None:
    shape = PodShape(Resources({"pods": 1}))
    pod = Pod(PodKey("team-a", "p"), PodUid("u"), shape, resource_version="7", priority=50, created_at=12.0)
    group = single.group_of_one(pod)
    assert group.key == GroupKey("team-a", "p", "pod")
    assert group.key.is_single_pod
    assert (group.uid, group.min_count, group.max_count) == ("u", 1, 1)
    assert (group.priority, group.created_at, group.attempt) == (50, 12.0, None)


def test_key_is_the_same_from_the_wire_as_from_the_value() -> None:
    wire = structs.Pod(metadata=structs.ObjectMeta(name="p", namespace="team-a", uid="u"))
    assert single.key_for(wire) == GroupKey("team-a", "p", "pod")


def test_gang_of_one_is_not_the_group_of_the_same_name() -> None:
    assert GroupKey("team-a", "p", "pod") != GroupKey("team-a", "p")
