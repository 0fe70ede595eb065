"""
List and watch as a state machine: what to ask the API server next, and what its answers mean.

Theory of operation. A resource is listed page by page, then watched from the list's version on. The machine remembers key, uid and
version of every object it has passed on, nothing else. Three things end a watch: the server closes it (watch again from the last version
seen), the version has expired (410, as a status or inside the stream: list again), or something else failed (back off, list again). A new
list *replaces* what was known: objects that are missing from it have been deleted while nobody looked, and an object of the same key with
another uid is a deletion and an addition. Without this a scheduler plans around pods that no longer exist.

An event older than what is known of the same uid is dropped: a second, lagging API server may repeat the past. Versions are compared as
numbers where both are numbers; elsewhere they are opaque and the stream's order is trusted.

May not: do I/O, read a clock, draw chance on its own (`rng` and `now` are arguments).
Next: `feed` carries requests out and passes the changes on.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec

from scheduler.kube import errors
from scheduler.kube.transport import Page

WATCH_S: Final = (300, 600)  # the range that client-go draws timeoutSeconds from
SHORT_WATCH_S: Final = 1.0
ABSENT_S: Final = 60.0  # how often to look whether a kind that is not installed has come
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0

UNREADABLE: Final = (msgspec.MsgspecError, RecursionError)

Key = tuple[str, str]
"""Namespace (empty for cluster-scoped objects) and name."""


@dataclass(frozen=True, slots=True)
class List:
    """Ask for one page; an empty token starts a new list."""

    limit: int
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """Watch from this version on."""

    resource_version: str
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so long."""

    seconds: float


Request = List | Watch | Wait


@dataclass(frozen=True, slots=True)
class Put:
    """The object exists, in this state. `raw` may be a view into a larger answer: translate it before the next request."""

    key: Key
    uid: str
    raw: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Gone:
    """The object of this uid no longer exists."""

    key: Key
    uid: str


Change = Put | Gone


@dataclass(frozen=True, slots=True)
class Heard:
    """What a piece of a watch stream said: changes, and the reason why the stream cannot go on, if it cannot."""

    changes: list[Change]
    problem: errors.ApiError | None = None


