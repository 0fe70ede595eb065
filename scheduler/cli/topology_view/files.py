"""
A cluster from a file: Kubernetes objects or our own nested form in YAML or JSON, a list of hosts in CSV, or what `tutti snapshot` saves.

The kind is told from the content, not from the name. What cannot be read is one sentence that names file and line.
"""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

from scheduler.cli.errors import CommandError
from scheduler.cli.topology_view.form import Form
from scheduler.cli.topology_view.marked import BadFile, Content, documents_of, keys_of
from scheduler.cli.topology_view.objects import Objects, from_json
from scheduler.kube import dump
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.sources import fabric_lists
from scheduler.sources.fabric_lists import Reading
from scheduler.sources.merge import evidence

MAX_BYTES: Final = 256 * 2**20  # arbitrary; 15,000 nodes as kubectl writes them are 120 MiB
SNAPSHOT_MARK: Final = '"snapshot":'


@dataclass(frozen=True, slots=True)
class Loaded:
    """A cluster, and what was assumed of it, in a sentence or none."""

    snapshot: Snapshot
    assumed: str = ""


def load(path: Path, reading: Reading = Reading.ASW) -> Loaded:
    """Read a cluster. Raises: CommandError, kube.dump.DumpError."""
    text = _text(path)
    if not text.strip():
        raise CommandError(
            f"{path} is empty; name a file of nodes, or one that `tutti snapshot` has written."
        )
    if text.lstrip().startswith("{") and SNAPSHOT_MARK in text[:4096] and '"format":' in text[:4096]:
        return Loaded(dump.load(path))
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    try:
        if "," in first and not first.lstrip().startswith(("{", "[", "#", "-")) and ": " not in first:
            listed = fabric_lists.read(text.lstrip("\ufeff"), reading)
            found = Content(nodes=listed.nodes, levels=listed.levels)
            return Loaded(_snapshot(found), listed.assumed)
        return Loaded(_snapshot(_content(text)))
    except (fabric_lists.BadList, BadFile) as problem:
        raise CommandError(f"{path}, line {problem.line}: {problem}.") from problem


def _content(text: str) -> Content:
    """Return what YAML or JSON holds. Raises: BadFile."""
    quick = from_json(text) if text.lstrip().startswith("{") else None
    if quick is not None:
        return quick
    documents = documents_of(text)
    if not documents:
        raise BadFile(1, "there is nothing in it")
    first = documents[0]
    if len(documents) == 1 and isinstance(first, yaml.MappingNode) and "tree" in keys_of(first):
        return Form(first).content()
    found = Objects()
    for document in documents:
        found.take(document)
    return found.content()


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CommandError(
                f"{path} is larger than {MAX_BYTES // 2**20} MiB, which no file of nodes is; name another."
            )
        return path.read_bytes().decode("utf-8")
    except OSError as problem:
        raise CommandError(
            f"{path} cannot be read: {problem.strerror}; name a file that exists and may be read."
        ) from problem
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        raise CommandError(
            f"{path}, line {line}: this is not text in UTF-8; write it again as such."
        ) from problem


def _snapshot(found: Content) -> Snapshot:
    nodes = sorted(found.nodes, key=lambda node: node.name)
    return Snapshot(
        nodes=MappingProxyType({node.name: NodeState(node) for node in nodes}),
        evidence=evidence(nodes, found.levels, slices=found.slices, zones=dict(found.zones)),
    )
