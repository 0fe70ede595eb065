"""Values that are hashed often and are large: the hash is made once, and kept beside the fields."""

from dataclasses import fields
from typing import Any


class HashedOnce:
    """
    Base of a frozen dataclass with slots, which must say ``__hash__ = HashedOnce.__hash__``: else it gets one that walks all fields.

    Equal values have equal hashes as long as every field is hashable; mappings have none, and are hashed by what they hold.
    """

    __slots__ = ("_hash",)
    _hash: int

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            own: Any = self
            object.__setattr__(
                self, "_hash", hash(tuple(_hashable(getattr(self, f.name)) for f in fields(own)))
            )
            return self._hash


def _hashable(value: Any) -> Any:
    return frozenset(value.items()) if hasattr(value, "items") else value
