"""What really happened, from the API server's audit log: one clock, every client, nobody's own word."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.measures import PodRecord


class VoidRunError(RuntimeError):
    """The run cannot count; the sentence says why."""


@dataclass(frozen=True, slots=True)
class AuditMark:
    """A position in the log; only what is written later belongs to the run."""

    path: Path
    offset: int


def mark(path: Path) -> AuditMark:
    """Return the present end of the log."""
    return AuditMark(path, path.stat().st_size)


def pods_since(start: AuditMark, namespace: str) -> list[PodRecord]:
    """
    Return the pods created in `namespace` since the mark, with the first successful binding of each.

    Raises: VoidRunError when the log was truncated or holds NUL bytes.
    """
    created: dict[str, float] = {}
    bound: dict[str, tuple[float, str]] = {}
    for event in _events(start):
        target = event.get("objectRef", {})
        if (
            target.get("resource") != "pods"
            or target.get("namespace") != namespace
            or event.get("verb") != "create"
        ):
            continue
        if event.get("responseStatus", {}).get("code") != 201:
            continue
        moment = datetime.fromisoformat(event["stageTimestamp"]).timestamp()
        name = target.get("name", "")
        if target.get("subresource") == "binding":
            bound.setdefault(name, (moment, event["user"]["username"]))
        elif "subresource" not in target:
            created[name] = moment
    return [
        PodRecord(namespace, name, name.rsplit("-", 1)[0], moment, *bound.get(name, (None, "")))
        for name, moment in sorted(created.items())
    ]


class Counter:
    """Counts successful bindings in a namespace as the log grows; each call reads only what is new."""

    def __init__(self, start: AuditMark, namespace: str) -> None:
        self._next = start
        self._namespace = namespace
        self._names: set[str] = set()

    def bound(self) -> int:
        """Return how many pods have been bound so far."""
        path, offset = self._next.path, self._next.offset
        needle = f"/namespaces/{self._namespace}/pods/".encode()
        with path.open("rb") as log:
            log.seek(offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break  # still being written
                offset += len(line)
                if needle in line and b"/binding" in line:
                    event = json.loads(line)
                    if event.get("responseStatus", {}).get("code") == 201:
                        self._names.add(event["objectRef"]["name"])
        self._next = AuditMark(path, offset)
        return len(self._names)


def calls_since(start: AuditMark, user: str) -> int:
    """Return how many requests this user sent, watches not counted."""
    return sum(
        1 for event in _events(start) if event["user"]["username"] == user and event.get("verb") != "watch"
    )


def _events(start: AuditMark) -> Iterator[dict]:  # type: ignore[type-arg]
    if start.path.stat().st_size < start.offset:
        raise VoidRunError(f"The audit log {start.path} was truncated during the run.")
    with start.path.open("rb") as log:
        log.seek(start.offset)
        for line in log:
            if b"\0" in line:
                raise VoidRunError(
                    f"The audit log {start.path} holds NUL bytes: it was truncated while being written."
                )
            if line.endswith(b"\n"):
                yield json.loads(line)
