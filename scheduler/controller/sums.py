"""What is known of the whole cluster at once: which levels and Queues there are, and what every Queue's groups use and wait for."""

from collections.abc import Callable

from scheduler.controller import queue_views, topology_views
from scheduler.controller.group_views import Surroundings
from scheduler.model.facts import Evidence
from scheduler.model.ids import GroupKey, QueueName
from scheduler.model.resources import NOTHING
from scheduler.model.snapshot import Snapshot


class Sums:
    """As of the last snapshot it was shown; the tallies as of the last count. Owned by the board."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.surroundings = Surroundings()
        self.capacity = NOTHING
        self._tallies: dict[QueueName, queue_views.Tally] = {}
        self._evidence: Evidence | None = None
        self._levels = topology_views.NO_LEVELS

    def look_around(self, snapshot: Snapshot) -> bool:
        """Take a new snapshot, and return whether what groups may name has changed. Cheap unless the evidence has changed."""
        before = self.surroundings
        if snapshot.evidence is not self._evidence:
            self._evidence, self._levels = snapshot.evidence, topology_views.carried(snapshot.evidence)
        self.snapshot = snapshot
        self.surroundings = Surroundings(self._levels, frozenset(snapshot.queues))
        return self.surroundings != before

    def count(self, has_timed_out: Callable[[GroupKey], bool], *, now: float) -> None:
        """
        Count what the groups of the snapshot use and wait for, at this time in seconds since 1970.

        Cost: O(members x resources); nothing without Queues.
        """
        if not self.snapshot.queues:
            self._tallies = {}
            return
        counted = (
            queue_views.Counted(group, self.snapshot.members.get(key, ()), has_timed_out(key))
            for key, group in self.snapshot.groups.items()
        )
        self._tallies = queue_views.tallies(counted, self.snapshot.queues, now=now)
        self.capacity = queue_views.total(state.node.allocatable for state in self.snapshot.nodes.values())

    def tally(self, queue: QueueName) -> queue_views.Tally:
        """Return what the groups of a queue, and of those below it, use and wait for."""
        return self._tallies.get(queue, queue_views.Tally())
