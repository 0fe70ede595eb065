"""
Scenario files: what is given, what is asked, what must come of it, and what must not be touched.

    id, claim, peer, source      what the case is called, what Tutti does, what the peer does, and who says so
    given.levels, given.hosts    hosts {name, in: [a domain per level], gpus, cpu, used, count}; `count` makes NAME-0, NAME-1 ..., and "{}"
                                 in a domain's name becomes that number
    when                         gangs, oldest first {gang, required, preferred, minCount, maxCount, bound: [hosts of members], roles}
    then.GANG                    held: reason; or placed: pods, domains: {level: count}, inside: {level: [domains]},
                                 roles: {role: {host: pods}}
    untouched                    {level: [domains]} in which nothing is placed

An unknown key is an error: a misspelt expectation would expect nothing.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, GroupKey, GroupUid, LevelName, NodeName, PodKey, PodUid
from scheduler.model.nodes import Node
from scheduler.model.podgroups import PodGroup, Role, TopologyConstraint
from scheduler.model.pods import Pod, PodShape
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot

GPU = "nvidia.com/gpu"
NAMESPACE = "team"
DEFAULT_CPU = 128  # cores of a host that says nothing of them


@dataclass(frozen=True, slots=True)
class Host:
    """A host of a scenario, by its name there, and what it is called now."""

    name: str
    called: str
    homes: tuple[str, ...]
    total: Resources
    used: Resources


@dataclass(frozen=True, slots=True)
class Gang:
    """A gang of a scenario: its spec, its members without a node, and the hosts of those with one."""

    name: str
    spec: Mapping[str, Any]
    roles: tuple[tuple[str, int, PodShape], ...]
    bound: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file. `renamed` maps a domain's name in the file to what it is called now, per level."""

    id: str
    levels: tuple[str, ...]
    hosts: tuple[Host, ...]
    gangs: tuple[Gang, ...]
    then: Mapping[str, Mapping[str, Any]]
    untouched: Mapping[str, Sequence[str]]
    is_interleaved: bool
    renamed: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def host_of(self, called: str) -> Host:
        """Return a host by what it is called now."""
        return next(host for host in self.hosts if host.called == called)


def read(path: Path) -> Scenario:
    """Return the scenario of a file. Raises: ValueError naming the file and what is wrong."""
    data = yaml.safe_load(path.read_text())
    _only(path, data, {"id", "claim", "peer", "source", "given", "interleaved", "when", "then", "untouched"})
    _only(path, data["given"], {"levels", "hosts"})
    for gang, expected in data["then"].items():
        _only(path, expected, {"placed", "domains", "inside", "roles", "held"})
        if gang not in {each["gang"] for each in data["when"]}:
            raise ValueError(f"{path}: then.{gang} is no gang of this scenario")
    return Scenario(
        data["id"],
        tuple(data["given"]["levels"]),
        tuple(host for each in data["given"]["hosts"] for host in _hosts(path, each)),
        tuple(_gang(path, each) for each in data["when"]),
        data["then"],
        data.get("untouched", {}),
        data.get("interleaved", False),
    )


def permuted(scenario: Scenario, seed: int) -> Scenario:
    """Return the same scenario with hosts and domains under other names, which sort differently, and with the roles in another order."""
    rng = random.Random(f"{scenario.id} {seed}")
    names = [f"x{number:03}" for number in range(len(scenario.hosts))]
    rng.shuffle(names)
    renamed: dict[tuple[str, str], str] = {}
    for at, level in enumerate(scenario.levels):
        found = sorted({host.homes[at] for host in scenario.hosts})
        others = [f"y{number:03}" for number in range(len(found))]
        rng.shuffle(others)
        renamed |= {(level, name): other for name, other in zip(found, others, strict=True)}
    hosts = [replace(host, called=name) for host, name in zip(scenario.hosts, names, strict=True)]
    rng.shuffle(hosts)
    gangs = [replace(gang, roles=tuple(rng.sample(gang.roles, len(gang.roles)))) for gang in scenario.gangs]
    return replace(scenario, hosts=tuple(hosts), gangs=tuple(gangs), renamed=renamed)


