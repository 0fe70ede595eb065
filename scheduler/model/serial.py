"""
Snapshots as plain data, and back: what `tutti snapshot` saves, `tutti decide` reads, and a bug report carries.

The form follows the types: a dataclass is an object by field name, a mapping with keys that are not text is a list of pairs,
resources are an object of amounts. Fields that hold their default are left out. Reading checks every value against its type, so a
file edited by hand is refused by the path of the wrong value. Shapes that are equal are written once and referred to by number,
since a gang repeats one a thousand times.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NewType, Union, get_args, get_origin, get_type_hints

from scheduler.model.pods import PodShape
from scheduler.model.resources import Resources
from scheduler.model.snapshot import Snapshot

FORMAT: Final = 1
PAIR: Final = 2


class BadSnapshot(ValueError):  # noqa: N818  reads as what it is
    """The data is no snapshot; one sentence that names the place."""


def to_dict(snapshot: Snapshot) -> dict[str, Any]:
    """Return the snapshot as data that JSON can hold. Cost: O(everything in it)."""
    writer = _Writer()
    content = writer.write(snapshot)
    return {"format": FORMAT, "shapes": writer.shapes, "snapshot": content}


def from_dict(data: object) -> Snapshot:
    """Return the snapshot that `to_dict` wrote. Raises: BadSnapshot."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BadSnapshot(f"This is not a snapshot of format {FORMAT}; write one with tutti snapshot.")
    shapes = [
        _read(PodShape, shape, f"shapes[{number}]", ())
        for number, shape in enumerate(_list(data.get("shapes"), "shapes"))
    ]
    snapshot: Snapshot = _read(Snapshot, data.get("snapshot"), "snapshot", tuple(shapes))
    return snapshot


class _Writer:
    def __init__(self) -> None:
        self.shapes: list[Any] = []
        self._numbers: dict[PodShape, int] = {}

    def write(self, value: Any) -> Any:  # noqa: PLR0911  one return per kind of value
        if isinstance(value, PodShape):
            if value not in self._numbers:
                self._numbers[value] = len(self.shapes)
                self.shapes.append(self._fields(value))
            return self._numbers[value]
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, Resources):
            return dict(value)
        if is_dataclass(value):
            return self._fields(value)
        if isinstance(value, Mapping):
            if all(type(key) is str for key in value):
                return {key: self.write(value[key]) for key in sorted(value)}
            return [[self.write(key), self.write(value[key])] for key in sorted(value)]
        if isinstance(value, frozenset):
            return [self.write(item) for item in sorted(value)]
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self.write(item) for item in value]
        return value

    def _fields(self, value: Any) -> dict[str, Any]:
        written = {}
        for each in fields(value):
            content = getattr(value, each.name)
            default = (
                each.default
                if each.default is not MISSING
                else each.default_factory()
                if each.default_factory is not MISSING
                else MISSING
            )
            if default is MISSING or content != default:
                written[each.name] = self.write(content)
        return written


def _read(kind: Any, data: Any, where: str, shapes: tuple[PodShape, ...]) -> Any:  # noqa: PLR0911, PLR0912  one per kind of type
    kind = kind.__supertype__ if isinstance(kind, NewType) else kind
    if kind is PodShape and shapes:
        if isinstance(data, bool) or not isinstance(data, int) or not 0 <= data < len(shapes):
            raise BadSnapshot(f"{where} must be the number of one of the {len(shapes)} shapes.")
        return shapes[data]
    if kind is Resources:
        return Resources(_read(dict[str, int], data, where, shapes))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        if data is None:
            return None
        return _read(next(a for a in arguments if a is not type(None)), data, where, shapes)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments, data, where, shapes)
    if origin is frozenset:
        return frozenset(
            _read(arguments[0], item, f"{where}[{n}]", shapes) for n, item in enumerate(_list(data, where))
        )
    if origin is Sequence:
        origin, arguments = tuple, (*arguments, Ellipsis)
    if origin is tuple:
        items = _list(data, where)
        if len(arguments) == PAIR and arguments[1] is Ellipsis:
            return tuple(_read(arguments[0], item, f"{where}[{n}]", shapes) for n, item in enumerate(items))
        if len(items) != len(arguments):
            raise BadSnapshot(f"{where} must have {len(arguments)} items.")
        return tuple(
            _read(a, item, f"{where}[{n}]", shapes)
            for n, (a, item) in enumerate(zip(arguments, items, strict=True))
        )
    if issubclass(kind, Enum):
        if data not in {member.value for member in kind}:
            raise BadSnapshot(f"{where} must be one of {', '.join(str(member.value) for member in kind)}.")
        return kind(data)
    if issubclass(kind, tuple):  # a NamedTuple
        items, hints = _list(data, where), list(_hints(kind).values())
        if len(items) != len(hints):
            raise BadSnapshot(f"{where} must have {len(hints)} items.")
        return kind(
            *(
                _read(hint, item, f"{where}[{n}]", shapes)
                for n, (hint, item) in enumerate(zip(hints, items, strict=True))
            )
        )
    if is_dataclass(kind):
        return _object(kind, data, where, shapes)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise BadSnapshot(f"{where} must be {kind.__name__}, not {type(data).__name__}.")
    return data


def _mapping(arguments: tuple[Any, ...], data: Any, where: str, shapes: tuple[PodShape, ...]) -> Any:
    key_kind, value_kind = arguments
    if isinstance(data, dict):
        pairs = list(data.items())
    else:
        pairs = [
            (pair[0], pair[1])
            for pair in (_list(item, where) for item in _list(data, where))
            if len(pair) == PAIR
        ]
    made = {
        _read(key_kind, key, f"{where} key", shapes): _read(value_kind, value, f"{where}.{key}", shapes)
        for key, value in pairs
    }
    return types.MappingProxyType(made)


def _object(kind: Any, data: Any, where: str, shapes: tuple[PodShape, ...]) -> Any:
    if not isinstance(data, dict):
        raise BadSnapshot(f"{where} must be an object, not {type(data).__name__}.")
    hints = _hints(kind)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise BadSnapshot(f"{where}.{unknown[0]} is not a field of {kind.__name__}.")
    values = {name: _read(hints[name], content, f"{where}.{name}", shapes) for name, content in data.items()}
    missing = [
        f.name
        for f in fields(kind)
        if f.name not in values and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise BadSnapshot(f"{where}.{missing[0]} is missing.")
    return kind(**values)


def _list(data: Any, where: str) -> list[Any]:
    if not isinstance(data, list):
        raise BadSnapshot(f"{where} must be a list, not {type(data).__name__}.")
    return data


@lru_cache(maxsize=256)
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
