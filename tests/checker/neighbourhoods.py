"""
Which nodes are together in one domain of a level: told from the evidence alone, by comparing what is said of each node.

Two nodes are together at a level when the same domain is said of both there and at every level outside it. Where nothing is said of a
node at the level itself, the next level further in of which something is said stands for it: a rack of which no block is known is a
block of its own. A node of which nothing is said there or further in is together with nobody.
"""

from scheduler.model.facts import Evidence
from scheduler.model.ids import NodeName

HOST = "host"

Address = tuple[str, ...]


class Neighbourhoods:
    """Looks up the domain of a node."""

    def __init__(self, evidence: Evidence) -> None:
        self._levels = [str(level.name) for level in evidence.levels if level.name != HOST]
        self._labels = {level.node_label: str(level.name) for level in evidence.levels if level.node_label}
        self._said = {(str(fact.node), str(fact.level)): str(fact.domain) for fact in evidence.facts}

    def level(self, name: str) -> str | None:
        """Return the level that is called so, or carried by this node label; None for one that nobody has."""
        called = self._labels.get(name, name)
        if called == HOST or any(level == called for _, level in self._said):
            return called
        return None

    def domain(self, node: NodeName, level: str) -> Address:
        """Return what tells this node's domain of a level from all others."""
        said = [self._said.get((str(node), each), "") for each in self._levels]
        asked = self._levels.index(level) if level != HOST else len(said)
        known = next((number for number in range(asked, len(said)) if said[number]), None)
        return ("node", str(node)) if known is None else ("domain", *said[: known + 1])
