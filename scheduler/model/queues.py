"""Queues: where quota comes from. Acted upon by the queueing policies; carried in the snapshot from the start."""

from dataclasses import dataclass

from scheduler.model.ids import QueueName
from scheduler.model.resources import NOTHING, Resources


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of the tree. `limit` None: unlimited."""

    name: QueueName
    parent: QueueName | None = None
    weight: int = 1
    guaranteed: Resources = NOTHING
    limit: Resources | None = None
    order: str = "WFP"
