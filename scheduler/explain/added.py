"""More nodes: the least number, like a node that there is, in the domain that lacks fewest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.feasibility import NO_LIMIT
from scheduler.explain.changes import Change, Inquiry, change, largest
from scheduler.explain.costs import ChangeKind
from scheduler.explain.questions import Kind
from scheduler.explain.surroundings import MoreNodes
from scheduler.model.ids import NodeName
from scheduler.topology import CLUSTER, HOST

MOST_ADDED: Final = 4096
MOST_TRIED: Final = 6
"""Numbers of nodes that are put to the engine where the count alone is not exact."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where nodes like node number `model` would go: a domain of the required layer; `least` of them are needed by count."""

    domain: int
    model: int
    least: int


def added(inquiry: Inquiry) -> Iterator[Change]:
    """Yield the least number of nodes with which the gang starts, and where."""
    place = _best(inquiry)
    if place is None or place.least > MOST_ADDED:
        return
    model = inquiry.ground.tree.nodes[place.model]
    count = _least(inquiry, place)
    if count is None:
        return
    level, where = _home(inquiry, place)
    nodes = "1 node" if count == 1 else f"{count} nodes"
    at = f"@{where}" if where else ""
    yield change(
        ChangeKind.ADD_NODES,
        count,
        f"Add {nodes} like {model}{f' to {level} {where}' if where else ''}.",
        f"Add nodes to one {level}." if where else "Add nodes.",
        (MoreNodes(count, model, model),),
        (f"--add-nodes {count}={model}{at}",),
    )


def _home(inquiry: Inquiry, place: _Place) -> tuple[str, str]:
    """Return level and name of the domain that the nodes go to; no name where they may be anywhere."""
    tree, number = inquiry.ground.tree, inquiry.question.required or 0
    if _is_host(inquiry):
        return HOST, ""
    domain = tree.domains[int(tree.layers[number].positions[place.domain])]
    return str(domain.level), "" if domain.level == CLUSTER else str(domain.name)


def _best(inquiry: Inquiry) -> _Place | None:
    """Return the domain and the model with which fewest nodes are needed by count; the first of equals."""
    ground, question = inquiry.ground, inquiry.question
    if question.required is None or any(layer is None for layer, _ in question.slices):
        return None
    layer = ground.tree.layers[question.required]
    if not len(layer):
        return None
    empty = [_empty(inquiry, kind) for kind in question.kinds]
    models = np.lexsort((-empty[0], layer.of))[layer.starts[:-1]]  # of each domain the node that holds most
    least = np.ones(len(layer), dtype=np.int64)
    # Slices only make it more: what is rounded down now may be whole with one node more.
    for kind, copies, rooms in zip(question.kinds, empty, ground.rooms(question.unsliced()), strict=True):
        each = copies[models]
        lacking = kind.count - (rooms[question.required] if not _is_host(inquiry) else 0)
        never = np.where(lacking > 0, MOST_ADDED + 1, 0)
        np.maximum(least, np.where(each > 0, -(-lacking // np.maximum(each, 1)), never), out=least)
    if _is_host(inquiry):
        least[least > 1] = MOST_ADDED + 1  # one node has to hold the whole gang
    for domain in np.argsort(least, kind="stable").tolist():
        if _takes_nodes(inquiry, domain):
            return _Place(domain, int(models[domain]), int(least[domain]))
    return None


def _is_host(inquiry: Inquiry) -> bool:
    return inquiry.question.required == len(inquiry.ground.tree.layers) - 1


def _takes_nodes(inquiry: Inquiry, domain: int) -> bool:
    """Whether more nodes can be in this domain: not if it only stands in for one that is not known, or members are elsewhere."""
    question, tree = inquiry.question, inquiry.ground.tree
    if _is_host(inquiry):
        return not question.inside
    layer = tree.layers[question.required or 0]
    position = int(layer.positions[domain])
    return tree.domains[position].level == layer.level and question.inside in {0, position}


def _empty(inquiry: Inquiry, kind: Kind) -> Copies:
    """Return how many members of a kind each node would hold if nothing ran on it; 0 where they may not run."""
    ground, shape = inquiry.ground, kind.shape
    copies = np.where(ground.eligible(shape), 1 if shape.host_ports else NO_LIMIT, 0)
    for name, amount in shape.requests.items():
        if amount > 0:
            np.minimum(copies, ground.trial.allocatable(name) // amount, out=copies)
    return np.minimum(copies, kind.count)


def _least(inquiry: Inquiry, place: _Place) -> int | None:
    """Return the least number with which the engine places the gang: fewer than the count asks for never do."""
    model, within = inquiry.ground.tree.nodes[place.model], _within(inquiry, place)

    def starts(count: int) -> bool:
        return inquiry.oracle.ask(MoreNodes(count, model, model), within=within).starts

    missing = largest(place.least - 1, MOST_ADDED, lambda count: not _enough(inquiry, place, count))
    by_count = missing + 1
    below, count, step = by_count - 1, by_count, 1
    for _ in range(MOST_TRIED if not inquiry.question.is_counted_exactly else 1):
        if starts(count):
            break
        below, count, step = count, count + step, 2 * step
    else:
        return None
    while count - below > 1:
        middle = (below + count) // 2
        below, count = (below, middle) if starts(middle) else (middle, count)
    return count


def _within(inquiry: Inquiry, place: _Place) -> frozenset[NodeName] | None:
    """Return the nodes of the domain that hold any member, and the model; None where counting is not exact."""
    ground, question = inquiry.ground, inquiry.question
    if not question.is_counted_exactly:
        return None
    first, last = ground.span(question, place.domain)
    numbers = first + np.flatnonzero(ground.copies(question.kinds[0])[first:last])
    return frozenset(ground.tree.nodes[number] for number in {place.model, *numbers.tolist()})


def _enough(inquiry: Inquiry, place: _Place, more: int) -> bool:
    """Whether the domain holds the gang by count and by sums with so many nodes more beside the model, slices kept whole."""
    ground, question = inquiry.ground, inquiry.question
    if _is_host(inquiry):
        return True
    layers, sizes = ground.tree.layers, dict(question.slices) if not question.bound else {}
    for kind, rooms in zip(question.kinds, ground.rooms(question), strict=True):
        each = int(_empty(inquiry, kind)[place.model])
        gained = more * (each - each % sizes.get(len(layers) - 1, 1))
        for number in range(len(layers) - 2, (question.required or 0) - 1, -1):
            domain = int(layers[number].of[place.model])
            inside = int(layers[number].totals(rooms[number + 1])[domain]) + gained
            gained = inside - inside % sizes.get(number, 1) - int(rooms[number][domain])
        if int(rooms[question.required or 0][place.domain]) + gained < kind.count:
            return False
    return question.is_of_equals or _enough_by_sums(inquiry, place, more)


def _enough_by_sums(inquiry: Inquiry, place: _Place, more: int) -> bool:
    ground, question = inquiry.ground, inquiry.question
    first, last = ground.span(question, place.domain)
    may = ground.may(question)[first:last]
    for name in question.asked:
        free = sum(ground.free(name)[first:last][may].tolist())
        asked = sum(kind.shape.requests[name] * kind.count for kind in question.kinds)
        if free + more * int(ground.trial.allocatable(name)[place.model]) < asked:
            return False
    return True
