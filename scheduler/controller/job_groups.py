"""
Makes the groups that Jobs ask for, and makes them again where they are missing.

A Job's group can vanish while the Job waits for it: the group of an earlier Job of the same name is in the way at first, and is then
collected as garbage. So a Job that asks is remembered until it ends, and looked at again when a group of its name goes. What the API server
refuses is told on the Job once, however often it is tried.
"""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from scheduler.controller import jobs
from scheduler.controller.sightings import API, Body, Seen
from scheduler.kube import errors
from scheduler.kube.cache import Cache
from scheduler.kube.recorder import Recorder, Regarding
from scheduler.kube.transport import Transport
from scheduler.model.ids import GroupKey
from scheduler.model.reasons import Reason
from scheduler.telemetry import logs

AT_ONCE: Final = 16
RETRY_S: Final = 1.0  # doubled with each further failure
REFUSED_S: Final = (
    30.0  # likewise: a quota or a policy that refuses may be changed without the Job being touched
)
RETRY_MAX_S: Final = 300.0


class JobKey(NamedTuple):
    """Where a Job is."""

    namespace: str
    name: str

    @classmethod
    def of(cls, body: Body) -> "JobKey":
        """Return where this Job is."""
        meta = body.get("metadata") or {}
        return cls(str(meta.get("namespace") or ""), str(meta.get("name") or ""))

    @property
    def path(self) -> str:
        """Path of the Job in the API."""
        return f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{self.name}"


@dataclass(slots=True)
class _Asking:
    """A live Job that asks for a group: what it asks for, and what it was told."""

    uid: str
    version: int
    wanted: dict[str, Any] | jobs.Unfit
    told: str = ""
    failures: int = 0

    @property
    def group(self) -> str:
        return "" if isinstance(self.wanted, jobs.Unfit) else str(self.wanted["metadata"]["name"])


class JobGroups:
    """
    Owns the Jobs that ask. `see` and `forget` are called by handlers, `groups_gone` by the board, `run` is the loop.

    All on one event loop.
    """

    def __init__(
        self, transport: Transport, cache: Cache, recorder: Recorder, scheduler_names: tuple[str, ...]
    ) -> None:
        self._transport = transport
        self._cache = cache
        self._recorder = recorder
        self._scheduler_names = scheduler_names
        self._asking: dict[JobKey, _Asking] = {}
        self._due: dict[JobKey, bool] = {}  # with whether the Job must be read first, because it may be gone
        self._wake = asyncio.Event()
        self._log = logs.get("controller")

    def see(self, body: Body) -> None:
        """A Job exists, in this state. Changes that ask for nothing new, such as its counts of pods, cost nothing."""
        key, seen = JobKey.of(body), Seen.of(body)
        known = self._asking.get(key)
        if not jobs.asks(body):
            self._drop(key, seen.uid)
            return
        if known is not None and seen.version < known.version:
            return
        wanted = jobs.group_for(body, self._scheduler_names)
        if known is not None and (known.uid, known.wanted) == (seen.uid, wanted):
            known.version = seen.version
            return
        self._asking[key] = _Asking(seen.uid, seen.version, wanted)
        self._look(key, read_first=False)

    def forget(self, body: Body) -> None:
        """A Job no longer exists."""
        self._drop(JobKey.of(body), Seen.of(body).uid)

    def groups_gone(self, keys: Iterable[GroupKey]) -> None:
        """These groups no longer exist."""
        gone = {(key.namespace, key.name) for key in keys}
        for key, asking in self._asking.items():
            if (key.namespace, asking.group) in gone:
                self._look(key, read_first=True)

    async def run(self) -> None:
        """Make what is asked for, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            due, self._due = self._due, {}
            gate = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as tasks:
                for key in sorted(due):
                    tasks.create_task(self._guarded(gate, key, read_first=due[key]))

    def _look(self, key: JobKey, *, read_first: bool) -> None:
        self._due[key] = self._due.get(key, True) and read_first
        self._wake.set()

    def _look_again(self, key: JobKey, uid: str) -> None:
        asking = self._asking.get(key)
        if asking is not None and asking.uid == uid:
            self._look(key, read_first=True)

    def _drop(self, key: JobKey, uid: str) -> None:
        """Forget this Job, unless another of its name is known by now: events of different objects may overtake each other."""
        asking = self._asking.get(key)
        if asking is not None and asking.uid == uid:
            del self._asking[key]

    async def _guarded(self, gate: asyncio.Semaphore, key: JobKey, *, read_first: bool) -> None:
        async with gate:
            asking = self._asking.get(key)
            if asking is None:
                return
            try:
                if not read_first or await self._still_asks(key, asking):
                    await self._make(key, asking)
            except errors.ApiError as problem:
                self._failed(key, asking, problem)

    async def _still_asks(self, key: JobKey, asking: _Asking) -> bool:
        """Whether the Job exists as it is known. What it has become instead is taken note of."""
        try:
            body = json.loads(await self._transport.get(key.path))
        except errors.NotFound:
            self._drop(key, asking.uid)
            return False
        self.see(body)
        if not jobs.asks(body):
            self._asking.pop(key, None)
        return self._asking.get(key) is asking

    async def _make(self, key: JobKey, asking: _Asking) -> None:
        if isinstance(asking.wanted, jobs.Unfit):
            self._tell(key, asking, Reason.INVALID_SPEC, asking.wanted.sentence)
            return
        if self._cache.declared_group(GroupKey(key.namespace, asking.group)) is not None:
            return  # made before, or by the user, whose word counts
        body = json.dumps(asking.wanted, separators=(",", ":")).encode()
        with suppress(errors.Conflict):  # as above, and not in the cache yet
            await self._transport.post(f"{API}/namespaces/{key.namespace}/podgroups", body)
        asking.failures, asking.told = 0, ""

    def _failed(self, key: JobKey, asking: _Asking, problem: errors.ApiError) -> None:
        is_refused = isinstance(problem, errors.Invalid | errors.Forbidden)
        if is_refused:
            said = problem.message.partition(f": {problem.status} ")[2] or problem.message
            reason = (
                Reason.INVALID_SPEC if isinstance(problem, errors.Invalid) else Reason.POD_GROUP_NOT_FOUND
            )
            self._tell(
                key, asking, reason, f"The PodGroup {asking.group} cannot be made for this Job: {said}"
            )
        else:
            self._log.warning("group not made", job="/".join(key), why=problem.message)
        first_s = REFUSED_S if is_refused else RETRY_S
        delay_s = min(RETRY_MAX_S, first_s * 2.0 ** min(asking.failures, 16))
        asking.failures += 1
        asyncio.get_running_loop().call_later(delay_s, self._look_again, key, asking.uid)

    def _tell(self, key: JobKey, asking: _Asking, reason: Reason, sentence: str) -> None:
        if asking.told != sentence:
            asking.told = sentence
            about = Regarding("batch/v1", "Job", key.namespace, key.name, asking.uid)
            self._recorder.event(about, reason, sentence, warning=True)
