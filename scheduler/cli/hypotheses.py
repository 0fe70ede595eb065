"""
The options of `tutti what-if`, read: each is one or more edits of a snapshot, or a sentence that says what is wrong with it.

    --add-nodes N[=NODE][@DOMAIN]   --cordon NODE   --uncordon NODE   --remove-group NS/NAME   --set FIELD=VALUE

Everything is checked against the snapshot, so that a slip of the pen is not answered with "nothing changes".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from scheduler.cli.errors import CommandError
from scheduler.explain.edits import Counts, Edit, MaxCount, Preferred, Request, Required
from scheduler.explain.surroundings import Cordoned, MoreNodes, RemovedGroups, Uncordoned
from scheduler.model.ids import POD_DIALECT, GroupKey, NodeName
from scheduler.model.podgroups import PodGroup
from scheduler.model.resources import CPU, PODS
from scheduler.model.snapshot import Snapshot
from scheduler.objects.amounts import MAX_AMOUNT
from scheduler.objects.errors import BadObject
from scheduler.objects.quantities import milli, parse, units
from scheduler.topology import CLUSTER, DomainTree, compile_tree

MOST_NODES: Final = 10_000
LARGEST_GANG: Final = 10_000
FIELDS: Final = (
    "minCount, maxCount, required, preferred, requests.RESOURCE, ROLE.minCount or ROLE.requests.RESOURCE"
)


@dataclass(frozen=True, slots=True)
class Options:
    """What was written on the command line."""

    add_nodes: Sequence[str] = ()
    cordon: Sequence[str] = ()
    uncordon: Sequence[str] = ()
    remove_group: Sequence[str] = ()
    set: Sequence[str] = ()


def edits_of(options: Options, snapshot: Snapshot, groups: Sequence[GroupKey]) -> tuple[Edit, ...]:
    """Return the edits that the options mean; `groups` are those that --set is about. Raises: CommandError."""
    return tuple(_edits(options, snapshot, groups))


def _edits(options: Options, snapshot: Snapshot, groups: Sequence[GroupKey]) -> Iterator[Edit]:
    if options.set and not groups:
        raise CommandError("--set changes a group; name it with --group NAMESPACE/NAME.")
    for key in groups:
        for text in options.set:
            yield _set(text, snapshot.groups[key])
    if options.remove_group:
        yield RemovedGroups(
            tuple(known_group(text, snapshot, "--remove-group") for text in options.remove_group)
        )
    if options.cordon:
        yield Cordoned(tuple(_node(name, snapshot, "--cordon") for name in options.cordon))
    if options.uncordon:
        yield Uncordoned(tuple(_node(name, snapshot, "--uncordon") for name in options.uncordon))
    for text in options.add_nodes:
        yield _more_nodes(text, snapshot, groups)


def known_group(text: str, snapshot: Snapshot, option: str) -> GroupKey:
    """Return the group, or pod on its own, that NAMESPACE/NAME means. Raises: CommandError."""
    namespace, slash, name = text.partition("/")
    if not (slash and namespace and name) or "/" in name:
        raise CommandError(f"{option}: {text!r} is not NAMESPACE/NAME; write for instance team-a/train.")
    for key in (GroupKey(namespace, name), GroupKey(namespace, name, POD_DIALECT)):
        if key in snapshot.groups:
            return key
    near = get_close_matches(text, [str(key) for key in snapshot.groups], n=1)
    raise CommandError(f"{option}: there is no group {text}{_perhaps(near)}; `tutti get groups` lists them.")


# --- nodes ----------------------------------------------------------------------------------------------------------------


def _node(name: str, snapshot: Snapshot, option: str) -> NodeName:
    if name in snapshot.nodes:
        return NodeName(name)
    near = get_close_matches(name, list(snapshot.nodes), n=1)
    raise CommandError(f"{option}: there is no node {name}{_perhaps(near)}; `kubectl get nodes` lists them.")


def _perhaps(near: Sequence[str]) -> str:
    return f", perhaps {near[0]}" if near else ""


def _more_nodes(text: str, snapshot: Snapshot, groups: Sequence[GroupKey]) -> MoreNodes:
    rest, at, domain = text.partition("@")
    number, equals, like = rest.partition("=")
    if (
        not number.isdecimal()
        or not 1 <= int(number) <= MOST_NODES
        or (at and not domain)
        or (equals and not like)
    ):
        raise CommandError(
            f"--add-nodes: {text!r} is not N[=NODE][@DOMAIN] with N from 1 to {MOST_NODES}; write for instance 4=node-7@rack-3."
        )
    named = like.removeprefix("like ").strip()
    tree = compile_tree(snapshot.evidence, snapshot.nodes)
    beside = _in_domain(domain, tree) if domain else ()
    usual = _usual(snapshot, beside or tuple(snapshot.nodes), groups)
    model = _node(named, snapshot, "--add-nodes") if named else usual
    home = model if not beside or model in beside else min(beside)
    return MoreNodes(int(number), model, home)


def _usual(snapshot: Snapshot, names: Sequence[NodeName], groups: Sequence[GroupKey]) -> NodeName:
    """Return the node that new ones are like if nothing is said: the largest in what the named groups count in."""
    if not names:
        raise CommandError(
            "--add-nodes: there is no node that new ones could be like; the snapshot has none."
        )
    wanted = {name for key in groups for pod in snapshot.members.get(key, ()) for name in pod.shape.requests}
    devices = sorted(name for name in wanted if "/" in name)

    def size(name: NodeName) -> tuple[int, ...]:
        offered = snapshot.nodes[name].node.allocatable
        return (*(offered[each] for each in devices), offered.gpus, offered[CPU])

    return min(names, key=lambda name: (tuple(-amount for amount in size(name)), name))


def _in_domain(text: str, tree: DomainTree) -> tuple[NodeName, ...]:
    """Return the nodes of the domain that LEVEL/NAME, or a NAME that only one has, means."""
    found = [
        domain
        for domain in tree.domains
        if domain.level != CLUSTER and text in {domain.name, f"{domain.level}/{domain.name}"}
    ]
    if not found:
        near = get_close_matches(text, [d.name for d in tree.domains if d.level != CLUSTER], n=1)
        raise CommandError(
            f"--add-nodes: there is no domain {text}{_perhaps(near)}; `tutti topology show` lists them."
        )
    if len(found) > 1:
        named = " or ".join(f"{domain.level}/{domain.name}" for domain in found[:3])
        raise CommandError(f"--add-nodes: {text} is the name of {len(found)} domains; write {named}.")
    return tree.nodes[found[0].start : found[0].stop]


# --- fields of a group ----------------------------------------------------------------------------------------------------


def _set(text: str, group: PodGroup) -> Edit:
    field, equals, value = text.partition("=")
    field = field.strip().removeprefix("spec.").removeprefix("topology.").removeprefix("roles.")
    if not equals:
        raise CommandError(f"--set: {text!r} is not FIELD=VALUE; FIELD is {FIELDS}.")
    role, of_role, resource = f".{field}".partition(".requests.")
    if of_role:
        named = _role(group, role.removeprefix(".")) if role else None
        return Request(group.key, *_amount(resource, value), role=named)
    match field:
        case "minCount":
            return _min_count(group, value)
        case "maxCount":
            return MaxCount(group.key, _number(field, value, group.min_count) if value else None)
        case "required":
            return Required(group.key, value or None)
        case "preferred":
            return Preferred(group.key, value or None)
    role, of_role, rest = field.rpartition(".")
    if of_role and rest == "minCount":
        return _role_min_count(group, _role(group, role), value)
    raise CommandError(f"--set: {field!r} is not a field that can be set; FIELD is {FIELDS}.")


def _min_count(group: PodGroup, value: str) -> Counts:
    count = _number("minCount", value, max(1, sum(role.min_count for role in group.roles)))
    if group.max_count is not None and count > group.max_count:
        raise CommandError(
            f"--set: minCount={count} is above maxCount of {group.key}, which is {group.max_count}."
        )
    return Counts(group.key, count)


def _role_min_count(group: PodGroup, role: str, value: str) -> Counts:
    count = _number(f"{role}.minCount", value, 1)
    before = next(each.min_count for each in group.roles if each.name == role)
    return Counts(group.key, group.min_count - before + count, ((role, count),))


def _role(group: PodGroup, name: str) -> str:
    known = [role.name for role in group.roles]
    if name not in known:
        listed = f"; it has {', '.join(known)}" if known else ": it has no roles"
        raise CommandError(f"--set: {group.key} has no role {name!r}{listed}.")
    return name


def _number(field: str, value: str, least: int) -> int:
    if not value.isdecimal() or not least <= int(value) <= LARGEST_GANG:
        raise CommandError(f"--set: {field}={value!r} is not a number from {least} to {LARGEST_GANG}.")
    return int(value)


def _amount(resource: str, value: str) -> tuple[str, int]:
    try:
        number = parse(value)
    except BadObject as problem:
        raise CommandError(f"--set: requests.{resource}: {problem}") from problem
    if not resource or resource == PODS or number < 0:
        raise CommandError(
            f"--set: requests.{resource}={value} cannot be asked for; name a resource and an amount of 0 or more."
        )
    return resource, min(MAX_AMOUNT, milli(number) if resource == CPU else units(number))
