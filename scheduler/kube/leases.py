"""
Who leads: one Lease, held by compare-and-set, and an epoch that only grows.

Theory of operation. A holder is dead when the Lease has not *changed* for its duration on our own clock; the times written in it are for
people and never compared with ours. Taking it over writes the new epoch in the same compare-and-set: above every epoch and every version
seen, so that it also grows when the Lease is deleted and made again. We lead until the renew deadline after the last *sent* renewal that
was answered. `Term.is_held` is a courtesy that keeps a slow leader from writing; what makes a late write harmless is the record's and the
binding's compare-and-set.

May not: decide what a leader does. Losing the Lease sets `Term.lost`; the process is expected to stop writing at once and exit.
Next: `scheduler.wiring` waits for a term before it starts the driver.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Final

import msgspec

from scheduler.config import LeaderSettings
from scheduler.kube import errors
from scheduler.kube.transport import Transport

EPOCH_ANNOTATION: Final = "scheduling.tutti.dev/epoch"
MAX_EPOCH: Final = 2**62  # a forged annotation above this is ignored, or nobody could ever lead again

GIVE_UP_TRIES: Final = 4
MAX_FOREIGN_PATIENCE: Final = (
    4  # a holder that claims a longer duration than ours is believed up to this many times ours
)

_encode = msgspec.json.Encoder().encode


def suspended_too() -> float:
    """Seconds of a clock that never jumps and also counts the time the machine was suspended."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(boottime) if boottime is not None else time.monotonic()


