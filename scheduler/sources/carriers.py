"""What carries a level: a node label, or an attribute of the devices that a driver lists. One family of these is a source."""

from collections.abc import Callable
from dataclasses import dataclass

from scheduler.model.ids import LevelName


def whole(value: str) -> str:
    """Return the value as the name of the domain."""
    return value


@dataclass(frozen=True, slots=True)
class Carrier:
    """
    `key` is a node label, or the qualified name of an attribute. `read` takes the domain out of the value; empty: there is none in it.

    `part` says which part of the value that is, for people.
    """

    level: LevelName
    key: str
    is_label: bool = True
    read: Callable[[str], str] = whole
    part: str = ""

    @property
    def source(self) -> str:
        """How people are told where a fact comes from."""
        name = self.key if self.is_label else f"ResourceSlice {self.key}"
        return f"{name} ({self.part})" if self.part else name

    @property
    def node_label(self) -> str:
        """The node label whose values are the domains; empty where no label has them."""
        return self.key if self.is_label and not self.part else ""


def labels(*pairs: tuple[str, str]) -> tuple[Carrier, ...]:
    """Return carriers for (level, node label)."""
    return tuple(Carrier(LevelName(level), key) for level, key in pairs)


def attributes(*pairs: tuple[str, str]) -> tuple[Carrier, ...]:
    """Return carriers for (level, attribute)."""
    return tuple(Carrier(LevelName(level), key, is_label=False) for level, key in pairs)
