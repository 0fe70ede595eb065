"""
Whether a plan still stands on the nodes as they are now: the world moved on while it was being made.

Runs on the event loop, so everything is looked up once per plan and added up per node, not per pod.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.plan import Admit, Plan
from scheduler.model.resources import NOTHING, Resources
from scheduler.model.snapshot import Snapshot

Amounts = Mapping[str, int]


def overtaken(plan: Plan, then: Snapshot, now: Snapshot) -> frozenset[GroupKey]:
    """
    Return the admitted gangs that must be decided again, because a node of theirs changed or is too full by now.

    A node is judged only if its state is not the very object the plan was made from, so an undisturbed plan costs one comparison per
    assignment. Otherwise O(members + slots reserved), on the event loop: some milliseconds for 10,000 of them.
    Resources are counted over the whole plan in its order; host ports and labels are covered by "the node or its pods changed: decide again
    unless only the amounts differ".
    """
    lost: set[GroupKey] = set()
    ledger: _Left | None = None
    for admit in plan.admitted:
        names = dict.fromkeys(slot.node for slot in admit.assignments)
        moved = [name for name in names if now.nodes.get(name) is not then.nodes.get(name)]
        if not moved:
            continue
        ledger = ledger or _Left(now)
        needs = _needs(admit, now, moved)
        if not all(_is_alike(name, then, now) and ledger.take(name, needs[name]) for name in moved):
            lost.add(admit.group)
    return frozenset(lost)


class _Left:
    """What is left on the nodes of a snapshot, less what is reserved and what was taken here. Owned by one call."""

    def __init__(self, now: Snapshot) -> None:
        self._now = now
        self._gone: dict[NodeName, dict[str, int]] = {}
        for node, amounts in _reserved(now).items():
            self._add(node, amounts)

    def take(self, node: NodeName, wanted: Amounts) -> bool:
        """Take so much of a node that exists; False, and nothing taken, where it has less."""
        state = self._now.nodes[node]
        offered, requested, gone = state.node.allocatable, state.requested, self._gone.get(node, {})
        if any(
            amount > offered[name] - requested[name] - gone.get(name, 0) for name, amount in wanted.items()
        ):
            return False
        self._add(node, wanted)
        return True

    def _add(self, node: NodeName, amounts: Amounts) -> None:
        gone = self._gone.setdefault(node, {})
        for name, amount in amounts.items():
            gone[name] = gone.get(name, 0) + amount


def _is_alike(name: NodeName, then: Snapshot, now: Snapshot) -> bool:
    """Whether only amounts may differ."""
    before, after = then.nodes.get(name), now.nodes.get(name)
    if before is None or after is None:
        return False
    return before.node is after.node and before.host_ports == after.host_ports


def _needs(admit: Admit, now: Snapshot, moved: Iterable[NodeName]) -> dict[NodeName, Amounts]:
    """Return what the gang asks of each of these nodes."""
    wanted = {pod.uid: pod.shape.requests for pod in now.members.get(admit.group, ())}
    judged = set(moved)
    return _sums(
        (slot.node, wanted.get(slot.uid, NOTHING)) for slot in admit.assignments if slot.node in judged
    )


def _reserved(now: Snapshot) -> dict[NodeName, Amounts]:
    """Return what open attempts hold on each node; a member that is seen bound is counted there already."""
    held: list[tuple[NodeName, Resources]] = []
    for reservation in now.reservations:
        bound = {pod.uid for pod in now.members.get(reservation.group, ()) if pod.is_bound}
        held += [(slot.node, slot.shape.requests) for slot in reservation.slots if slot.uid not in bound]
    return _sums(held)


def _sums(parts: Iterable[tuple[NodeName, Resources]]) -> dict[NodeName, Amounts]:
    # Members of a gang ask for the same: counting them first leaves few vectors to add.
    totals: dict[NodeName, dict[str, int]] = defaultdict(dict)
    for (node, each), count in Counter(parts).items():
        total = totals[node]
        for name, amount in each.items():
            total[name] = total.get(name, 0) + amount * count
    return dict(totals)
