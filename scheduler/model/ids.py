"""Names that must not be mixed up. Ordered and hashable, so they can end every sort key."""

from typing import NamedTuple, NewType

NodeName = NewType("NodeName", str)
PodUid = NewType("PodUid", str)
GroupUid = NewType("GroupUid", str)
QueueName = NewType("QueueName", str)
AttemptId = NewType("AttemptId", str)
LevelName = NewType("LevelName", str)
DomainName = NewType("DomainName", str)

OWN_DIALECT = "tutti"
POD_DIALECT = "pod"


class PodKey(NamedTuple):
    """A pod's address. A recreated pod has the same key and another uid."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class GroupKey(NamedTuple):
    """A pod group's address; the dialect tells apart equal names of different APIs, and a pod that is a gang of one."""

    namespace: str
    name: str
    dialect: str = OWN_DIALECT

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def is_single_pod(self) -> bool:
        """Whether this group was made for one pod that names no group."""
        return self.dialect == POD_DIALECT
