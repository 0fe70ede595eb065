"""
Which gangs stand in part now: some members hold nodes, fewer than the gang needs.

What the watch shows counts, and while an attempt binds, its acknowledgements: then a gang is not looked at. Owned by the chronicle.
"""

from collections.abc import Iterator, Sequence

from scheduler.engine.standing import stands_in_part
from scheduler.model.ids import GroupKey, QueueName
from scheduler.model.podgroups import DEFAULT_QUEUE, PodGroup
from scheduler.model.pods import Pod


class Partials:
    """Told by the chronicle what is seen of gangs, and what became of their bindings."""

    def __init__(self) -> None:
        self._queues: dict[GroupKey, QueueName] = {}

    def seen(self, key: GroupKey, group: PodGroup | None, members: Sequence[Pod]) -> None:
        """A gang has these members now, or has gone."""
        if group is not None and stands_in_part(group, members):
            self._queues[key] = group.queue
        else:
            self._queues.pop(key, None)

    def bound(self, key: GroupKey, group: PodGroup | None, lacking: int) -> None:
        """A binding was acknowledged, after which the gang needs so many more."""
        if lacking > 0:
            self._queues[key] = group.queue if group is not None else DEFAULT_QUEUE
        else:
            self._queues.pop(key, None)

    def queues(self) -> Iterator[QueueName]:
        """Yield the queue of each gang that stands in part."""
        yield from self._queues.values()

    def clear(self) -> None:
        """This replica leads no more, and hears of nothing."""
        self._queues.clear()
