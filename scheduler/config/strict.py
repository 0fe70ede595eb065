"""
Plain values to frozen dataclasses, strictly: what the type hints say, and nothing else.

pydantic checks; what is ours is the sentence: which setting, where it was said, and what would do.
"""

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

SHOWN: Final = 60  # characters of a foreign value that a sentence repeats
WANTED: Final = {
    "dataclass_type": "a group of settings",
    "string_type": "a text (quote it)",
    "tuple_type": "a list",
}

T = TypeVar("T")

Keys = tuple[str, ...]


class ConfigError(ValueError):
    """Settings that cannot be used. The text is one sentence that names the key, where it stands, and what would do."""


def build(of: type[T], tree: Mapping[str, object], place: Callable[[Keys], str]) -> T:
    """
    Return `of` with the values of `tree`, and its defaults elsewhere. `place` says where the value under these keys was read.

    Raises: ConfigError.
    """
    # By way of JSON, where a list may stand for a tuple and a mapping for a dataclass while 3 is no text and true no number.
    text = json.dumps(tree, default=str, skipkeys=True, ensure_ascii=False).encode(errors="replace")
    try:
        return TypeAdapter(of).validate_json(text)
    except ValidationError as problem:
        raise ConfigError(_sentence(of, problem.errors(include_url=False)[0], place)) from problem


def _sentence(of: type, error: ErrorDetails, place: Callable[[Keys], str]) -> str:
    keys = tuple(part for part in error["loc"] if isinstance(part, str))
    name = "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in error["loc"])[1:]
    if error["type"] == "unexpected_keyword_argument":
        return f"{name[:SHOWN]} ({place(keys)}) is not a setting; {_advice(of, keys)}"
    message = error["msg"]
    wanted = WANTED.get(error["type"], message.removeprefix("Input should be "))
    demand = f"it must be {wanted}" if wanted != message else message[0].lower() + message[1:]
    return f"{name} ({place(keys)}) is {_shown(error['input'])}; {demand}."


def _advice(of: type, keys: Keys) -> str:
    group: object = of()
    for key in keys[:-1]:
        group = getattr(group, key)
    known = [".".join((*keys[:-1], each.name)) for each in fields(group)] if is_dataclass(group) else []
    near = difflib.get_close_matches(".".join(keys)[:200], known, n=1, cutoff=0.0)
    return f"did you mean {near[0]}?" if near else "no key is known here."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
