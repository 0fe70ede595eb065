"""Bytes to structs, with every failure told as `BadObject`: one sentence that names the field."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from scheduler.objects.errors import BadObject

T = TypeVar("T")


def decoder(of: type[T], root: str) -> Callable[[bytes | msgspec.Raw], T]:
    """Return a function from JSON to `of`. Problems are told with `root` (such as "spec") as the first word of the path."""
    decode = msgspec.json.Decoder(of).decode

    def checked(raw: bytes | msgspec.Raw) -> T:
        try:
            return decode(raw)
        except msgspec.ValidationError as problem:
            raise BadObject(sentence(str(problem), root)) from problem
        except msgspec.DecodeError as problem:
            raise BadObject(f"{root} is not valid JSON: {problem}.") from problem
        except RecursionError as problem:
            raise BadObject(f"{root} is nested too deeply to be read.") from problem

    return checked


def from_plain(of: type[T], value: object, root: str) -> T:
    """Return plain values, such as a YAML file holds, as `of`. Raises: BadObject."""
    try:
        return msgspec.convert(value, of, str_keys=True)
    except msgspec.ValidationError as problem:
        raise BadObject(sentence(str(problem), root)) from problem
    except RecursionError as problem:
        raise BadObject(f"{root} is nested too deeply to be read.") from problem


def sentence(text: str, root: str) -> str:
    """
    Return msgspec's words with the field in front.

    >>> sentence("Expected `int` >= 1 - at `$.minCount`", "spec")
    'spec.minCount: expected `int` >= 1.'
    """
    what, _, where = text.partition(" - at `")
    path = where.rstrip("`").removeprefix("key in ").removeprefix("$")
    return f"{root}{path}: {what[:1].lower()}{what[1:]}."
