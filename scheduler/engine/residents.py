"""
Who stands on which node, as far as rules on other pods ask; kept between cycles.

A cluster in which no pod has such rules pays for looking whether one has, at nodes that changed. Whom a rule matches is found over distinct
residents, not pods, and the table of these is made when something first asks for it.

Owned by `scheduler.engine.capacity`, which knows what changed. Next: `neighbours` adds what the cycle itself has placed.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from scheduler.model.neighbours import PodRules, Resident
from scheduler.model.snapshot import NodeState

Key = TypeVar("Key")

Places = dict[int, int]
"""How many pods on each node, by node number; only nodes that have any."""


class Ruled(NamedTuple):
    """The rules of pods that stand, and the namespace that these are in."""

    rules: PodRules
    namespace: str


class Residents:
    """By node number. Handed-out places are not to be changed, and hold until the next call of `renew` or `replace`."""

    def __init__(self, states: Sequence[NodeState] = ()) -> None:
        self._states = states
        self._ruled: dict[Ruled, Places] = {}
        self._kinds: dict[str, dict[Resident, Places]] | None = None
        for number, state in enumerate(states):
            self._note_rules(number, state.residents, 1)

    def replace(self, states: Sequence[NodeState], changed: Iterable[int]) -> None:
        """Take the new states, of which those numbered differ from before. Cost: O(residents of these)."""
        for number in changed:
            before, after = self._states[number].residents, states[number].residents
            if before is after or before == after:
                continue
            self._note_rules(number, before, -1)
            self._note_rules(number, after, 1)
            if self._kinds is not None:
                _note_kinds(self._kinds, number, before, -1)
                _note_kinds(self._kinds, number, after, 1)
        self._states = states

    @property
    def ruled(self) -> dict[Ruled, Places]:
        """Where pods with rules stand, by distinct rules. Not to be changed."""
        return self._ruled

    def where(self, may_be_in: Callable[[str], bool], matches: Callable[[Resident], bool]) -> Places:
        """Return where the pods stand that match, in namespaces that may be meant. Cost: O(distinct residents of these)."""
        if self._kinds is None:
            self._kinds = {}
            for number, state in enumerate(self._states):
                _note_kinds(self._kinds, number, state.residents, 1)
        found: Places = {}
        for namespace, kinds in self._kinds.items():
            if not may_be_in(namespace):
                continue
            for resident, places in kinds.items():
                if matches(resident):
                    for number, count in places.items():
                        found[number] = found.get(number, 0) + count
        return found

    def _note_rules(self, number: int, residents: Iterable[Resident], sign: int) -> None:
        for resident in residents:
            if resident.rules is not None:
                _add(self._ruled, Ruled(resident.rules, resident.namespace), number, sign)


def _note_kinds(
    kinds: dict[str, dict[Resident, Places]], number: int, residents: Iterable[Resident], sign: int
) -> None:
    for resident in residents:
        _add(kinds.setdefault(resident.namespace, {}), resident, number, sign)


def _add(table: dict[Key, Places], key: Key, number: int, sign: int) -> None:
    places = table.setdefault(key, {})
    places[number] = places.get(number, 0) + sign
    if not places[number]:
        del places[number]
        if not places:
            del table[key]
