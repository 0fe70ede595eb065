"""Groups, members and objects for the operator's tests."""

from dataclasses import replace
from typing import Any

from scheduler.model.ids import GroupKey, GroupUid, NodeName, PodKey, PodUid
from scheduler.model.podgroups import Attempt, AttemptPhase, PodGroup, RecordedMember
from scheduler.model.pods import Pod, PodPhase, PodShape
from scheduler.model.resources import Resources

KEY = GroupKey("team", "ring")
SHAPE = PodShape(Resources({"cpu": 1500, "nvidia.com/gpu": 2, "pods": 1}))
GROUP = PodGroup(KEY, GroupUid("g-1"), min_count=2, resource_version="10", generation=3)


def pod(number: int, *, on: str | None = None, **changes: Any) -> Pod:
    """A member; `on` names its node."""
    made = Pod(
        PodKey("team", f"m{number}"),
        PodUid(f"u{number}"),
        SHAPE,
        scheduler_name="tutti",
        group=KEY,
        node=NodeName(on) if on else None,
    )
    return replace(made, **changes)


def running(number: int, **changes: Any) -> Pod:
    """A member whose containers run."""
    return pod(number, on=f"n{number}", phase=PodPhase.RUNNING, **changes)


def ended(number: int, *, well: bool = True) -> Pod:
    """A member that has ended."""
    return pod(number, on=f"n{number}", phase=PodPhase.SUCCEEDED if well else PodPhase.FAILED)


def with_attempt(
    phase: AttemptPhase, *, min_count: int = 2, group: PodGroup = GROUP, **more: Any
) -> PodGroup:
    """The group with a commit record in this phase, over members 0 and 1."""
    members = tuple(RecordedMember(f"m{n}", PodUid(f"u{n}"), NodeName(f"n{n}"), n) for n in range(2))
    attempt = Attempt("a-1", 5, 3, min_count, phase, members, **more)  # type: ignore[arg-type]
    return replace(group, attempt=attempt)


def job(
    *,
    label: str | None = "train",
    scheduler: str = "tutti",
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A Job that asks for a group, as the API server sends it."""
    labels = {"scheduling.tutti.dev/pod-group": label} if label else {}
    return {
        "metadata": {
            "name": "train",
            "namespace": "team",
            "uid": "j-1",
            "annotations": {"scheduling.tutti.dev/gang": "true", **(annotations or {})},
        },
        "spec": {
            "parallelism": 4,
            "template": {"metadata": {"labels": labels}, "spec": {"schedulerName": scheduler}},
            **spec,
        },
    }
