"""What the extender asks of whoever plans."""

from typing import Protocol

from scheduler.driver.desk import Refusal
from scheduler.model.ids import NodeName, PodUid
from scheduler.model.podgroups import MemberRef


class Desk(Protocol):
    """Answers for the gangs of one term. `scheduler.driver.desk.VoteDesk` is the one in use."""

    def heard(self) -> None:
        """Take note that kube-scheduler calls, whatever about."""

    @property
    def is_leading(self) -> bool:
        """Whether questions may be answered here."""

    def knows(self, uid: PodUid) -> bool:
        """Whether this is a pod of ours that the watch has shown."""

    async def planned_node(self, ref: MemberRef, patience_s: float) -> NodeName | Refusal:
        """Return the planned node, or why there is none."""

    def node_not_offered(self, ref: MemberRef, offered: frozenset[NodeName]) -> None:
        """Take note that kube-scheduler's own filters dropped the planned node."""

    async def vote(self, ref: MemberRef, node: NodeName) -> str | None:
        """Wait until this member is bound with its gang; return None then, else why not."""
