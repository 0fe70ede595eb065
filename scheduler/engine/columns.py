"""
The nodes of a cluster as columns: what pods are particular about, for all nodes at once.

`feasibility` says what one pod and one node mean to each other; here the same is answered per distinct value instead of per node, so a
label that no node carries costs next to nothing, however many requirements name it. Columns are made when something first asks for
them. Tests hold the two against each other.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from scheduler.engine.feasibility import CORDON, Refusal, integer, tolerated
from scheduler.model.nodes import Node, Taint, TaintEffect
from scheduler.model.pods import NodeSelectorTerm, Operator, PodShape, Requirement

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Codes = NDArray[np.uint8]
Answer = TypeVar("Answer")

NAME_FIELD = "metadata.name"
ABSENT = 0  # code of a node without the label
LARGEST = 2**62  # amounts are cut to it, so that sums stay in 64 bits; translators let through far less
ANSWERS = 4096  # remembered; each is a few hundred bytes
REFUSALS: tuple[Refusal | None, ...] = (
    None,
    Refusal.CORDONED,
    Refusal.TAINTED,
    Refusal.SELECTOR,
    Refusal.VOLUME,
)


@dataclass(slots=True, eq=False)
class LabelColumn:
    """One label: the code of each node's value, [nodes], and the values by code from 1."""

    codes: NDArray[np.int64]
    values: dict[str, int]
    _read: tuple[Mask, Numbers] | None = None

    def holds(self, requirement: Requirement) -> Mask:
        """Return for which nodes a requirement on this label holds, [nodes]."""
        match requirement.operator:
            case Operator.IN | Operator.NOT_IN:
                listed = self._flags(False)
                listed[[self.values[value] for value in requirement.values if value in self.values]] = True
                by_code = listed if requirement.operator is Operator.IN else ~listed
            case Operator.EXISTS | Operator.DOES_NOT_EXIST:
                by_code = self._flags(requirement.operator is Operator.EXISTS)
                by_code[ABSENT] = not by_code[ABSENT]
            case _:
                by_code = self._compared(requirement)
        result: Mask = by_code[self.codes]
        return result

    def _compared(self, requirement: Requirement) -> Mask:
        bound = integer(requirement.values[0]) if len(requirement.values) == 1 else None
        if bound is None:
            return self._flags(False)
        are_numbers, numbers = self._numbers()
        return are_numbers & (numbers > bound if requirement.operator is Operator.GT else numbers < bound)

    def _numbers(self) -> tuple[Mask, Numbers]:
        if self._read is None:
            numbers = [None, *map(integer, self.values)]
            self._read = (
                np.array([number is not None for number in numbers]),
                np.array([number or 0 for number in numbers], dtype=np.int64),
            )
        return self._read

    def _flags(self, flag: bool) -> Mask:
        return np.full(len(self.values) + 1, flag)


