"""
Our own nested form of a cluster:

    levels: [block, rack]        # outermost first
    gpus: 8                      # per host, where nothing else is said
    tree:
      b0:
        r0: [n0, n1, {n2: 4}]    # n2 has 4 GPUs
        r1: ["n[03-16]"]         # fourteen hosts
      b1: [n17]                  # in no known rack
"""

import re
from collections.abc import Iterator
from typing import Final

import yaml

from scheduler.cli.topology_view.marked import BadFile, Content, is_something, keys_of, line_of, plain_of
from scheduler.model.facts import HOST_LEVEL, Level
from scheduler.model.ids import LevelName, NodeName
from scheduler.model.nodes import Node
from scheduler.model.resources import PODS, Resources
from scheduler.sources.fabric_lists import GPU, PODS_PER_NODE

MOST_HOSTS: Final = 100_000
MOST_GPUS: Final = 1024
USUAL_GPUS: Final = 8
_RANGE: Final = re.compile(r"([^\[\]]*)\[([0-9]{1,6})-([0-9]{1,6})\]([^\[\]]*)")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


class Form:
    """One document of the form. Raises: BadFile."""

    def __init__(self, document: yaml.MappingNode) -> None:
        keys = keys_of(document)
        unknown = sorted(keys.keys() - {"levels", "gpus", "tree"})
        if unknown:
            raise BadFile(
                line_of(keys[unknown[0]]), f"{unknown[0]} is not known here; levels, gpus and tree are"
            )
        if "levels" not in keys:
            raise BadFile(line_of(document), "levels is missing: a list of names, outermost first")
        self._levels = self._read_levels(keys["levels"])
        self._gpus = self._number(keys["gpus"]) if "gpus" in keys else USUAL_GPUS
        self._tree = keys["tree"]
        self._nodes: dict[str, Node] = {}

    def content(self) -> Content:
        """Return the cluster. Raises: BadFile."""
        self._walk(self._tree, ())
        if not self._nodes:
            raise BadFile(line_of(self._tree), "there is no host in the tree")
        return Content(
            list(self._nodes.values()), tuple(Level(LevelName(name), name) for name in self._levels)
        )

    def _read_levels(self, node: yaml.Node) -> tuple[str, ...]:
        names = plain_of(node)
        if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
            raise BadFile(line_of(node), "levels must be a list of names, outermost first")
        names = [name for name in names if name != HOST_LEVEL]
        if len(set(names)) < len(names):
            raise BadFile(line_of(node), "levels has a name twice")
        return tuple(names)

    def _walk(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            if len(path) >= len(self._levels):
                raise BadFile(
                    line_of(node),
                    f"a list of hosts is expected: {' > '.join(self._levels)} are all the levels",
                )
            for key, value in node.value:
                self._walk(value, (*path, str(key.value)))
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._host(item, path)
        elif is_something(node):
            raise BadFile(line_of(node), f"a list of hosts is expected, not {str(node.value)[:40]!r}")

    def _host(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        text, gpus = node, self._gpus
        if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            text, gpus = node.value[0][0], self._number(node.value[0][1])
        if not isinstance(text, yaml.ScalarNode):
            raise BadFile(line_of(node), "a host is a name, or a name and its number of GPUs")
        labels = dict(zip(self._levels, path, strict=False))
        for name in self._names(text):
            if not _NAME.fullmatch(name):
                raise BadFile(
                    line_of(text), f"{name[:60]!r} is not a name of a host: small letters, digits, - and ."
                )
            if name in self._nodes:
                raise BadFile(line_of(text), f"the host {name} is there twice")
            if len(self._nodes) >= MOST_HOSTS:
                raise BadFile(line_of(text), f"there are more than {MOST_HOSTS} hosts")
            amounts = Resources({GPU: gpus, PODS: PODS_PER_NODE})
            self._nodes[name] = Node(NodeName(name), amounts, labels)

    @staticmethod
    def _names(node: yaml.ScalarNode) -> Iterator[str]:
        text = str(node.value)
        found = _RANGE.fullmatch(text)
        if found is None:
            yield text
            return
        before, first, last, after = found.groups()
        if int(first) > int(last) or int(last) - int(first) >= MOST_HOSTS:
            raise BadFile(line_of(node), f"{text[:60]!r} is no range of at most {MOST_HOSTS} hosts")
        for number in range(int(first), int(last) + 1):
            yield f"{before}{number:0{len(first)}d}{after}"

    @staticmethod
    def _number(node: yaml.Node) -> int:
        value = plain_of(node)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_GPUS:
            raise BadFile(line_of(node), f"a number of GPUs from 0 to {MOST_GPUS} is expected")
        return value
