"""
Carries out bindings and evictions, one pod at a time, and finds out what became of each.

Theory of operation. A Binding is a compare-and-set: it names the pod's uid and resource version, so a stale or repeated copy can only be
refused. A refusal (409) therefore says nothing by itself, and a lost answer says even less: the pod is read, without a version, which is
a quorum read. On the planned node: done. On another node, gone, recreated, or no longer a member: failed for good. Unbound at the version
of a write that was not answered: that write may still land, so the same write is repeated, and the outcome stays open until a read
settles it. Unbound at a newer version: no earlier copy can land any more; bind again with the new version, five times at most, because
whoever flaps a label must not hold a gang half bound.

May not: choose nodes, keep state between calls, or answer "failed" while the outcome is open. Cancelling is the only way to end an open
one.
Next: outcomes go to the lifecycle as events. A fence (a landed write on the pod that proves an earlier binding dead) belongs to
crash recovery.
"""

import asyncio
from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

import msgspec

from scheduler.config import ApiSettings
from scheduler.dialects import own, single
from scheduler.dialects.dialect import Dialect
from scheduler.engine.messages import Bind, BindDone, BindFailed, Evict, Evicted, EvictionRefused
from scheduler.kube import errors
from scheduler.kube.transport import Transport
from scheduler.model.ids import GroupKey, PodKey
from scheduler.model.reasons import Reason
from scheduler.objects import structs

MAX_CONFLICTS: Final = 5
THROTTLED_S: Final = 60.0  # how long 429 alone may hold up one binding
PAUSE_FIRST_S: Final = 0.05
PAUSE_MAX_S: Final = 5.0
ENDED: Final = frozenset({"Succeeded", "Failed"})

_encode = msgspec.json.Encoder().encode
_pod = msgspec.json.Decoder(structs.Pod)


