"""
Where settings are read from: one YAML file, then environment variables, which win.

``TUTTI_API__PAGE_SIZE=200`` is ``api: {page_size: 200}``; lists are comma-separated. The file is YAML without aliases, tags, duplicate
keys or a second document, and bounded in size and depth: reading it is always quick, and always one sentence when refused.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from scheduler.config.settings import Settings, check
from scheduler.config.strict import ConfigError, Keys, build

PREFIX: Final = "TUTTI_"
NESTING: Final = "__"
RESERVED: Final = frozenset(
    {"TUTTI_CONFIG", "TUTTI_DEBUG", "TUTTI_LOCAL_CLUSTER", "TUTTI_PARITY_CASES"}
)  # said to others, not settings
MAX_FILE_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 8
MAX_VALUE_CHARS: Final = 1000  # arbitrary; no setting is longer than a DNS name

Tree = dict[str, Any]


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a file, if any, and of the environment over it. Raises: ConfigError, and nothing else."""
    tree = _without_bare_headings(parse(_read(path), str(path))) if path is not None else {}
    settings = build(Settings, tree, lambda _: str(path))  # so that no variable hides a mistake in it
    variables = {keys_of(name): name for name in sorted(environ) if is_ours(name)}
    if variables:
        for keys, variable in variables.items():
            _put(tree, keys, variable, environ[variable])
        settings = build(Settings, tree, lambda keys: _said_by(variables, keys))
    check(settings)
    return settings


def parse(text: str, place: str) -> Tree:
    """Return the tree of values of a YAML text. Raises: ConfigError naming `place` and the line."""
    try:
        document = _Loader(text).get_single_data()
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
    if not isinstance(document, dict | None):
        raise ConfigError(f"{place} must hold settings as `key: value`, not {type(document).__name__}.")
    return _with_words_as_keys(document or {}, place, "")


def is_ours(variable: str) -> bool:
    """Whether this environment variable is meant as a setting."""
    return variable.startswith(PREFIX) and variable not in RESERVED


def keys_of(variable: str) -> Keys:
    """Return where the value of this environment variable belongs."""
    return tuple(variable.removeprefix(PREFIX).lower().split(NESTING))


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


def _put(tree: Tree, keys: Keys, variable: str, text: str) -> None:
    group: Any = tree
    default: object = Settings()
    for key in keys[:-1]:
        group = group.setdefault(key, {})
        default = getattr(default, key, None)
        if not isinstance(group, dict):
            raise ConfigError(f"environment variable {variable} contradicts what is said of {key} elsewhere.")
    group[keys[-1]] = _spelled(getattr(default, keys[-1], None), text)


def _said_by(variables: Mapping[Keys, str], keys: Keys) -> str:
    """Return the variable that says this setting, or something inside it."""
    return next(
        f"environment variable {name}" for said, name in variables.items() if said[: len(keys)] == keys
    )


def _spelled(default: object, text: str) -> object:
    """Return what a variable's text stands for; the text itself where it does not fit, to be refused."""
    if isinstance(default, tuple):
        return [part.strip() for part in text.split(",")] if text.strip() else []
    for number in (int, float) if isinstance(default, int | float) else ():
        with suppress(ValueError):
            return number(text)
    return text


def _without_bare_headings(document: Tree) -> Tree:
    """Return the document without groups of settings under which nothing stands."""
    defaults = Settings()
    return {
        key: value
        for key, value in document.items()
        if value is not None or not is_dataclass(getattr(defaults, key, None))
    }


def _with_words_as_keys(document: dict[Any, Any], place: str, path: str) -> Tree:
    tree: Tree = {}
    for key, value in document.items():
        if not isinstance(key, str):
            raise ConfigError(f"{place} has {key!r:.60} as a key under {path or 'the top'}; keys are words.")
        tree[key] = _with_words_as_keys(value, place, f"{path}{key}.") if isinstance(value, dict) else value
    return tree


def _one_line(text: str | None) -> str:
    return " ".join((text or "malformed").split())[:200].rstrip(".")


class _Loader(yaml.SafeLoader):
    """YAML as we take it: no aliases, no duplicate keys, no merge keys, bounded depth and length."""

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
            node = super().compose_node(parent, index)
        finally:
            self.depth -= 1
        if isinstance(node, yaml.ScalarNode) and len(node.value) > MAX_VALUE_CHARS:
            raise _refusal(f"a value of more than {MAX_VALUE_CHARS} characters", node.start_mark)
        return node

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
