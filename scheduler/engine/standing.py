"""
Who stands for a gang right now: bound members, waiting ones in rank order, and how many of them a start needs.

Only live, ungated pods count; a pod with a node counts as bound whoever bound it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.model.podgroups import PodGroup, Role
from scheduler.model.pods import Pod


@dataclass(frozen=True, slots=True)
class Standing:
    """
    The members of one group at one moment, ended ones left out.

    `order` holds all that count, in rank order; `waiting` those of them without a node. `surplus` are waiting members above maxCount.
    """

    group: PodGroup
    order: tuple[Pod, ...]
    bound: tuple[Pod, ...]
    waiting: tuple[Pod, ...]
    surplus: tuple[Pod, ...]
    gated: int

    @property
    def needed(self) -> int:
        """How many waiting members a start needs at least."""
        return max(0, self.group.min_count - len(self.bound))

    def missing(self) -> str:
        """Return what is missing in words; empty when enough members exist."""
        there = len(self.bound) + len(self.waiting) + len(self.surplus)
        if there < self.group.min_count:
            return f"{there} of {self.group.min_count} members exist"
        for role in self.group.roles:
            count = sum(1 for pod in self.order if plays(pod, role))
            if count < role.min_count:
                return f"{count} of {role.min_count} members of role {role.name} exist"
        return ""

    def smallest_start(self) -> tuple[Pod, ...]:
        """Return the fewest waiting members that make the gang: every role's minimum first, then in rank order."""
        chosen: dict[str, Pod] = {}
        for role in self.group.roles:
            lacking = role.min_count - sum(1 for pod in self.bound if plays(pod, role))
            for pod in [p for p in self.waiting if plays(p, role) and p.uid not in chosen][: max(0, lacking)]:
                chosen[pod.uid] = pod
        for pod in self.waiting:
            if len(chosen) >= self.needed:
                break
            chosen.setdefault(pod.uid, pod)
        return tuple(pod for pod in self.waiting if pod.uid in chosen)


def standing(group: PodGroup, members: Sequence[Pod]) -> Standing:
    """Sort out the members of a group. Cost: O(members log members)."""
    counted = in_rank_order([pod for pod in members if pod.counts_for_quorum])
    bound = tuple(pod for pod in counted if pod.is_bound)
    waiting = tuple(pod for pod in counted if not pod.is_bound)
    places = len(waiting) if group.max_count is None else max(0, group.max_count - len(bound))
    return Standing(
        group=group,
        order=counted,
        bound=bound,
        waiting=waiting[:places],
        surplus=waiting[places:],
        gated=sum(1 for pod in members if pod.is_gated and not pod.is_deleting),
    )


def in_rank_order(pods: Sequence[Pod]) -> tuple[Pod, ...]:
    """Return pods by the number their owner gave them, where all have one; else by age."""
    if all(pod.index is not None for pod in pods):
        return tuple(sorted(pods, key=lambda pod: (pod.index or 0, pod.key, pod.uid)))
    return tuple(sorted(pods, key=lambda pod: (pod.created_at, _natural(pod.key.name), pod.key, pod.uid)))


def plays(pod: Pod, role: Role) -> bool:
    """Whether the pod is a member of this role: by role label, or by the role's own selector."""
    if role.match_labels:
        return all(pod.labels.get(key) == value for key, value in role.match_labels.items())
    return pod.role == role.name


def _natural(name: str) -> tuple[int, str]:
    # Pods made in one second share a creation time; "worker-10" belongs behind "worker-9".
    digits = name[len(name.rstrip("0123456789")) :]
    return (int(digits[-9:]) if digits else -1, name)
