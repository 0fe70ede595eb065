"""
An independent judge of plans: takes what one cycle could know and what it decided, and returns what is wrong.

It shares no code with the engine: its own predicates (`rules`), its own domains (`neighbourhoods`), its own sums. Where it and the
engine differ, one of them has misread Kubernetes or the contract of a PodGroup.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from scheduler.model.ids import NodeName
from scheduler.model.plan import Admit, Assignment, Plan
from scheduler.model.podgroups import PodGroup, Role
from scheduler.model.pods import HostPort, Pod
from scheduler.model.snapshot import Snapshot
from tests.checker.company import intruders
from tests.checker.mounts import crowds, misfits
from tests.checker.neighbourhoods import Neighbourhoods
from tests.checker.rules import objections, share_a_port


def wrongs(snapshot: Snapshot, plan: Plan, *, evaluates_all: bool = False) -> list[str]:
    """
    Return every wrong in words; empty for a plan that may be carried out.

    `evaluates_all`: somebody else (kube-scheduler) evaluates the constraints that Tutti does not; else pods that use them must wait.
    """
    found = [
        f"{group} is decided {count} times"
        for group, count in Counter(decision.group for decision in plan.decisions).items()
        if count > 1
    ]
    planned = [slot for admit in plan.admitted for slot in admit.assignments]
    found += [
        f"pod {uid} is planned {count} times"
        for uid, count in Counter(slot.uid for slot in planned).items()
        if count > 1
    ]
    places = Neighbourhoods(snapshot.evidence)
    for admit in plan.admitted:
        group = snapshot.groups.get(admit.group)
        if group is None:
            found.append(f"{admit.group} does not exist")
            continue
        members = snapshot.members.get(admit.group, ())
        found += _pods(snapshot, group, members, admit.assignments, evaluates_all)
        found += _gang(group, members, admit)
        found += _topology(snapshot, places, group, members, admit.assignments)
    found += _capacity(snapshot, planned)
    found += intruders(snapshot, plan)
    found += crowds(snapshot, plan)
    return found


def _pods(
    snapshot: Snapshot,
    group: PodGroup,
    members: Sequence[Pod],
    slots: Sequence[Assignment],
    evaluates_all: bool,
) -> Iterator[str]:
    known = {pod.uid: pod for pod in members}
    for slot in slots:
        pod = known.get(slot.uid)
        if pod is None or pod.key != slot.pod:
            yield f"{slot.pod} is no member of {group.key}"
            continue
        if pod.node is not None:
            yield f"{pod.key} has a node already"
        if not _is_alive(pod):
            yield f"{pod.key} is gated, ended or being deleted"
        if pod.shape.unevaluated and not evaluates_all:
            yield f"{pod.key} uses {pod.shape.unevaluated}, which nobody has looked at"
        state = snapshot.nodes.get(slot.node)
        if state is None:
            yield f"{slot.node} does not exist"
            continue
        if slot.node in snapshot.refused.get(slot.uid, ()):
            yield f"{slot.node} was refused for {pod.key}"
        for objection in (
            *objections(pod.shape, state.node),
            *misfits(snapshot, pod, state.node, evaluates_all=evaluates_all),
        ):
            yield f"{pod.key} may not run on {slot.node}: {objection}"


def _gang(group: PodGroup, members: Sequence[Pod], admit: Admit) -> Iterator[str]:
    if group.refusal or group.is_deleting:
        yield f"{group.key} may not start: {group.refusal or 'it is being deleted'}"
    uids = {slot.uid for slot in admit.assignments}
    standing = [
        pod for pod in members if (_is_alive(pod) and (pod.node or pod.uid in uids)) or _is_done(group, pod)
    ]
    if len(standing) < group.min_count:
        yield f"{group.key} would stand with {len(standing)} of {group.min_count} members"
    if group.max_count is not None and len(standing) > group.max_count:
        yield f"{group.key} would have {len(standing)} members and allows {group.max_count}"
    for role in group.roles:
        players = sum(1 for pod in standing if _plays(pod, role))
        if players < role.min_count:
            yield f"{group.key} would stand with {players} of {role.min_count} members of role {role.name}"
    if len({slot.rank for slot in admit.assignments}) < len(admit.assignments):
        yield f"{group.key} has a rank twice"
    if not admit.assignments:
        yield f"{group.key} is started with nobody"


def _topology(
    snapshot: Snapshot,
    places: Neighbourhoods,
    group: PodGroup,
    members: Sequence[Pod],
    slots: Sequence[Assignment],
) -> Iterator[str]:
    before = [pod.node for pod in members if _is_alive(pod) and pod.node in snapshot.nodes and pod.node]
    new = [slot.node for slot in slots if slot.node in snapshot.nodes]
    asked = group.topology
    if asked.required is not None:
        level = places.level(asked.required)
        if level is None:
            yield f"{group.key} requires {asked.required}, which no node has"
        else:
            homes = {places.domain(node, level) for node in new}
            old = {places.domain(node, level) for node in before}
            if len(homes) > 1:
                yield f"{group.key} is put into {len(homes)} domains of {asked.required}"
            elif old and not homes <= old:
                yield f"{group.key} grows into another domain of {asked.required} than it stands in"
    for part in asked.slices:
        level = places.level(part.level)
        if level is None:
            yield f"{group.key} has slices of {part.level}, which no node has"
            continue
        broken = _broken(Counter(places.domain(node, level) for node in (*before, *new)), part.size)
        if broken > _broken(Counter(places.domain(node, level) for node in before), part.size):
            yield f"{group.key} would have {broken} slices of {part.size} that are not together in one {part.level}"


def _broken(members: Counter[tuple[str, ...]], size: int) -> int:
    return sum(1 for count in members.values() if count % size)


def _capacity(snapshot: Snapshot, planned: Sequence[Assignment]) -> Iterator[str]:
    """Add up what each node would carry: what is there, what is reserved and not bound yet, and what is planned."""
    pods = {pod.uid: pod for members in snapshot.members.values() for pod in members}
    carried: dict[NodeName, Counter[str]] = defaultdict(Counter)
    ports: dict[NodeName, list[HostPort]] = defaultdict(list)
    for name, state in snapshot.nodes.items():
        carried[name].update(dict(state.requested))
        ports[name] += state.host_ports
    for slot in (slot for reservation in snapshot.reservations for slot in reservation.slots):
        if slot.uid not in pods or pods[slot.uid].node is None:
            carried[slot.node].update(dict(slot.shape.requests))
            ports[slot.node] += slot.shape.host_ports
    asked: dict[NodeName, set[str]] = defaultdict(set)
    for each in planned:
        if each.uid not in pods or each.node not in snapshot.nodes:
            continue  # told by others
        shape = pods[each.uid].shape
        if share_a_port(shape.host_ports, ports[each.node]):
            yield f"{each.pod} wants a host port of {each.node} that is taken"
        ports[each.node] += shape.host_ports
        carried[each.node].update(dict(shape.requests))
        asked[each.node] |= {name for name, amount in shape.requests.items() if amount}
    for name in sorted(asked):
        offered = snapshot.nodes[name].node.allocatable
        for resource in sorted(asked[name]):  # a node may be short of what nobody asks it for
            if carried[name][resource] > offered[resource]:
                yield f"{name} would carry {carried[name][resource]} of {offered[resource]} {resource}"


def _is_alive(pod: Pod) -> bool:
    return not pod.is_gated and not pod.is_deleting and str(pod.phase) not in {"Succeeded", "Failed"}


def _is_done(group: PodGroup, pod: Pod) -> bool:
    """Whether the pod has ended well after its gang had started; then nobody stands in for it."""
    started = group.attempt is not None and str(group.attempt.phase) in {"Committing", "Committed"}
    return started and pod.node is not None and str(pod.phase) == "Succeeded"


def _plays(pod: Pod, role: Role) -> bool:
    if role.match_labels:
        return all(pod.labels.get(key) == value for key, value in role.match_labels.items())
    return pod.role == role.name
