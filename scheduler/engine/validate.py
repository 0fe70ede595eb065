"""
The invariants of a plan, as a function that returns what is broken.

Written apart from the search, simple and slow: it counts instead of remembering, and asks `feasibility` of one pod and one node at
a time. Tests use it as their oracle; `tutti decide` runs it on every plan.
"""

from collections import Counter

from scheduler.engine.company import intrusions
from scheduler.engine.feasibility import ports_clash, static_refusal
from scheduler.engine.mounts import out_of_reach
from scheduler.engine.standing import counts_as_done
from scheduler.model.ids import NodeName
from scheduler.model.plan import Admit, Plan
from scheduler.model.pods import HostPort, Pod, PodShape, Toleration
from scheduler.model.reasons import Reason
from scheduler.model.resources import NOTHING, Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.model.volumes import Handle, NodeDrivers
from scheduler.topology import DomainTree, compile_tree

ANY_TAINT = (Toleration(exists=True),)


def violations(snapshot: Snapshot, plan: Plan) -> tuple[str, ...]:
    """
    Return every broken invariant in words; empty for a sound plan.

    Checked: each gang is planned once and whole; each member exists, waits, counts, and is planned once; nodes exist and may run
    their pods; no node gives more than it has, with bound pods and reservations counted; ports do not clash; a required domain is
    one domain; nobody stands beside a pod that keeps it away (`company`); volumes are in reach, and no node attaches too many.
    """
    found: list[str] = []
    tree = compile_tree(snapshot.evidence, snapshot.nodes)
    groups = Counter(decision.group for decision in plan.decisions)
    found += [f"{group} is decided {count} times" for group, count in sorted(groups.items()) if count > 1]
    placed: dict[NodeName, list[Pod]] = {}
    found += [
        f"{hold.group} could not be decided: {hold.message}"
        for hold in plan.held
        if hold.reason is Reason.INTERNAL_ERROR
    ]
    for admit in plan.admitted:
        found += _gang(snapshot, tree, admit, placed)
    for name, pods in sorted(placed.items()):
        found += _node(snapshot, name, pods)
    found += intrusions(snapshot, plan)
    return tuple(found)


def _gang(snapshot: Snapshot, tree: DomainTree, admit: Admit, placed: dict[NodeName, list[Pod]]) -> list[str]:
    group = snapshot.groups.get(admit.group)
    if group is None:
        return [f"{admit.group} does not exist"]
    members = {pod.uid: pod for pod in snapshot.members.get(admit.group, ())}
    found = [
        f"{uid} of {group.key} is planned twice"
        for uid, n in Counter(a.uid for a in admit.assignments).items()
        if n > 1
    ]
    nodes = [pod.node for pod in members.values() if pod.node is not None and pod.counts_for_quorum]
    bound = len(nodes)
    done = sum(1 for pod in members.values() if counts_as_done(group, pod))
    for slot in admit.assignments:
        pod = members.get(slot.uid)
        if pod is None or pod.key != slot.pod or pod.is_bound or not pod.counts_for_quorum:
            found.append(f"{slot.pod} cannot be planned for {group.key}")
            continue
        state = snapshot.nodes.get(slot.node)
        if state is None:
            found.append(f"{slot.pod} is planned on {slot.node}, which does not exist")
            continue
        refusal = static_refusal(pod.shape, state.node) or _out_of_reach(snapshot, pod, state)
        if refusal:
            found.append(f"{slot.pod} may not run on {slot.node}: {refusal}")
        if slot.node in snapshot.refused.get(slot.uid, frozenset()):
            found.append(f"{slot.pod} is planned on {slot.node}, which kube-scheduler refused")
        placed.setdefault(slot.node, []).append(pod)
        nodes.append(slot.node)
    total = bound + done + len(admit.assignments)
    if total < group.min_count or (
        group.max_count is not None and admit.assignments and total > group.max_count
    ):
        found.append(
            f"{group.key} would have {total} members; it needs {group.min_count} and allows {group.max_count}"
        )
    if len({slot.rank for slot in admit.assignments}) < len(admit.assignments):
        found.append(f"{group.key} has a rank twice")
    level = tree.level_of(group.topology.required) if group.topology.required is not None else None
    if group.topology.required is not None and bound == 0:
        domains = {
            tree.domain_of(tree.index[node], level)
            for node in nodes
            if level is not None and node in tree.index
        }
        if len(domains) != 1 or None in domains:
            found.append(
                f"{group.key} is in {len(domains)} domains of {group.topology.required}, which must be one"
            )
    return found


def _out_of_reach(snapshot: Snapshot, pod: Pod, state: NodeState) -> str:
    """Return which volume of a pod cannot be reached from a node, in words; empty when all can."""
    for key, volume, mounts in out_of_reach(snapshot.storage, pod):
        if static_refusal(PodShape(NOTHING, tolerations=ANY_TAINT, mounts=mounts), state.node) is not None:
            return f"volume {volume} of claim {key} is out of reach"
    return ""


def _attached(snapshot: Snapshot, name: NodeName, pods: list[Pod]) -> list[str]:
    """Count the volumes that a node would attach, each once."""
    storage, limits = snapshot.storage, snapshot.storage.nodes.get(name, NodeDrivers()).limits
    there = {storage.handle_of(key) for key in snapshot.nodes[name].claims}
    for each in storage.attachments.values():
        volume = storage.volumes.get(each.volume)
        if each.node == name and volume is not None and volume.handle is not None:
            there.add(Handle(each.driver, volume.handle.volume))
    for reservation in snapshot.reservations:
        for slot in reservation.slots:
            if slot.node == name:
                there |= {storage.handle_of(key) for key in slot.claim_keys}
    new = {storage.handle_of(key) for pod in pods for key in pod.claim_keys} - there
    counts = Counter(handle.driver for handle in there | new if handle is not None)
    return [
        f"{name} would attach {counts[driver]} volumes of {driver}, and attaches {limits[driver]}"
        for driver in sorted({handle.driver for handle in new if handle is not None})
        if driver in limits and counts[driver] > limits[driver]
    ]


def _node(snapshot: Snapshot, name: NodeName, pods: list[Pod]) -> list[str]:
    state = snapshot.nodes[name]
    asked, ports = NOTHING, list[HostPort](state.host_ports)
    found = []
    for reservation in snapshot.reservations:
        bound = {pod.uid for pod in snapshot.members.get(reservation.group, ()) if pod.is_bound}
        for slot in reservation.slots:
            if slot.node == name and slot.uid not in bound:
                asked = asked + slot.shape.requests
                ports += slot.shape.host_ports
    for pod in pods:
        if ports_clash(pod.shape.host_ports, ports):
            found.append(f"{pod.key} wants a host port of {name} that is taken")
        ports += pod.shape.host_ports
        asked = asked + pod.shape.requests
    wanted = Resources(
        {key: amount for key, amount in asked.items() if any(key in pod.shape.requests for pod in pods)}
    )
    if not wanted.fits_in(state.free):
        found.append(f"{name} would give {dict(wanted)}, but has {dict(state.free)}")
    return found + _attached(snapshot, name, pods)
