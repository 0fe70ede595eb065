"""
Lists of hosts that public traces come with, as nodes: Alibaba's Lingjun fabric, and the GPU cluster of Alibaba's openb trace.

A list is told by its heading. Lingjun names for each host the switches above it: one DSW, three PSW, 48 ASW; but an ASW is found under
several PSW, so the file can be read in two ways. `asw`: an ASW is one leaf, whatever PSW is beside it. `pair`: a leaf is one ASW under one
PSW. GPUs are not in the file. The openb list says what each node has, and nothing of the network.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from scheduler.model.facts import Level
from scheduler.model.ids import LevelName, NodeName
from scheduler.model.nodes import Node
from scheduler.model.resources import CPU, MEMORY, PODS, Resources
from scheduler.sources import gfd

GPU: Final = "nvidia.com/gpu"
PODS_PER_NODE: Final = 110  # the kubelet's default
LINGJUN: Final = ("ip", "DSW", "PSW", "ASW")
LINGJUN_GPUS: Final = 8
OPENB: Final = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
LARGEST: Final = 2**40

_LEVELS: Final = {"DSW": "spine", "PSW": "block", "ASW": "rack"}


class Reading(StrEnum):
    """How the Lingjun list is read."""

    ASW = "asw"
    PAIR = "pair"


class BadList(ValueError):  # noqa: N818  reads as what it is
    """The text is no such list; `line` counts from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


@dataclass(frozen=True, slots=True)
class HostList:
    """What a list holds: nodes, the levels that their labels carry, and what was assumed, in a sentence."""

    nodes: tuple[Node, ...]
    levels: tuple[Level, ...] = ()
    assumed: str = ""


def read(text: str, reading: Reading = Reading.ASW) -> HostList:
    """Return the hosts of a list. Raises: BadList."""
    rows = list(_rows(text))
    heading = rows[0][1] if rows else []
    if set(LINGJUN) <= set(heading):
        return _lingjun(_records(rows), reading)
    if set(OPENB) <= set(heading):
        return HostList(_nodes(_openb(line, record) for line, record in _records(rows)))
    raise BadList(1, f"the heading must name {', '.join(LINGJUN)}, or {', '.join(OPENB)}")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield lines that are not blank, with their numbers."""
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as problem:
        raise BadList(reader.line_num, f"the line is not CSV: {problem}") from problem


def _records(rows: Sequence[tuple[int, list[str]]]) -> Iterator[tuple[int, Mapping[str, str]]]:
    heading = rows[0][1]
    for line, row in rows[1:]:
        if len(row) != len(heading):
            raise BadList(line, f"the line has {len(row)} fields, the heading {len(heading)}")
        yield line, dict(zip(heading, row, strict=True))


def _nodes(made: Iterable[tuple[int, Node]]) -> tuple[Node, ...]:
    found: dict[NodeName, Node] = {}
    for line, node in made:
        if not node.name:
            raise BadList(line, "the host has no name")
        if node.name in found:
            raise BadList(line, f"the host {node.name[:40]} is there twice")
        found[node.name] = node
    if not found:
        raise BadList(1, "there is no host below the heading")
    return tuple(found.values())


def _lingjun(records: Iterable[tuple[int, Mapping[str, str]]], reading: Reading) -> HostList:
    switches = [name for name in _LEVELS if name != "PSW" or reading is Reading.PAIR]

    def node(line: int, record: Mapping[str, str]) -> tuple[int, Node]:
        missing = [name for name in switches if not record[name]]
        if missing:
            raise BadList(line, f"the field {missing[0]} is empty")
        labels = {name: record[name] for name in switches}
        return line, Node(NodeName(record["ip"]), Resources({GPU: LINGJUN_GPUS, PODS: PODS_PER_NODE}), labels)

    return HostList(
        _nodes(node(line, record) for line, record in records),
        tuple(Level(LevelName(_LEVELS[name]), name) for name in switches),
        f"The list says nothing of GPUs; {LINGJUN_GPUS} per host are assumed.",
    )


def _openb(line: int, record: Mapping[str, str]) -> tuple[int, Node]:
    amounts = {
        CPU: _number(line, record, "cpu_milli"),
        MEMORY: _number(line, record, "memory_mib") * 2**20,
        GPU: _number(line, record, "gpu"),
        PODS: PODS_PER_NODE,
    }
    labels = {gfd.PRODUCT: record["model"], gfd.COUNT: str(amounts[GPU])} if record["model"] else {}
    return line, Node(NodeName(record["sn"]), Resources(amounts), labels)


def _number(line: int, record: Mapping[str, str], field: str) -> int:
    text = record[field]
    if not text.isascii() or not text.isdecimal() or len(text) > 13 or int(text) > LARGEST:
        raise BadList(line, f"{field} is {text[:40]!r}; a whole number is expected")
    return int(text)
