"""
The state file: what another process needs to find, reuse or end a cluster. Replaced as a whole, never edited in place.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from scheduler.localcluster.errors import LocalClusterError
from scheduler.localcluster.processes import Process

FORMAT = 1


class HeldError(LocalClusterError):
    """Somebody else holds the lock."""


@dataclass(frozen=True, slots=True)
class State:
    """
    One cluster as it was last known.

    token: in the environment of every child, written before the first one starts.
    choices: fingerprint of options and nodes; another `up` must want the same.
    ready: the last `up` went to its end.
    """

    token: str
    choices: str
    ports: Mapping[str, int]
    binaries: Mapping[str, str]
    processes: Mapping[str, Process] = field(default_factory=dict)
    nodes: int = 0
    ready: bool = False

    def with_process(self, name: str, process: Process) -> State:
        return replace(self, processes={**self.processes, name: process})

    def without_process(self, name: str) -> State:
        return replace(self, processes={key: value for key, value in self.processes.items() if key != name})


def load(path: Path) -> State | None:
    """The cluster recorded there; None if there is none; LocalClusterError if the file is not ours to read."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LocalClusterError(
            f"The state file {path} cannot be read; look at it, then remove it: {error}."
        ) from error
    try:
        if raw.pop("format") != FORMAT:
            raise LocalClusterError(
                f"The state file {path} was written by another version; take that cluster down with it."
            )
        processes = {
            name: Process(int(each["pid"]), str(each["started"]))
            for name, each in raw.pop("processes").items()
        }
        return State(**raw, processes=processes)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LocalClusterError(
            f"The state file {path} is damaged ({error}); look at it, then remove it."
        ) from error


def save(path: Path, state: State) -> None:
    """Put the state in place of what was there, as one step."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps({"format": FORMAT, **asdict(state)}, indent=2), encoding="utf-8")
    fresh.replace(path)


@contextlib.contextmanager
def alone(path: Path, *, what: str) -> Iterator[None]:
    """Hold the lock file while one `up`, `down` or build is under way; a second one is told so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as holder:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HeldError(f"{what}; wait for it to end.") from None
        yield
