"""A file's content as values, and YAML with the line that everything stands on: that is what a person needs when it is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from scheduler.model.facts import Level
from scheduler.model.ids import NodeName
from scheduler.model.machines import DeviceSlice, NumaZone
from scheduler.model.nodes import Node

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadFile(ValueError):  # noqa: N818  reads as what it is
    """The text is not what it should be; `line` counts from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence.rstrip("."))
        self.line = line


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds."""

    nodes: Sequence[Node] = ()
    levels: tuple[Level, ...] = ()
    slices: Sequence[DeviceSlice] = ()
    zones: Sequence[tuple[NodeName, tuple[NumaZone, ...]]] = ()


def documents_of(text: str) -> list[yaml.Node]:
    """Return the documents of a text. Raises: BadFile."""
    try:
        return [each for each in yaml.compose_all(text, _Loader) if is_something(each)]
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        what = " ".join((problem.problem or "it cannot be read").split())
        raise BadFile(mark.line + 1 if mark else 1, f"this is not YAML: {what}") from problem
    except yaml.reader.ReaderError as problem:
        line = text.encode()[: problem.position].count(b"\n") + 1
        raise BadFile(line, f"this is not text: {problem.reason}") from problem
    except RecursionError as problem:
        raise BadFile(1, "this is nested too deeply to be read") from problem


def is_something(node: yaml.Node | None) -> bool:
    """Whether there is anything but nothing."""
    return node is not None and node.tag != "tag:yaml.org,2002:null"


def line_of(node: yaml.Node) -> int:
    """Return the line that something begins on, from 1."""
    return int(node.start_mark.line) + 1


def keys_of(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    """Return what a mapping holds, by key."""
    return {str(key.value): value for key, value in node.value}


def plain_of(node: yaml.Node) -> Any:
    """Return something as plain values. Raises: BadFile."""
    constructor = yaml.constructor.SafeConstructor()
    try:
        return constructor.construct_document(node)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or node.start_mark
        raise BadFile(mark.line + 1, f"this cannot be read: {problem.problem}") from problem
    except (ValueError, TypeError, RecursionError) as problem:
        raise BadFile(line_of(node), f"this cannot be read: {problem}") from problem