class _Meta(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Identified(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    code: int = 0
    message: str = ""


class _Frame(msgspec.Struct):
    type: str
    object: msgspec.Raw


_frame = msgspec.json.Decoder(_Frame)
_identified = msgspec.json.Decoder(_Identified)


@dataclass(frozen=True, slots=True)
class _Known:
    uid: str
    version: int | None


class Reflector:
    """The state of one resource's list and watch. Feed it answers; ask it for the next request."""

    def __init__(self, *, page_size: int, rng: Random) -> None:
        self._page_size = page_size
        self._rng = rng
        self._known: dict[Key, _Known] = {}
        self._listed: set[Key] | None = set()  # None while watching
        self._continue = ""
        self._list_version = ""
        self._version = ""
        self._failures = 0
        self._wait_s = 0.0
        self._must_list = False
        self.is_synced = False
        self.relists = 0

    @property
    def resource_version(self) -> str:
        """The version up to which everything has been passed on; empty before the first complete list."""
        return self._version

    def __len__(self) -> int:
        return len(self._known)

    def next_request(self) -> Request:
        """Return what to do now. Asking twice is harmless, except that a wait is handed out once."""
        if self._wait_s > 0:
            wait, self._wait_s = Wait(self._wait_s), 0.0
            return wait
        if self._listed is not None:
            return List(self._page_size, self._continue)
        return Watch(self._version, self._rng.randint(*WATCH_S))

    def page(self, page: Page) -> list[Change]:
        """Take one page of the list in progress."""
        if self._listed is None:
            self._restart_list()
        listed = self._listed if self._listed is not None else set()
        if not self._continue:
            self._begin_replace(page.metadata.resource_version)
        changes: list[Change] = []
        for raw in page.items or []:
            try:
                meta = _identified.decode(raw).metadata
            except UNREADABLE as problem:
                raise errors.Unavailable(f"A listed object has no readable identity: {problem}.") from problem
            listed.add((meta.namespace, meta.name))
            self._put(meta, raw, changes)
        self._continue = page.metadata.continue_
        if not self._continue:
            changes.extend(self._end_replace(listed))
        return changes

    def events(self, lines: list[bytes]) -> Heard:
        """Take watch events, up to the first one that says that the stream cannot go on."""
        changes: list[Change] = []
        for line in lines:
            if not line.strip():
                continue
            try:
                frame = _frame.decode(line)
                told = _identified.decode(frame.object)
            except UNREADABLE as problem:
                self._must_list = True
                return Heard(changes, errors.Unavailable(f"A watch event cannot be read: {problem}."))
            if frame.type == "ERROR":
                self._must_list = True
                if told.code == 410:
                    return Heard(
                        changes, errors.Gone(told.message or "The watched version has expired.", 410)
                    )
                return Heard(
                    changes, errors.Unavailable(f"The watch reports {told.code}: {told.message}", told.code)
                )
            self._event(frame, told.metadata, changes)
        self._failures = 0
        return Heard(changes)

    def failed(self, problem: errors.ApiError) -> None:
        """
        A request failed or a stream broke.

        An expired version is listed anew at once. A broken stream is watched again from where it ended, after a growing pause; what the
        server reported as an error inside the stream leads to a new list.
        """
        expired = isinstance(problem, errors.Gone)
        if not expired or self._failures > 0:
            self._wait_s = self._backoff_s(problem)
        self._failures += 1
        if expired or (self._must_list and self._listed is None):
            self._restart_list()

    def absent(self) -> list[Change]:
        """The API server has no such kind: what was known of it is gone, and that is complete. It is listed again after a while."""
        gone: list[Change] = [Gone(key, known.uid) for key, known in self._known.items()]
        self._known.clear()
        self._listed, self._continue, self._version, self._must_list = set(), "", "", False
        self._failures, self._wait_s, self.is_synced = 0, ABSENT_S * self._rng.uniform(0.75, 1.0), True
        return gone

    def closed(self, lasted_s: float) -> None:
        """The server ended the watch in the ordinary way. One that ended at once must not become a busy loop."""
        if lasted_s < SHORT_WATCH_S:
            self._wait_s = self._rng.uniform(0.5, 1.0) * SHORT_WATCH_S

    def _backoff_s(self, problem: errors.ApiError) -> float:
        pause = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(self._failures, 10))
        asked: float = getattr(problem, "retry_after_s", 0.0)
        return max(asked, pause * self._rng.uniform(0.5, 1.0))

    def _restart_list(self) -> None:
        self._listed, self._continue, self._must_list = set(), "", False
        self.relists += 1

    def _begin_replace(self, version: str) -> None:
        self._list_version = version
        newest, listed = _number(self._version), _number(version)
        if newest is not None and listed is not None and listed < newest:
            # The server's history is behind what we have seen: restored from a backup. Its word counts, whatever we remember.
            self._known = {key: _Known(known.uid, None) for key, known in self._known.items()}

    def _end_replace(self, listed: set[Key]) -> list[Change]:
        vanished = [key for key in self._known if key not in listed]
        gone: list[Change] = [Gone(key, self._known.pop(key).uid) for key in vanished]
        self._listed, self._version, self._failures, self.is_synced = None, self._list_version, 0, True
        return gone

    def _event(self, frame: _Frame, meta: _Meta, changes: list[Change]) -> None:
        if frame.type in {"ADDED", "MODIFIED"}:
            self._put(meta, frame.object, changes)
        elif frame.type == "DELETED":
            key = (meta.namespace, meta.name)
            known = self._known.get(key)
            if known is not None and known.uid == meta.uid:
                del self._known[key]
                changes.append(Gone(key, meta.uid))
        elif frame.type != "BOOKMARK":
            return  # a type of a later API: it must not move the version past what we did not understand
        if meta.resource_version:
            self._version = meta.resource_version

    def _put(self, meta: _Meta, raw: msgspec.Raw, changes: list[Change]) -> None:
        key, version = (meta.namespace, meta.name), _number(meta.resource_version)
        known = self._known.get(key)
        if known is not None:
            if version is not None and known.version is not None and version < known.version:
                return
            if known.uid != meta.uid:
                changes.append(Gone(key, known.uid))
        self._known[key] = _Known(meta.uid, version)
        changes.append(Put(key, meta.uid, raw))


def _number(version: str) -> int | None:
    return int(version) if version.isdecimal() and len(version) < 25 else None
