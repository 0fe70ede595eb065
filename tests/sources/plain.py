"""The rule by which labels become domains, written plainly: dictionaries, one node at a time. What the columns are held against."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from scheduler.model.facts import Evidence
from scheduler.model.nodes import Node
from scheduler.sources.precedence import ORDER, PRECEDENCE

Place = tuple[str, str]


def told(found: Evidence) -> dict[str, Any]:
    """Return everything that evidence says, as values that compare."""
    return {
        "levels": found.levels,
        "facts": tuple(found.facts),
        "conflicts": found.conflicts,
        "unknowns": found.unknowns,
        "machines": dict(found.machines),
    }


def plain_domains(nodes: Sequence[Node]) -> dict[Place, str]:
    """Return the domain of each (node, level) that labels alone give."""
    said: dict[Place, tuple[str, str]] = {}
    for carrier in PRECEDENCE:
        for node in nodes:
            value = node.labels.get(carrier.key, "") if carrier.is_label else ""
            word = carrier.read(value) if value else ""
            if word:
                said.setdefault((node.name, carrier.level), (word, carrier.key))
    values = _told_apart(said)
    domains: dict[Place, str] = {}
    used = [str(level) for level in ORDER if any(at == level for _, at in said)]
    for depth, level in enumerate(used):
        alike: dict[str, list[str]] = {}
        for node in nodes:
            if (node.name, level) in values:
                alike.setdefault(values[node.name, level], []).append(str(node.name))
        for value, names in sorted(alike.items()):
            parts = _split(names, used[:depth], domains)
            for part in parts:
                parent = _parent(part[0], used[:depth], domains)
                if len(parts) == 1 or parent:
                    name = value if len(parts) == 1 else f"{parent}/{value}"
                    domains.update(dict.fromkeys(((node, level) for node in part), name))
    return domains | {(str(node.name), "host"): str(node.name) for node in nodes}


def _told_apart(said: dict[Place, tuple[str, str]]) -> dict[Place, str]:
    used: dict[tuple[str, str], Counter[str]] = {}
    for (_, level), (word, key) in said.items():
        used.setdefault((level, word), Counter())[key] += 1

    def main(counts: Counter[str]) -> str:
        return min(counts, key=lambda key: (-counts[key], key))

    return {
        (node, level): word if key == main(used[level, word]) else f"{key}={word}"
        for (node, level), (word, key) in said.items()
    }


def _split(names: list[str], outer: list[str], domains: dict[Place, str]) -> list[list[str]]:
    parts = [names]
    for depth, level in enumerate(outer):
        further: list[list[str]] = []
        for part in parts:
            named: dict[str, list[str]] = {}
            for node in part:
                if (node, level) in domains:
                    named.setdefault(domains[node, level], []).append(node)
            silent = [node for node in part if (node, level) not in domains]
            if len(named) == 1:
                (only,) = named
                follows = [n for n in silent if not any((n, each) in domains for each in outer[depth + 1 :])]
                domains.update(dict.fromkeys(((node, level) for node in follows), only))
                named[only] += follows
                silent = [node for node in silent if node not in follows]
            further += [named[name] for name in sorted(named)] + ([silent] if silent else [])
        parts = further
    return parts


def _parent(node: str, outer: list[str], domains: dict[Place, str]) -> str:
    for level in reversed(outer):
        if (node, level) in domains:
            name = domains[node, level]
            return name if level == outer[-1] else f"{level}={name}"
    return ""
