"""Objects as data: what the cases in `*.yaml` mean, and where each kind lives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.live import api

HERE = Path(__file__).parent
GROUP_VERSION = "scheduling.tutti.dev/v1alpha1"
VALID: dict[str, dict[str, Any]] = {
    "PodGroup": {"minCount": 2},
    "Queue": {},
    "Topology": {"levels": [{"name": "rack", "nodeLabel": "example.com/rack"}]},
}


@dataclass(frozen=True, slots=True)
class Case:
    """
    One object. `spec` None: the object has none; `status` is written onto a valid object of the kind.

    `name` is given where it is what matters.
    """

    id: str
    kind: str
    spec: Any = None
    status: Any = None
    field: str = ""
    says: str = ""
    becomes: Any = None
    name: str = ""

    def manifest(self, name: str) -> dict[str, Any]:
        """The object to send; OBJECT in its strings stands for its own name."""
        spec = VALID[self.kind] if self.status is not None else self.spec
        body = {"apiVersion": GROUP_VERSION, "kind": self.kind, "metadata": {"name": name}}
        return body if spec is None else {**body, "spec": _named(spec, name)}


def collection(kind: str, namespace: str) -> str:
    """The path of the objects of one of our kinds."""
    plural = {"PodGroup": "podgroups", "Queue": "queues", "Topology": "topologies"}[kind]
    return api.groups(namespace) if kind == "PodGroup" else f"/apis/{GROUP_VERSION}/{plural}"


def load(file: str) -> list[Case]:
    """The cases of one file."""
    entries = yaml.load((HERE / file).read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  a SafeLoader
    return [Case(**entry) for entry in entries]


class _Loader(yaml.SafeLoader):
    """Safe YAML with `!repeat` and `!times`."""


def _repeat(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> str:
    count, text = loader.construct_sequence(node)
    return str(text) * int(count)


def _times(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> list[Any]:
    count, value = loader.construct_sequence(node, deep=True)
    return [_numbered(value, index) for index in range(count)]


_Loader.add_constructor("!repeat", _repeat)
_Loader.add_constructor("!times", _times)


def _numbered(value: Any, index: int) -> Any:
    if isinstance(value, dict):
        return {key: _numbered(each, index) for key, each in value.items()}
    return value.replace("{i}", str(index)) if isinstance(value, str) else value


def _named(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _named(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each, name) for each in value]
    return name if value == "OBJECT" else value
