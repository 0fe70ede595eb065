"""The one error of every translator."""

from typing import Final

SHOWN: Final = 80  # characters of a foreign text that a sentence repeats; arbitrary


class BadObject(ValueError):  # noqa: N818  read as a noun: this object is bad
    """An object that cannot be read. The text is one sentence that names the field."""


def shown(value: object) -> str:
    """Return a foreign value as a sentence may repeat it: quoted, printable, cut."""
    text = repr(value if not isinstance(value, str | bytes) else value[: SHOWN + 1])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
