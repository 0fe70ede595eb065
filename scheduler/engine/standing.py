"""
Who stands for a gang right now: bound members, waiting ones in rank order, and how many of them a start needs.

Only live, ungated pods count; a pod with a node counts as bound whoever bound it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from scheduler.model.ids import PodUid
from scheduler.model.podgroups import AttemptPhase, PodGroup, Role
from scheduler.model.pods import Pod, PodPhase


@dataclass(frozen=True, slots=True)
class Standing:
    """
    The members of one group at one moment, ended ones left out.

    `order` holds all that count, in rank order; `waiting` those of them without a node. `surplus` are waiting members above maxCount.
    `done` are members of a gang that has started which have ended well: nobody has to stand in for them. `hindered` are members that
    cannot run anywhere: a start does without them as long as it can.
    """

    group: PodGroup
    order: tuple[Pod, ...]
    bound: tuple[Pod, ...]
    waiting: tuple[Pod, ...]
    surplus: tuple[Pod, ...]
    gated: int
    done: tuple[Pod, ...] = ()
    hindered: frozenset[PodUid] = frozenset()

    @property
    def needed(self) -> int:
        """How many waiting members a start needs at least."""
        return max(0, self.group.min_count - len(self.bound) - len(self.done))

    def missing(self) -> str:
        """Return what is missing in words; empty when enough members exist."""
        there = len(self.order) + len(self.done)
        if there < self.group.min_count:
            return f"{there} of {self.group.min_count} members exist"
        for role in self.group.roles:
            count = sum(1 for pod in (*self.order, *self.done) if plays(pod, role))
            if count < role.min_count:
                return f"{count} of {role.min_count} members of role {role.name} exist"
        return ""

    def smallest_start(self) -> tuple[Pod, ...]:
        """
        Return the fewest waiting members that make the gang, or let it grow: every role's minimum first, then in rank order.

        Hindered ones are among them only where the others are too few.
        """
        there, willing = (*self.bound, *self.done), _last(self.hindered, self.waiting)
        chosen = _needed_first(self.group.roles, there, willing)
        by_roles = _lacking(self.group.roles, there, willing)
        few = {pod.uid for pod in chosen[: max(self.needed, len(by_roles), 1)]}
        return tuple(pod for pod in self.waiting if pod.uid in few)

    def able(self) -> tuple[Pod, ...]:
        """Return the waiting members that may run somewhere."""
        return (
            tuple(pod for pod in self.waiting if pod.uid not in self.hindered)
            if self.hindered
            else self.waiting
        )


def standing(group: PodGroup, members: Sequence[Pod], hindered: frozenset[PodUid] = frozenset()) -> Standing:
    """Sort out the members of a group. Cost: O(members log members)."""
    counted = in_rank_order([pod for pod in members if pod.counts_for_quorum])
    bound = tuple(pod for pod in counted if pod.is_bound)
    waiting = tuple(pod for pod in counted if not pod.is_bound)
    done = tuple(pod for pod in members if counts_as_done(group, pod))
    places = len(waiting) if group.max_count is None else max(0, group.max_count - len(bound) - len(done))
    chosen = _needed_first(group.roles, (*bound, *done), _last(hindered, waiting))
    may_start = {pod.uid for pod in chosen[:places]}
    return Standing(
        group=group,
        order=counted,
        bound=bound,
        waiting=tuple(pod for pod in waiting if pod.uid in may_start),
        surplus=tuple(pod for pod in waiting if pod.uid not in may_start),
        gated=sum(1 for pod in members if pod.is_gated and not pod.is_deleting),
        done=done,
        hindered=hindered,
    )


def counts_as_done(group: PodGroup, pod: Pod) -> bool:
    """
    Whether this member has ended well after the gang had started, so that nobody has to stand in for it.

    It counts for the members that are replaced later, never for a first start: a gang that has not started needs all its members alive.
    """
    has_started = group.attempt is not None and group.attempt.phase in {
        AttemptPhase.COMMITTING,
        AttemptPhase.COMMITTED,
    }
    return has_started and pod.phase is PodPhase.SUCCEEDED and pod.is_bound


def stands_in_part(group: PodGroup, members: Sequence[Pod]) -> bool:
    """Whether some members hold nodes, not enough for the gang. One whose members have all ended stands no more."""
    bound = [p for p in members if p.is_bound and not p.is_deleting and p.phase is not PodPhase.FAILED]
    return 0 < len(bound) < group.min_count and any(not pod.phase.is_terminal for pod in bound)


def _needed_first(roles: Sequence[Role], there: Sequence[Pod], waiting: Sequence[Pod]) -> list[Pod]:
    """Return the waiting members, those first that a role lacks; each part in rank order."""
    lacking = {pod.uid for pod in _lacking(roles, there, waiting)}
    return [p for p in waiting if p.uid in lacking] + [p for p in waiting if p.uid not in lacking]


def _last(few: frozenset[PodUid], pods: Sequence[Pod]) -> Sequence[Pod]:
    """Return the pods with these few behind all others."""
    return sorted(pods, key=lambda pod: pod.uid in few) if few else pods


def _lacking(roles: Sequence[Role], there: Sequence[Pod], waiting: Sequence[Pod]) -> list[Pod]:
    """Return the waiting members that fill every role's minimum, beside those that are there already."""
    chosen: dict[PodUid, Pod] = {}
    for role in roles:
        short = role.min_count - sum(1 for pod in there if plays(pod, role))
        candidates = [pod for pod in waiting if plays(pod, role) and pod.uid not in chosen]
        chosen.update((pod.uid, pod) for pod in candidates[: max(0, short)])
    return list(chosen.values())


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


@lru_cache(maxsize=65_536)
def _natural(name: str) -> tuple[int, str]:
    # Pods made in one second share a creation time; "worker-10" belongs behind "worker-9".
    digits = name[len(name.rstrip("0123456789")) :]
    return (int(digits[-9:]) if digits else -1, name)