def snapshot(scenario: Scenario) -> Snapshot:
    """Return what the scheduler would see."""
    called = {host.name: NodeName(host.called) for host in scenario.hosts}
    groups, members = {}, {}
    in_use = {host.name: host.used for host in scenario.hosts}
    for number, gang in enumerate(scenario.gangs):
        group, pods = _group(scenario, gang, number, called)
        groups[group.key], members[group.key] = group, pods
        for name in gang.bound:
            in_use[name] += gang.roles[0][2].requests
    facts = tuple(
        TopologyFact(
            NodeName(host.called),
            LevelName(level),
            DomainName(scenario.renamed.get((level, home), home)),
            "test",
        )
        for host in scenario.hosts
        for level, home in zip(scenario.levels, host.homes, strict=True)
    )
    return Snapshot(
        nodes={
            called[host.name]: NodeState(Node(called[host.name], host.total), in_use[host.name])
            for host in scenario.hosts
        },
        groups=groups,
        members=members,
        evidence=Evidence(tuple(Level(LevelName(level)) for level in scenario.levels), facts),
    )


def _group(
    scenario: Scenario, gang: Gang, number: int, called: Mapping[str, NodeName]
) -> tuple[PodGroup, tuple[Pod, ...]]:
    key = GroupKey(NAMESPACE, gang.name)
    step = len(scenario.gangs) if scenario.is_interleaved else 1
    pods = []
    for at, host in enumerate(gang.bound):
        name = f"{gang.name}-bound-{at}"
        shape = gang.roles[0][2]
        pods.append(
            Pod(
                PodKey(NAMESPACE, name),
                PodUid(name),
                shape,
                group=key,
                role=gang.roles[0][0],
                node=called[host],
            )
        )
    for role, count, shape in gang.roles:
        for at in range(count):
            name = f"{gang.name}-{role}-{at}"
            born = float(number + step * len(pods))
            pods.append(
                Pod(PodKey(NAMESPACE, name), PodUid(name), shape, group=key, role=role, created_at=born)
            )
    total = sum(count for _, count, _ in gang.roles) + len(gang.bound)
    group = PodGroup(
        key,
        GroupUid(gang.name),
        min_count=gang.spec.get("minCount", total),
        max_count=gang.spec.get("maxCount"),
        created_at=float(number),
        roles=tuple(Role(role, count) for role, count, _ in gang.roles) if len(gang.roles) > 1 else (),
        topology=TopologyConstraint(gang.spec.get("required"), gang.spec.get("preferred")),
    )
    return group, tuple(pods)


def _hosts(path: Path, data: Mapping[str, Any]) -> list[Host]:
    _only(path, data, {"name", "in", "gpus", "cpu", "used", "count"})
    total = _amounts(data.get("gpus", 0), data.get("cpu", DEFAULT_CPU), 110)
    used = _amounts(data.get("used", {}).get("gpus", 0), data.get("used", {}).get("cpu", 0), 0)
    if "count" not in data:
        return [Host(data["name"], data["name"], tuple(data["in"]), total, used)]
    return [
        Host(name, name, tuple(home.replace("{}", str(at)) for home in data["in"]), total, used)
        for at in range(data["count"])
        for name in [f"{data['name']}-{at}"]
    ]


def _gang(path: Path, data: Mapping[str, Any]) -> Gang:
    _only(path, data, {"gang", "required", "preferred", "minCount", "maxCount", "bound", "roles"})
    for role in data["roles"].values():
        _only(path, role, {"pods", "gpus", "cpu"})
    roles = tuple(
        (name, role["pods"], PodShape(_amounts(role.get("gpus", 0), role.get("cpu", 1), 1)))
        for name, role in data["roles"].items()
    )
    return Gang(data["gang"], data, roles, tuple(data.get("bound", ())))


def _amounts(gpus: int, cpu: int, pods: int) -> Resources:
    return Resources({GPU: gpus, "cpu": 1000 * cpu, "pods": pods})


def _only(path: Path, data: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(data) - known)
    if unknown:
        raise ValueError(f"{path}: {unknown[0]} is not known here; there are {', '.join(sorted(known))}")
