"""Letting the gang onto nodes that keep it away: uncordon named nodes, or remove one taint from named nodes. As few as the count allows."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.explain.changes import Change, Inquiry, change, listed
from scheduler.explain.constraints import Constraint, Sort, relaxed
from scheduler.explain.costs import ChangeKind
from scheduler.explain.edits import Edit, is_cordon
from scheduler.explain.surroundings import Uncordoned, Untainted
from scheduler.model.ids import NodeName
from scheduler.model.nodes import Node
from scheduler.model.plan import Admit

KUBERNETES: Final = "node.kubernetes.io/"
MOST_PLACES: Final = 256  # domains that are compared for the fewest nodes; each costs a sort of its nodes


def opened(inquiry: Inquiry) -> Iterator[Change]:
    """Yield, for the cordons and for each taint, the nodes that would do."""
    for constraint in inquiry.constraints:
        if constraint.sort is Sort.CORDON or (constraint.sort is Sort.TAINT and len(constraint.taints) == 1):
            yield from _one(inquiry, constraint)


def _one(inquiry: Inquiry, constraint: Constraint) -> Iterator[Change]:
    case = relaxed(inquiry.question, (constraint,))
    if inquiry.ground.most(case.question, case.given) < inquiry.question.count:
        return
    for nodes in _candidates(inquiry, constraint):
        edit: Edit = Uncordoned(nodes)
        if constraint.sort is Sort.TAINT:
            edit = Untainted(constraint.taints[0], nodes)
        if nodes and inquiry.oracle.ask(edit, within=_within(inquiry, constraint, nodes)).starts:
            yield _named(constraint, nodes, edit)
            return


def _candidates(inquiry: Inquiry, constraint: Constraint) -> Iterator[tuple[NodeName, ...]]:
    """Yield sets of closed nodes, the smallest first: what the count asks for, what the engine would use, all."""
    numbers = _fewest(inquiry, constraint)
    if numbers is not None:
        yield _names(inquiry, numbers)
    answer = inquiry.oracle.ask(*constraint.edits)
    if isinstance(answer.decision, Admit):
        index = inquiry.ground.tree.index
        used = {index[slot.node] for slot in answer.decision.assignments}
        yield _names(inquiry, [number for number in sorted(used) if _is_closed(inquiry, constraint, number)])


def _fewest(inquiry: Inquiry, constraint: Constraint) -> list[int] | None:
    """Return the fewest closed nodes with which one domain of the required level holds the gang by count; None if none does."""
    ground, question = inquiry.ground, inquiry.question
    case = relaxed(question, (constraint,))
    after = [ground.copies(kind, case.given) for kind in case.question.kinds]
    if len(after) != len(question.kinds):
        return None  # kinds that have become equal: the engine says which nodes it would use
    before = [ground.copies(kind) for kind in question.kinds]
    totals = ground.most_in(case.question, case.given)
    best: list[int] | None = None
    for domain in np.flatnonzero(totals >= question.count)[:MOST_PLACES].tolist():
        first, last = ground.span(question, domain)
        found: set[int] = set()
        for kind, old, new in zip(question.kinds, before, after, strict=True):
            found.update(first + n for n in _opening(old[first:last], new[first:last], kind.count))
        if best is None or len(found) < len(best):
            best = sorted(found)
    return best


def _opening(before: Copies, after: Copies, count: int) -> list[int]:
    """Return the fewest nodes, those that gain most first, with whose gain there is room for so many."""
    gain = after - before
    falling = np.argsort(-gain, kind="stable")
    sums = int(before.sum()) + np.concatenate(([0], np.cumsum(gain[falling])))
    needed = int(np.searchsorted(sums, count))
    numbers: list[int] = falling[:needed].tolist()
    return numbers


def _within(
    inquiry: Inquiry, constraint: Constraint, nodes: tuple[NodeName, ...]
) -> frozenset[NodeName] | None:
    """Return nodes that hold the gang by count when these are open; None where counting is not exact."""
    ground, case = inquiry.ground, relaxed(inquiry.question, (constraint,))
    if not case.question.is_counted_exactly or len(case.question.kinds) != len(inquiry.question.kinds):
        return None
    before, after = ground.copies(inquiry.question.kinds[0]).copy(), ground.copies(case.question.kinds[0])
    numbers = [ground.tree.index[name] for name in nodes]
    before[numbers] = after[numbers]
    return ground.enough_of(case.question, before)


def _is_closed(inquiry: Inquiry, constraint: Constraint, number: int) -> bool:
    node: Node = inquiry.ground.trial.states[number].node
    if constraint.sort is Sort.CORDON:
        return node.unschedulable or any(map(is_cordon, node.taints))
    return constraint.taints[0] in node.taints


def _names(inquiry: Inquiry, numbers: Sequence[int]) -> tuple[NodeName, ...]:
    return tuple(sorted(inquiry.ground.tree.nodes[number] for number in numbers))


def _named(constraint: Constraint, nodes: tuple[NodeName, ...], edit: Edit) -> Change:
    if constraint.sort is Sort.CORDON:
        text, advice = f"Uncordon {listed(nodes)}.", "Uncordon nodes."
        options = tuple(f"--uncordon {node}" for node in nodes)
        return change(ChangeKind.UNCORDON, len(nodes), text, advice, (edit,), options)
    taint = constraint.taints[0]
    verb = "Cure what puts" if taint.key.startswith(KUBERNETES) else "Remove"
    where = "on" if taint.key.startswith(KUBERNETES) else "from"
    text = f"{verb} taint {taint} {where} {listed(nodes)}."
    return change(ChangeKind.REMOVE_TAINT, len(nodes), text, f"{verb} taint {taint} {where} nodes.", (edit,))
