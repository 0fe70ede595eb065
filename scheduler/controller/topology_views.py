"""What a Topology's status should say, and which levels a group may name."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from scheduler.controller.conditions import Condition
from scheduler.model.facts import Evidence, Level
from scheduler.model.reasons import Reason

CLUSTER: Final = "cluster"
HOST: Final = "host"


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels that some node is known to be in: `names` outermost first, `labels` the node labels that carry them."""

    names: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()

    def know(self, name: str) -> bool:
        """Whether a user can mean a level by this; the whole cluster and a single host always can be meant."""
        return name in {CLUSTER, HOST, *self.names} or name in self.labels


NO_LEVELS: Final = Levels()


def carried(evidence: Evidence) -> Levels:
    """Return the levels of the evidence that a node is in. A declared level that no node carries is not among them. Cost: O(nodes)."""
    present = evidence.levels_in_use()
    levels = [level for level in evidence.levels if level.name in present]
    return Levels(
        tuple(str(level.name) for level in levels),
        frozenset(level.node_label for level in levels if level.node_label),
    )


def topology_condition(levels: Sequence[Level], carried_labels: Collection[str], is_used: bool) -> Condition:
    """Return whether a Topology is acted upon: nodes must carry its labels, and it must be the one in use."""
    if not is_used:
        return Condition(
            "Accepted",
            True,
            Reason.NOT_ACTED_UPON,
            "Another Topology is in use; name this one default to use it.",
        )
    missing = [
        f"{level.name} ({level.node_label})" for level in levels if level.node_label not in carried_labels
    ]
    if missing:
        text = f"No node carries the label of level {', '.join(missing)}; check the spelling, or label nodes."
        return Condition("Accepted", False, Reason.TOPOLOGY_LEVEL_NOT_FOUND, text)
    names = ", ".join(str(level.name) for level in levels)
    return Condition("Accepted", True, Reason.ACCEPTED, f"Nodes are arranged by {names}.")
