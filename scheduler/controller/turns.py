"""
Whose explanation is made next, and when: a policy without a clock or a thread of its own.

* A group is explained when it has waited for `SETTLE_S`: gangs that start at once are never explained.
* Over all groups at most one explanation begins per `PAUSE_S`, and after one that took t seconds the next waits for `SHARE` x t: explaining
  takes a fifth of one core at most, however large the cluster is.
* The same group is explained again after `REST_S`, and ever more seldom while its explanation stays the same, up to `REST_MAX_S`. When its
  spec or what the scheduler says of it changes, its next turn comes early: `REST_S` after the last one.
* Who is due for longest goes first, so that with many groups waiting all have their turn.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from scheduler.model.ids import GroupKey

SETTLE_S: Final = 2.0
PAUSE_S: Final = 1.0
SHARE: Final = 4.0
REST_S: Final = 15.0
REST_MAX_S: Final = 240.0


@dataclass(slots=True)
class _Turn:
    """One group's: `last_at` None before the first. `about` is what was known of it when its turn was set."""

    about: Hashable
    due_at: float
    rest_s: float
    last_at: float | None = None


class Turns:
    """Owned by the explainer. Times in seconds on any clock that does not jump."""

    def __init__(self) -> None:
        self._turns: dict[GroupKey, _Turn] = {}
        self._free_at = 0.0

    def waits(self, key: GroupKey, about: Hashable, now: float) -> None:
        """This group waits. `about`: what its explanation depends on beside the cluster, such as its spec."""
        turn = self._turns.get(key)
        if turn is None:
            self._turns[key] = _Turn(about, now + SETTLE_S, REST_S)
        elif turn.about != about:
            turn.about, turn.rest_s = about, REST_S
            soon = now + SETTLE_S if turn.last_at is None else max(now + SETTLE_S, turn.last_at + REST_S)
            turn.due_at = min(turn.due_at, soon) if turn.last_at is not None else turn.due_at

    def ends(self, key: GroupKey) -> None:
        """This group does not wait any more."""
        self._turns.pop(key, None)

    def next_at(self) -> float | None:
        """Return when the next turn may begin; None while nobody waits."""
        due = min((turn.due_at for turn in self._turns.values()), default=None)
        return None if due is None else max(due, self._free_at)

    def take(self, now: float) -> GroupKey | None:
        """Return whose turn it is, if anybody's."""
        if now < self._free_at:
            return None
        due = [(turn.due_at, key) for key, turn in self._turns.items() if turn.due_at <= now]
        return min(due)[1] if due else None

    def done(self, key: GroupKey, begun: float, now: float, *, has_changed: bool) -> None:
        """The explanation of this group, begun then, has been made; whether it differs from the one before."""
        self._free_at = max(begun + PAUSE_S, now + SHARE * (now - begun))
        turn = self._turns.get(key)
        if turn is not None:
            turn.rest_s = REST_S if has_changed else min(REST_MAX_S, 2 * turn.rest_s)
            turn.last_at, turn.due_at = now, now + turn.rest_s