class NodeColumns:
    """Made for a list of nodes, and never changed: nodes that changed get new columns."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self._absent = LabelColumn(np.full(len(nodes), ABSENT), {})
        self._carried = frozenset(label for node in nodes for label in node.labels)
        self._labels: dict[str, LabelColumn] = {}
        self._names: LabelColumn | None = None
        self._cordoned = np.array([node.unschedulable for node in nodes], dtype=bool)
        kinds: dict[tuple[Taint, ...], int] = {}
        self._taints = np.array([kinds.setdefault(n.taints, len(kinds)) for n in nodes], dtype=np.int64)
        self._kinds_of_taints = tuple(kinds)
        self._offered = frozenset(name for node in nodes for name in node.allocatable)
        self._allocatable: dict[str, Numbers] = {}
        self._found_out: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return len(self.nodes)

    def refusals(self, shape: PodShape) -> Codes:
        """Return why pods of this shape can never run on each node, as numbers of `REFUSALS`: what `static_refusal` says of each."""
        codes = np.where(self.reached(shape), _code(None), _code(Refusal.VOLUME))
        codes[~self.selected(shape)] = _code(Refusal.SELECTOR)
        codes[self.tainted(shape)] = _code(Refusal.TAINTED)
        if not tolerated(shape, CORDON):
            codes[self._cordoned] = _code(Refusal.CORDONED)
        return codes

    def matching(self, term: NodeSelectorTerm) -> Mask:
        """Return which nodes a term matches. Cost: O(nodes) per requirement, in a few passes over an array."""
        found = np.full(len(self), bool(term.labels or term.fields))
        for requirement in term.labels:
            found &= self.label(requirement.key).holds(requirement)
        for requirement in term.fields:
            found &= requirement.key == NAME_FIELD and self._name().holds(requirement)
        return found

    def by_taints(self, judge: Callable[[tuple[Taint, ...]], int]) -> Numbers:
        """Return a number per node that follows from its taints alone; asked once for each distinct set of taints."""
        by_kind = np.array([judge(taints) for taints in self._kinds_of_taints], dtype=np.int64)
        result: Numbers = by_kind[self._taints]
        return result

    def offers(self, resource: str) -> bool:
        """Whether any node has such a resource. There is no end to the names that pods may ask for."""
        return resource in self._offered

    def allocatable(self, resource: str) -> Numbers:
        """Return what each node has of one resource in all, cut as by `cut`."""
        column = self._allocatable.get(resource)
        if column is None:
            column = np.array([cut(node.allocatable[resource]) for node in self.nodes], dtype=np.int64)
            if self.offers(resource):
                self._allocatable[resource] = column
        return column

    def largest(self, resource: str) -> int:
        """Return the most that any node has of one resource."""
        if not self.offers(resource):
            return 0
        return self.once(("largest", resource), lambda: int(self.allocatable(resource).max(initial=0)))

    def once(self, question: Hashable, answer: Callable[[], Answer]) -> Answer:
        """Return what follows from the question and from these nodes alone, whatever stands on them; it is found out once."""
        if question not in self._found_out:
            if len(self._found_out) >= ANSWERS:
                self._found_out.clear()
            self._found_out[question] = answer()
        return cast("Answer", self._found_out[question])

    def selected(self, shape: PodShape) -> Mask:
        """Return which nodes the pod's node selector and required node affinity let pass."""
        selected = np.full(len(self), True)
        for key, value in shape.node_selector:
            if not selected.any():
                break  # bounds the cost: no two entries name one label, and nodes carry few
            selected &= self.label(key).holds(Requirement(key, Operator.IN, (value,)))
        if shape.required_terms is not None:
            selected &= self._any_of(shape.required_terms)
        return selected

    def reached(self, shape: PodShape) -> Mask:
        """Return which nodes all volumes of the pod are in reach of."""
        reached = np.full(len(self), True)
        for terms in shape.mounts.reach if shape.mounts is not None else ():
            reached &= self._any_of(terms)
        return reached

    def _any_of(self, terms: Iterable[NodeSelectorTerm]) -> Mask:
        somewhere = np.full(len(self), False)
        for term in terms:
            somewhere |= self.matching(term)
        return somewhere

    def tainted(self, shape: PodShape) -> Mask:
        """Return which nodes have a taint that keeps the pod away."""
        found: Mask = self.by_taints(lambda taints: any(_keeps_off(shape, t) for t in taints)) > 0
        return found

    def label(self, key: str) -> LabelColumn:
        """Return one label of all nodes. One that no node carries costs nothing, however many there are."""
        if key not in self._carried:
            return self._absent
        column = self._labels.get(key)
        if column is None:
            column = self._labels[key] = _column(node.labels.get(key) for node in self.nodes)
        return column

    def _name(self) -> LabelColumn:
        if self._names is None:
            self._names = _column(node.name for node in self.nodes)
        return self._names


def cut(amount: int) -> int:
    """Return an amount as columns hold it: neither negative nor above `LARGEST`."""
    return max(0, min(LARGEST, amount))


def _column(values: Iterable[str | None]) -> LabelColumn:
    known: dict[str, int] = {}
    codes = [ABSENT if value is None else known.setdefault(value, len(known) + 1) for value in values]
    return LabelColumn(np.array(codes, dtype=np.int64), known)


def _code(refusal: Refusal | None) -> np.uint8:
    return np.uint8(REFUSALS.index(refusal))


def _keeps_off(shape: PodShape, taint: Taint) -> bool:
    return taint.effect is not TaintEffect.PREFER_NO_SCHEDULE and not tolerated(shape, taint)
