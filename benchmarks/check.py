"""
Results against ranges: a figure that was reached once and no longer is, is a defect.

A range file is YAML: the schema of the results it is about, and for each figure its path, a bound, and where the bound comes from. Wall
clock is compared as ratios within one run; what is simulated, exactly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

BOUNDS = ("atLeast", "atMost", "exactly")


class RangesError(ValueError):
    """The range file cannot be used; one sentence that names it."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A figure out of its range."""

    path: str
    found: object
    wanted: str

    def __str__(self) -> str:
        return f"{self.path} is {self.found}, but must be {self.wanted}"


def check(document: Mapping[str, Any], ranges: Path) -> list[Miss]:
    """
    Return the figures of a result document that are out of range; a figure that is missing is out of range too.

    Raises: RangesError when the file cannot be read, or is about other results.
    """
    wanted = _read(ranges)
    if document.get("scenario") != wanted.get("scenario"):
        raise RangesError(
            f"{ranges} is about {wanted.get('scenario')}, the results are of {document.get('scenario')}."
        )
    return [miss for entry in wanted.get("figures", ()) for miss in _misses(document, entry, ranges)]


def _misses(document: Mapping[str, Any], entry: Mapping[str, Any], ranges: Path) -> Iterator[Miss]:
    path = str(entry.get("path", ""))
    bounds = {name: entry[name] for name in BOUNDS if name in entry}
    if not path or not bounds or not entry.get("origin"):
        raise RangesError(f"{ranges}: each figure needs a path, an origin and one of {', '.join(BOUNDS)}.")
    found: Any = document
    for name in path.split("/"):
        found = found.get(name) if isinstance(found, Mapping) else None
    for bound, limit in bounds.items():
        holds = (
            isinstance(found, int | float)
            and {
                "atLeast": lambda f=found, limit=limit: f >= limit,
                "atMost": lambda f=found, limit=limit: f <= limit,
                "exactly": lambda f=found, limit=limit: f == limit,
            }[bound]()
        )
        if not holds:
            words = {"atLeast": "at least", "atMost": "at most", "exactly": "exactly"}[bound]
            yield Miss(path, "missing" if found is None else found, f"{words} {limit} ({entry['origin']})")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as problem:
        raise RangesError(f"The ranges {path} cannot be read: {problem}.") from problem
    if not isinstance(content, Mapping) or not isinstance(content.get("figures"), list):
        raise RangesError(f"{path} is no range file: it needs scenario and a list of figures.")
    return content
