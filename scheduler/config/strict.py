"""
Plain values to frozen dataclasses, strictly: what the type hints say, and nothing else.

Pure. A value comes with the place it was read from, so that an error can name it.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from enum import Enum
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

SHOWN: Final = 60  # characters of a foreign value that a sentence repeats

T = TypeVar("T")


class ConfigError(ValueError):
    """Settings that cannot be used. The text is one sentence that names the key, where it stands, and what would do."""


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a number, or of the length of a text or list; and the whole form of a text."""

    low: float
    high: float
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A plain value, and where it was said (a file, or a variable)."""

    value: object
    place: str
    is_text: bool = False  # from a variable: numbers, switches and lists are spelled out


Tree = Mapping[str, "Said | Tree"]


def build(of: type[T], tree: Tree, path: str = "") -> T:
    """Return `of` with the values of `tree`, and its defaults elsewhere. Raises: ConfigError."""
    hints = get_type_hints(of, include_extras=True)
    known: dict[str, Field[Any]] = {field.name: field for field in fields(cast(Any, of)) if field.init}
    values: dict[str, object] = {}
    for name in sorted(tree):
        node, key = tree[name], f"{path}{name}"
        if name not in known:
            raise ConfigError(_unknown(key, node, [f"{path}{each}" for each in known]))
        hint = hints[name]
        if isinstance(hint, type) and is_dataclass(hint):
            if isinstance(node, Said):
                if node.value is None:  # a heading with nothing under it
                    continue
                raise ConfigError(
                    f"{key} ({node.place}) is {_shown(node.value)}, but is a group of settings."
                )
            values[name] = build(hint, node, f"{key}.")
        elif isinstance(node, Said):
            values[name] = _value(hint, node, key)
        else:
            raise ConfigError(f"{key} ({_place(node)}) is a group of settings, but is one value.")
    return of(**values)


def _value(hint: Any, said: Said, key: str) -> object:
    base, bounds = _split(hint)
    if said.is_text:
        said = Said(_spelled(base, str(said.value)), said.place, is_text=True)
    value = said.value
    origin = get_origin(base)
    if origin in {Union, UnionType}:
        if value is None and NoneType in get_args(base):
            return None
        (inner,) = (each for each in get_args(base) if each is not NoneType)
        return _value(inner, said, key)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(key, said, "a list")
        _check(bounds, len(value), key, said, "entries")
        inner = get_args(base)[0]
        return tuple(
            _value(inner, Said(each, said.place), f"{key}[{index}]") for index, each in enumerate(value)
        )
    if origin is Literal:
        if value not in get_args(base):
            raise _wrong(key, said, f"one of {', '.join(map(str, get_args(base)))}")
        return value
    if isinstance(base, type) and issubclass(base, Enum):
        members = {each.value: each for each in base}
        if not isinstance(value, str) or value not in members:
            raise _wrong(key, said, f"one of {', '.join(map(str, members))}")
        return members[value]
    return _scalar(base, bounds, said, key)


def _scalar(base: Any, bounds: Within | None, said: Said, key: str) -> object:
    value = said.value
    if base is bool:
        if not isinstance(value, bool):
            raise _wrong(key, said, "true or false")
        return value
    if base is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(key, said, "a whole number")
        _check(bounds, value, key, said, "")
        return value
    if base is float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise _wrong(key, said, "a number")
        _check(bounds, value, key, said, "")
        return float(value)
    if not isinstance(value, str):
        raise _wrong(key, said, "a text (quote it)")
    _check(bounds, len(value), key, said, "characters")
    if bounds is not None and bounds.pattern and re.fullmatch(bounds.pattern, value) is None:
        raise _wrong(key, said, "a name of the form " + bounds.pattern)
    return value


def _split(hint: Any) -> tuple[Any, Within | None]:
    if get_origin(hint) is not Annotated:
        return hint, None
    base, *notes = get_args(hint)
    return base, next((note for note in notes if isinstance(note, Within)), None)


def _spelled(base: Any, text: str) -> object:
    """Return what a variable's text stands for under this type; the text itself where it does not fit, to be refused."""
    if get_origin(base) in {Union, UnionType}:
        if text == "":
            return None
        (base,) = (_split(each)[0] for each in get_args(base) if each is not NoneType)
    if get_origin(base) is tuple:
        return [part.strip() for part in text.split(",")] if text.strip() else []
    if base is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if base in {int, float} and len(text) <= SHOWN:
        try:
            return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else float(text) if base is float else text
        except ValueError:
            return text
    return text


def _check(bounds: Within | None, size: float, key: str, said: Said, what: str) -> None:
    if bounds is not None and not bounds.low <= size <= bounds.high:
        unit = f" {what}" if what else ""
        raise ConfigError(
            f"{key} ({said.place}) is {_shown(said.value)}; {bounds.low:g} to {bounds.high:g}{unit} are allowed."
        )


def _wrong(key: str, said: Said, wanted: str) -> ConfigError:
    return ConfigError(f"{key} ({said.place}) is {_shown(said.value)}; it must be {wanted}.")


def _unknown(key: str, node: "Said | Tree", known: list[str]) -> str:
    near = difflib.get_close_matches(key[:200], known, n=1, cutoff=0.0)
    advice = f"did you mean {near[0]}?" if near else "no key is known here."
    return f"{key[:SHOWN]} ({_place(node)}) is not a setting; {advice}"


def _place(node: "Said | Tree") -> str:
    while not isinstance(node, Said):
        if not node:
            return "an empty group"
        node = node[min(node)]
    return node.place


def _is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _shown(value: object) -> str:
    try:
        text = repr(value[: SHOWN + 1] if isinstance(value, str) else value)
    except ValueError:  # an integer of more digits than Python spells
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
