"""
Where settings are read from: one YAML file, then environment variables, which win.

``TUTTI_API__PAGE_SIZE=200`` is ``api: {page_size: 200}``; lists are comma-separated. The file is YAML without aliases, tags, duplicate
keys or a second document, and bounded in size and depth: reading it is always quick, and always one sentence when refused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from scheduler.config.settings import Settings, check
from scheduler.config.strict import ConfigError, Said, Tree, build

PREFIX: Final = "TUTTI_"
NESTING: Final = "__"
RESERVED: Final = frozenset(
    {"TUTTI_CONFIG", "TUTTI_DEBUG", "TUTTI_LOCAL_CLUSTER"}
)  # said to others, not settings
MAX_FILE_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 8


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a file, if any, and of the environment over it. Raises: ConfigError, and nothing else."""
    tree = parse(_read(path), str(path)) if path is not None else {}
    settings = build(Settings, _merged(tree, from_environment(environ)))
    check(settings)
    return settings


def parse(text: str, place: str) -> dict[str, Any]:
    """Return the tree of values of a YAML text. Raises: ConfigError naming `place` and the line."""
    try:
        loader = _Loader(text)
        document = loader.get_single_data()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(
            f"{place}{line} is not YAML that can be read: {_one_line(problem.problem)}."
        ) from problem
    except (yaml.YAMLError, ValueError, OverflowError) as problem:
        raise ConfigError(
            f"{place} is not YAML that can be read: {_one_line(str(problem).partition(';')[0])}."
        ) from problem
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{place} must hold settings as `key: value`, not {type(document).__name__}.")
    return _said(document, place, "")


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the tree of values of all TUTTI_ variables. Raises: ConfigError when two of them contradict each other."""
    tree: dict[str, Any] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in RESERVED:
            continue
        *groups, name = variable.removeprefix(PREFIX).lower().split(NESTING)
        place, node = f"environment variable {variable}", tree
        for group in groups:
            node = node.setdefault(group, {})
            if isinstance(node, Said):
                raise ConfigError(
                    f"{place} and {node.place.removeprefix('environment ')} contradict each other."
                )
        if name in node:
            raise ConfigError(f"{place} is set beside variables for single settings of the same group.")
        node[name] = Said(environ[variable], place, is_text=True)
    return tree


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(
            f"{path} is larger than {MAX_FILE_BYTES // 1024} KiB, which no file of settings is."
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{path} is not UTF-8 text (byte {problem.start}).") from problem


def _said(document: dict[Any, Any], place: str, path: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in document.items():
        if not isinstance(key, str):
            raise ConfigError(f"{place} has {key!r:.60} as a key under {path or 'the top'}; keys are words.")
        if isinstance(value, dict):
            tree[key] = _said(value, place, f"{path}{key}.")
        else:
            tree[key] = Said(value, place)
    return tree


def _merged(below: Tree, above: Tree) -> dict[str, Any]:
    merged: dict[str, Any] = dict(below)
    for name, node in above.items():
        under = merged.get(name)
        if isinstance(node, Said) or under is None:
            merged[name] = node
        elif isinstance(under, Said):  # a value where a group belongs: kept, to be refused with its place
            continue
        else:
            merged[name] = _merged(under, node)
    return merged


def _one_line(text: str | None) -> str:
    return " ".join((text or "malformed").split())[:200].rstrip(".")


class _Loader(yaml.SafeLoader):
    """YAML as we take it: no aliases, no duplicate keys, no merge keys, bounded depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, or refuse it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("aliases are not allowed; write the value out", event.start_mark)
        self.depth += 1
        try:
            if self.depth > MAX_DEPTH:
                raise _refusal(f"nested more than {MAX_DEPTH} deep", event.start_mark)
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping whose keys are all different."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen or key.tag == "tag:yaml.org,2002:merge":
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value[:60]!r} stands twice or merges", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _refusal(why: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=why, problem_mark=mark)
