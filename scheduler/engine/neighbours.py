"""
The pods around a gang in one cycle: those seen on nodes, those that open attempts hold room for, and those that this cycle has placed.

`scheduler.engine.residents` knows the first; this adds the others, in the order in which they came, and forgets them again when what they
were placed by is taken back. Owned by one `Trial`.
Next: `gang_rules` turns this into where each kind of member may go.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scheduler.engine.matching import Namespaces, counts_in, keys_of, selects, speaks_of
from scheduler.engine.residents import Places, Residents, Ruled
from scheduler.model.neighbours import PodRules, PodTerm, Resident, Spread
from scheduler.model.pods import Pod, PodShape


class Seated(Protocol):
    """Who has been placed: a pod, or the slot of one."""

    def as_resident(self) -> Resident:
        """Return what others' rules may depend on."""


Term = tuple[PodTerm | Spread, str]
"""A term of a pod in the namespace named."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What makes members different to rules: their namespace, and which of the terms in force match them."""

    namespace: str
    matched: frozenset[Term]


@dataclass(slots=True)
class _Found:
    """Places found for one question, with the first `as_of` of those seated."""

    places: Places
    as_of: int


class Neighbours:
    """Whom a rule matches, and whose rules there are."""

    def __init__(self, residents: Callable[[], Residents], namespaces: Namespaces) -> None:
        self.namespaces = namespaces
        self._residents = residents
        self._seated: list[tuple[int, Seated]] = []
        self._known: dict[int, Resident] = {}
        self._found: dict[Hashable, _Found] = {}
        self._ruled: dict[Ruled, Places] = dict(residents().ruled)
        self._ruled_as_of = 0
        self._about: dict[str, tuple[Ruled, ...]] = {}

    def __len__(self) -> int:
        """How many have been seated."""
        return len(self._seated)

    def seat(self, placed: Iterable[tuple[int, Seated]]) -> None:
        """From now on these stand on the nodes of these numbers."""
        self._seated.extend(placed)

    def unseat(self, count: int) -> None:
        """Forget those seated last, so that `count` are left."""
        if count == len(self._seated):
            return
        del self._seated[count:]
        self._known = {number: each for number, each in self._known.items() if number < count}
        self._found = {question: found for question, found in self._found.items() if found.as_of <= count}
        if self._ruled_as_of > count:
            self._ruled, self._ruled_as_of = dict(self._residents().ruled), 0
            self._about.clear()

    def matching(self, terms: Sequence[PodTerm], owner: str) -> Places:
        """Return where pods stand that match all of these terms of a pod in namespace `owner`; nowhere for no terms."""

        def may_be_in(namespace: str) -> bool:
            return all(speaks_of(term, owner, namespace, self.namespaces) for term in terms)

        def matches(resident: Resident) -> bool:
            return all(selects(term.selector, resident.labels) for term in terms)

        return self._places((tuple(terms), owner), may_be_in, matches) if terms else {}

    def counted(self, spread: Spread, namespace: str) -> Places:
        """Return where pods stand that a spread constraint of a pod in this namespace counts."""
        return self._places(
            (spread, namespace),
            lambda other: other == namespace,
            lambda resident: not resident.is_leaving and counts_in(spread, resident.labels),
        )

    def ruled_about(self, namespace: str) -> list[tuple[Ruled, Places]]:
        """Return the rules in force that may speak of pods in this namespace, and where those stand whose rules they are."""
        self._note_rules()
        if not self._ruled:
            return []
        if namespace not in self._about:
            self._about[namespace] = tuple(
                ruled
                for ruled in self._ruled
                if any(
                    speaks_of(term, ruled.namespace, namespace, self.namespaces)
                    for term in terms_of(ruled.rules)
                )
            )
        return [(ruled, self._ruled[ruled]) for ruled in self._about[namespace]]

    def profiles(self, pods: Sequence[Pod]) -> Callable[[Pod], Profile] | None:
        """
        Return what tells these members of one gang apart; None when no rule concerns any of them, which is usual.

        Cost: O(rules about their namespace) per distinct combination of the labels that these look at.
        """
        if not pods:
            return None
        namespace = pods[0].key.namespace
        own = _terms_of({id(pod.shape): pod.shape for pod in pods}.values(), namespace)
        others = [
            (term, ruled.namespace)
            for ruled, _ in self.ruled_about(namespace)
            for term in terms_of(ruled.rules)
        ]
        if not own and not others:
            return None
        speaking = [
            term
            for term in (*own, *others)
            if isinstance(term[0], Spread) or speaks_of(term[0], term[1], namespace, self.namespaces)
        ]
        keys = sorted(keys_of(term.selector for term, _ in speaking))
        known: dict[tuple[str | None, ...], Profile] = {}

        def profile(pod: Pod) -> Profile:
            looked_at = tuple(pod.labels.get(key) for key in keys)
            if looked_at not in known:
                matched = frozenset(term for term in speaking if selects(term[0].selector, pod.labels))
                known[looked_at] = Profile(namespace, matched)
            return known[looked_at]

        return profile if own or any(profile(pod).matched for pod in pods) else None

    def _note_rules(self) -> None:
        for number in range(self._ruled_as_of, len(self._seated)):
            resident = self._resident(number)
            if resident.rules is None:
                continue
            ruled, node = Ruled(resident.rules, resident.namespace), self._seated[number][0]
            places = dict(self._ruled.get(ruled, {}))  # not ours to change
            places[node] = places.get(node, 0) + 1
            if ruled not in self._ruled:
                self._about.clear()
            self._ruled[ruled] = places
        self._ruled_as_of = len(self._seated)

    def _places(
        self, question: Hashable, may_be_in: Callable[[str], bool], matches: Callable[[Resident], bool]
    ) -> Places:
        found = self._found.get(question)
        if found is None:
            found = self._found[question] = _Found(self._residents().where(may_be_in, matches), 0)
        for number in range(found.as_of, len(self._seated)):
            resident = self._resident(number)
            if may_be_in(resident.namespace) and matches(resident):
                node = self._seated[number][0]
                found.places[node] = found.places.get(node, 0) + 1
        found.as_of = len(self._seated)
        return found.places

    def _resident(self, number: int) -> Resident:
        if number not in self._known:
            self._known[number] = self._seated[number][1].as_resident()
        return self._known[number]


def terms_of(rules: PodRules) -> tuple[PodTerm, ...]:
    """Return every term, required or wished for."""
    return (*rules.affinity, *rules.anti_affinity, *(wish.term for wish in rules.preferred))


def _terms_of(shapes: Iterable[PodShape], namespace: str) -> list[Term]:
    found: dict[Term, None] = {}
    for shape in shapes:
        if shape.rules is not None:
            found.update(((term, namespace), None) for term in terms_of(shape.rules))
        found.update(((spread, namespace), None) for spread in shape.spreads)
    return list(found)