class _LeaseSpec(msgspec.Struct, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    lease_transitions: int | None = None


class _LeaseMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    annotations: dict[str, str] | None = None


class _Lease(msgspec.Struct):
    metadata: _LeaseMeta
    spec: _LeaseSpec = msgspec.field(default_factory=_LeaseSpec)

    @property
    def epoch(self) -> int:
        """The highest epoch that can be read off this object."""
        said = (self.metadata.annotations or {}).get(EPOCH_ANNOTATION, "")
        return int(said) if said.isdecimal() and len(said) < 20 and int(said) < MAX_EPOCH else 0


_lease = msgspec.json.Decoder(_Lease)


class Term:
    """One term of leadership: from acquiring the Lease to losing or releasing it."""

    def __init__(self, elector: "Elector", lease: _Lease, sent_at: float) -> None:
        self._elector = elector
        self._lease = lease
        self._renewed_at = sent_at
        self._renewal: asyncio.Task[None] | None = None
        self.epoch = lease.epoch
        self.lost = asyncio.Event()

    def is_held(self) -> bool:
        """Whether we may write now: not lost, and the last renewal that went through was sent recently enough."""
        return (
            not self.lost.is_set()
            and self._elector.clock() < self._renewed_at + self._elector.settings.renew_deadline_s
        )

    async def release(self) -> None:
        """Give the Lease back, so that the next leader need not wait. Harmless when it was lost already."""
        await self._stop()
        if not self.lost.is_set():
            self.lost.set()
            with suppress(errors.ApiError):
                await self._elector.give_up(self._lease)

    def begin(self) -> None:
        """Start renewing in the background."""
        self._renewal = asyncio.create_task(self._keep(), name="lease renewal")

    async def _stop(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewal
            self._renewal = None

    async def _keep(self) -> None:
        """Renew until it can no longer be done in time. Cancelled by `release`."""
        elector = self._elector
        while True:
            deadline = self._renewed_at + elector.settings.renew_deadline_s
            await asyncio.sleep(min(elector.settings.retry_s, max(0.0, deadline - elector.clock())))
            remaining = deadline - elector.clock()
            if remaining <= 0:
                break
            sent_at = elector.clock()
            try:
                # Half of the time at most for one try: a connection that died in silence must not cost the lead.
                async with asyncio.timeout(min(remaining, elector.settings.renew_deadline_s / 2)):
                    renewed = await elector.renew(self._lease)
            except (errors.ApiError, TimeoutError):
                continue
            if renewed is None:
                break
            self._lease, self._renewed_at = renewed, sent_at
        self.lost.set()


class Elector:
    """Competes for one Lease under one identity, which must be unique to this process."""

    def __init__(
        self,
        transport: Transport,
        settings: LeaderSettings,
        namespace: str,
        identity: str,
        clock: Callable[[], float] = suspended_too,
        *,
        lease_name: str | None = None,
        rng: Random | None = None,
        trouble: Callable[[str, str], None] = lambda name, why: None,
        standby: Callable[[str, str], None] = lambda name, holder: None,
    ) -> None:
        """
        `trouble` is told the Lease and why it cannot be had, with what to do; an empty text: it can be again.

        `standby` is told the Lease and who holds it instead of us, once per holder.
        """
        self.settings = settings
        self.clock = clock
        self._transport = transport
        self._namespace = namespace
        self._identity = identity
        self._name = lease_name or settings.lease_name
        self._rng = rng or Random()  # noqa: S311  jitter, not a secret
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._highest_epoch = 0
        self._seen: tuple[str, float] = ("", 0.0)  # version of the Lease, and when we first saw it
        self._term: Term | None = None
        self._trouble = trouble
        self._standby = standby
        self._stood_by_for = ""
        self.holder = ""
        self.problem = ""

    async def acquire(self) -> Term:
        """Wait until we lead. Problems on the way are kept in `problem` and tried again."""
        while True:
            try:
                term = await self._try()
            except errors.ApiError as problem:
                self._note(self._advice(problem))
                term = None
            else:
                self._note("")
            if term is not None:
                return term
            await asyncio.sleep(self.settings.retry_s * self._rng.uniform(0.8, 1.2))

    def remark(self) -> str:
        """Return why we do not lead, for readiness; empty while we do, and before the Lease was first looked at."""
        if self.leads():
            return ""
        if self.problem:
            return f"{self._title} cannot be had: {self.problem}"
        return f"standing by, {self._title} is held by {self.holder}" if self.holder else ""

    def leads(self) -> bool:
        """Whether we may write now; asked before every write, also of one that has waited since the term was lost."""
        return self._term is not None and self._term.is_held()

    async def renew(self, lease: _Lease) -> _Lease | None:
        """Write a new renew time. Returns None when the Lease is somebody else's by now; raises when that is not known."""
        try:
            return await self._write(lease, {"renewTime": _now()})
        except errors.NotFound:
            return None
        except (errors.Conflict, errors.OutcomeUnknown):
            present = await self._read()
            if (
                present is None
                or present.spec.holder_identity != self._identity
                or present.epoch != lease.epoch
            ):
                return None
            return await self._write(present, {"renewTime": _now()})

    async def give_up(self, lease: _Lease) -> None:
        """Empty the holder, as long as the Lease is ours; the epoch stays. A renewal that was under way may have moved its version."""
        present: _Lease | None = lease
        for _ in range(GIVE_UP_TRIES):
            if (
                present is None
                or present.spec.holder_identity != self._identity
                or present.epoch != lease.epoch
            ):
                return
            spec: dict[str, str | int] = {
                "holderIdentity": "",
                "leaseDurationSeconds": 1,
                "renewTime": _now(),
            }
            try:
                await self._write(present, spec)
            except (errors.Conflict, errors.OutcomeUnknown):
                present = await self._read()
            else:
                return

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._trouble(self._title, problem)

    @property
    def _title(self) -> str:
        return f"Lease {self._namespace}/{self._name}"

    @staticmethod
    def _advice(problem: errors.ApiError) -> str:
        if isinstance(problem, errors.Forbidden):
            return f"this identity may not write it: give it the Role of its component in deploy/rbac.yaml ({problem})"
        return problem.message

    async def _try(self) -> Term | None:
        lease = await self._read()
        if lease is None:
            # An empty Lease first: its version then lies above everything a deleted predecessor can have had.
            with suppress(errors.Conflict):
                await self._create()
            lease = await self._read()
            if lease is None:
                return None
        now = self.clock()
        self._highest_epoch = max(self._highest_epoch, lease.epoch)
        if lease.metadata.resource_version != self._seen[0]:
            self._seen = (lease.metadata.resource_version, now)
        holder = self.holder = lease.spec.holder_identity or ""
        said_s = min(lease.spec.lease_duration_seconds or 0, MAX_FOREIGN_PATIENCE * self.settings.duration_s)
        patience_s = max(said_s, self.settings.duration_s)
        if holder and holder != self._identity and now < self._seen[1] + patience_s:
            if holder != self._stood_by_for:
                self._stood_by_for = holder
                self._standby(self._title, holder)
            return None
        return await self._take(lease)

    async def _take(self, lease: _Lease) -> Term | None:
        version = lease.metadata.resource_version
        epoch = max(int(version) if version.isdecimal() else 0, self._highest_epoch) + 1
        spec: dict[str, str | int] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self.settings.duration_s)),
            "acquireTime": _now(),
            "renewTime": _now(),
            "leaseTransitions": (lease.spec.lease_transitions or 0) + 1,
        }
        sent_at = self.clock()
        try:
            taken: _Lease | None = await self._write(lease, spec, {EPOCH_ANNOTATION: str(epoch)})
        except errors.Conflict:
            return None
        except errors.OutcomeUnknown:
            taken = await self._read()
        if taken is None or taken.spec.holder_identity != self._identity or taken.epoch != epoch:
            return None
        self.holder, self._highest_epoch = self._identity, epoch
        term = self._term = Term(self, taken, sent_at)
        term.begin()
        return term

    async def _read(self) -> _Lease | None:
        try:
            return _decoded(await self._transport.get(f"{self._collection}/{self._name}"))
        except errors.NotFound:
            return None

    async def _create(self) -> None:
        metadata = {"name": self._name, "namespace": self._namespace}
        empty = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {}}
        try:
            await self._transport.post(self._collection, _encode(empty))
        except errors.NotFound as problem:
            text = f"the namespace {self._namespace} does not exist: create it, or name another in the setting `namespace`"
            raise errors.NotFound(text, problem.status) from problem

    async def _write(
        self, lease: _Lease, spec: dict[str, str | int], annotations: dict[str, str] | None = None
    ) -> _Lease:
        """Change only what is ours, if the Lease is still at the version we know: a patch that names a version is a compare-and-set."""
        metadata = {"resourceVersion": lease.metadata.resource_version, "annotations": annotations or {}}
        return _decoded(
            await self._transport.patch(
                f"{self._collection}/{self._name}", _encode({"metadata": metadata, "spec": spec})
            )
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _decoded(body: bytes) -> _Lease:
    try:
        return _lease.decode(body)
    except msgspec.MsgspecError as problem:
        raise errors.Invalid(f"The Lease cannot be read: {problem}") from problem
