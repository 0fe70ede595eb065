"""Whether a plan still stands on the nodes as they are now: the world moved on while it was being made."""

from collections import defaultdict

from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.plan import Admit, Plan
from scheduler.model.resources import NOTHING, Resources
from scheduler.model.snapshot import Snapshot


def overtaken(plan: Plan, then: Snapshot, now: Snapshot) -> frozenset[GroupKey]:
    """
    Return the admitted gangs that must be decided again, because a node of theirs changed or is too full by now.

    A node is judged only if its state is not the very object the plan was made from, so an undisturbed plan costs O(assignments).
    Resources are counted over the whole plan in its order; host ports and labels are covered by "the node or its pods changed: decide again
    unless only the amounts differ".
    """
    shapes = {pod.uid: pod.shape for admit in plan.admitted for pod in now.members.get(admit.group, ())}
    free: dict[NodeName, Resources] = {}
    lost: set[GroupKey] = set()
    for admit in plan.admitted:
        needs = _needs(admit, shapes={uid: shape.requests for uid, shape in shapes.items()})
        moved = [name for name in needs if now.nodes.get(name) is not then.nodes.get(name)]
        for name in moved:
            before, after = then.nodes.get(name), now.nodes.get(name)
            if (
                before is None
                or after is None
                or before.node is not after.node
                or before.host_ports != after.host_ports
            ):
                lost.add(admit.group)
                break
            left = free.setdefault(name, after.free - _reserved(now, name))
            if not needs[name].fits_in(left):
                lost.add(admit.group)
                break
            free[name] = left - needs[name]
    return frozenset(lost)


def _needs(admit: Admit, shapes: dict[str, Resources]) -> dict[NodeName, Resources]:
    needs: dict[NodeName, Resources] = defaultdict(lambda: NOTHING)
    for assignment in admit.assignments:
        needs[assignment.node] = needs[assignment.node] + shapes.get(assignment.uid, NOTHING)
    return dict(needs)


def _reserved(snapshot: Snapshot, node: NodeName) -> Resources:
    total = NOTHING
    for reservation in snapshot.reservations:
        bound = {pod.uid for pod in snapshot.members.get(reservation.group, ()) if pod.is_bound}
        for slot in reservation.slots:
            if slot.node == node and slot.uid not in bound:
                total = total + slot.shape.requests
    return total
