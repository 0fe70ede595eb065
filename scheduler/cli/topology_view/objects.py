"""Kubernetes objects in YAML or JSON, as `kubectl get -o yaml` writes them: nodes, and what else says something of the topology."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from scheduler.cli.topology_view.marked import BadFile, Content, keys_of, line_of, plain_of
from scheduler.dialects.own_cluster import topology_from_plain
from scheduler.model.facts import Level
from scheduler.model.ids import NodeName
from scheduler.model.machines import DeviceSlice, NumaZone
from scheduler.model.nodes import Node
from scheduler.objects import device_slices, node_zones, structs
from scheduler.objects.decoding import from_plain
from scheduler.objects.errors import BadObject
from scheduler.objects.nodes import node_from

KINDS: Final = "Node, Topology, ResourceSlice and NodeResourceTopology"


def from_json(text: str) -> Content | None:
    """Return what JSON of sound Kubernetes objects holds, fast; None for anything else, which is then read with its lines."""
    found = Objects()
    try:
        value = json.loads(text)
        kind = str(value.get("kind", ""))
        for each in value["items"] if kind.endswith("List") else [value]:
            found.take_value(each, kind.removesuffix("List"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found.content() if found.nodes else None


@dataclass(slots=True)
class Objects:
    """Kubernetes objects, one after another."""

    nodes: dict[NodeName, Node] = field(default_factory=dict)
    topologies: dict[str, tuple[Level, ...]] = field(default_factory=dict)
    slices: list[DeviceSlice] = field(default_factory=list)
    zones: list[tuple[NodeName, tuple[NumaZone, ...]]] = field(default_factory=list)

    def take(self, node: yaml.Node) -> None:
        """Take an object or a list of them. Raises: BadFile."""
        if not isinstance(node, yaml.MappingNode):
            raise BadFile(
                line_of(node), "a Kubernetes object is expected, or our own form with levels and tree"
            )
        keys = keys_of(node)
        kind = keys["kind"].value if "kind" in keys else ""
        if isinstance(kind, str) and kind.endswith("List"):
            items = keys.get("items")
            for item in items.value if isinstance(items, yaml.SequenceNode) else ():
                self._take_object(item, kind.removesuffix("List"))
        else:
            self._take_object(node, "")

    def content(self) -> Content:
        """Return everything taken. The Topology named default is in use, else the first by name."""
        if not self.nodes:
            raise BadFile(1, "there is no object of kind Node in it")
        name = "default" if "default" in self.topologies else min(self.topologies, default="")
        return Content(list(self.nodes.values()), self.topologies.get(name, ()), self.slices, self.zones)

    def _take_object(self, node: yaml.Node, kind: str) -> None:
        value = plain_of(node)
        if not isinstance(value, dict):
            raise BadFile(line_of(node), "a Kubernetes object is expected")
        try:
            self.take_value(value, kind)
        except BadObject as problem:
            raise BadFile(line_of(node), str(problem)) from problem

    def take_value(self, value: dict[str, Any], kind: str) -> None:
        """Take one object; `kind` counts where it does not name its own. Raises: BadObject."""
        kind = str(value.get("kind", kind))
        match kind:
            case "Node":
                found = node_from(from_plain(structs.Node, value, kind))
                self.nodes[found.name] = found
            case "Topology":
                name, levels = topology_from_plain(value)
                self.topologies[name] = levels
            case "ResourceSlice":
                listed = device_slices.slice_from(from_plain(device_slices.ResourceSlice, value, kind))
                self.slices += [listed] if listed is not None else []
            case "NodeResourceTopology":
                zones = from_plain(node_zones.NodeResourceTopology, value, kind)
                self.zones.append(node_zones.zones_from(zones))
            case _:
                raise BadObject(f"kind {kind[:60] or 'is missing'} is not read; {KINDS} are.")