class Binder:
    """Binds and evicts over one transport; at most `bind_concurrency` requests are under way."""

    def __init__(
        self,
        transport: Transport,
        settings: ApiSettings,
        *,
        scheduler_names: Iterable[str] = ("tutti",),
        dialects: Sequence[Dialect] = (own.OWN,),
        rng: Random | None = None,
    ) -> None:
        self._transport = transport
        self._scheduler_names = frozenset(scheduler_names)
        self._dialects = tuple(dialects)
        self._slots = asyncio.Semaphore(settings.bind_concurrency)
        self._rng = rng or Random()  # noqa: S311  jitter, not a secret

    async def bind(self, order: Bind) -> BindDone | BindFailed:
        """Bind one member, however often that takes. Ends when the outcome is known."""
        version, conflicts, pauses = order.resource_version, 0, 0
        in_doubt = False  # a write at `version` was sent and not answered
        throttled_until = asyncio.get_running_loop().time() + THROTTLED_S
        while True:
            try:
                await self._send(order, version)
            except errors.TooManyRequests as problem:
                if not in_doubt and asyncio.get_running_loop().time() > throttled_until:
                    return self._failed(
                        order, Reason.BIND_FAILED, f"the API server kept throttling: {problem}"
                    )
                await asyncio.sleep(problem.retry_after_s * self._rng.uniform(1.0, 1.2))
                continue
            except (errors.Forbidden, errors.Invalid) as problem:
                if not in_doubt:
                    return self._failed(order, Reason.BIND_FAILED, problem.message)
            except errors.OutcomeUnknown:
                in_doubt = True
            except errors.ApiError:  # refused by the object, or not sent at all: read
                pass
            else:
                return BindDone(order.key, order.assignment.uid)

            pod = await self._read(order.assignment.pod)
            outcome = self._judge(order, pod)
            if outcome is not None:
                return outcome
            current = pod.metadata.resource_version if pod is not None else version
            if current == version:
                pauses += 1
                await self._pause(pauses)
                continue
            version, in_doubt, conflicts = current, False, conflicts + 1
            if conflicts > MAX_CONFLICTS:
                return self._failed(
                    order,
                    Reason.MEMBER_CHANGED,
                    f"pod {order.assignment.pod} changed {conflicts} times while it was being bound",
                )

    async def evict(self, order: Evict) -> Evicted | EvictionRefused:
        """Evict one pod by uid, whatever its version. A pod that is terminating or gone counts as evicted."""
        key, uid, pauses = order.member.key, order.member.uid, 0
        path = f"/api/v1/namespaces/{key.namespace}/pods/{key.name}/eviction"
        body = _encode(
            {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": key.name, "namespace": key.namespace},
                "deleteOptions": {"preconditions": {"uid": uid}},
            }
        )
        while True:
            try:
                async with self._slots:
                    await self._transport.post(path, body)
            except errors.NotFound:
                return Evicted(order.key, uid)
            except (errors.TooManyRequests, errors.Forbidden, errors.Invalid) as problem:
                return EvictionRefused(order.key, uid, problem.message)
            except errors.ApiError as problem:
                pod = await self._read(key)
                if pod is None or pod.metadata.uid != uid or pod.metadata.deletion_timestamp is not None:
                    return Evicted(order.key, uid)
                if (
                    problem.status == 500
                ):  # several disruption budgets select the pod: the API server evicts no such pod
                    return EvictionRefused(order.key, uid, problem.message)
                pauses += 1
                await self._pause(pauses)
            else:
                return Evicted(order.key, uid)

    async def _send(self, order: Bind, version: str) -> None:
        planned = order.assignment
        body = _encode(
            {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {
                    "name": planned.pod.name,
                    "namespace": planned.pod.namespace,
                    "uid": planned.uid,
                    "resourceVersion": version,
                    "annotations": {
                        own.ATTEMPT_ANNOTATION: order.attempt,
                        own.EPOCH_ANNOTATION: str(order.epoch),
                        own.RANK_ANNOTATION: str(planned.rank),
                    },
                },
                "target": {"apiVersion": "v1", "kind": "Node", "name": planned.node},
            }
        )
        async with self._slots:
            await self._transport.post(
                f"/api/v1/namespaces/{planned.pod.namespace}/pods/{planned.pod.name}/binding", body
            )

    async def _read(self, key: PodKey) -> structs.Pod | None:
        """Return the pod as the API server's quorum has it, None when it does not exist. Asks until there is an answer."""
        attempt = 0
        while True:
            try:
                async with self._slots:
                    return _pod.decode(
                        await self._transport.get(f"/api/v1/namespaces/{key.namespace}/pods/{key.name}")
                    )
            except errors.NotFound:
                return None
            except errors.TooManyRequests as problem:
                await asyncio.sleep(problem.retry_after_s)
            except (errors.ApiError, msgspec.MsgspecError):
                attempt += 1
                await self._pause(attempt)

    def _judge(self, order: Bind, pod: structs.Pod | None) -> BindDone | BindFailed | None:
        """Return what the pod's present state proves about this order; None when it may still be bound."""
        planned = order.assignment
        if pod is None or pod.metadata.uid != planned.uid:
            return self._failed(order, Reason.MEMBER_CHANGED, f"pod {planned.pod} was deleted or replaced")
        if pod.spec.node_name == planned.node:
            return BindDone(order.key, planned.uid)
        if pod.spec.node_name:
            return self._failed(
                order,
                Reason.MEMBER_CHANGED,
                f"pod {planned.pod} was bound to node {pod.spec.node_name} by somebody else",
            )
        changed = self._no_longer_member(order.key, pod)
        return self._failed(order, Reason.MEMBER_CHANGED, f"pod {planned.pod} {changed}") if changed else None

    def _no_longer_member(self, group: GroupKey, pod: structs.Pod) -> str:
        if pod.metadata.deletion_timestamp is not None:
            return "is being deleted"
        if pod.status.phase in ENDED:
            return "has ended"
        if pod.spec.scheduling_gates:
            return "has scheduling gates"
        if pod.spec.scheduler_name not in self._scheduler_names:
            return f"belongs to scheduler {pod.spec.scheduler_name}"
        keys = (dialect.group_of(pod) for dialect in self._dialects)
        present = next((key for key in keys if key is not None), None) or single.key_for(pod)
        return "" if present == group else f"belongs to group {present} now"

    async def _pause(self, count: int) -> None:
        pause = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2.0 ** min(count, 10))
        await asyncio.sleep(pause * self._rng.uniform(0.5, 1.0))

    @staticmethod
    def _failed(order: Bind, reason: Reason, message: str) -> BindFailed:
        return BindFailed(order.key, order.assignment.uid, reason, message)
