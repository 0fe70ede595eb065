"""
Tells waiting pods of ours that cannot be read why nothing happens: ``PodScheduled=False``, ``SchedulerError`` and the sentence.

Nobody else can: such a pod is set aside before it becomes a member of anything. Reads of the pod only what it takes to say it, so that
the same fault does not stand in the way twice. Next: `ingest` sets aside, `pod_conditions` speaks to all other pods.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from scheduler.kube import errors
from scheduler.kube.cache import Cache
from scheduler.kube.reflector import UNREADABLE
from scheduler.kube.transport import STRATEGIC_PATCH, Transport

RETRY_S: Final = 10.0  # for what could not be written, or not yet because another replica leads

_encode = msgspec.json.Encoder().encode


class _Meta(msgspec.Struct, rename="camel"):
    uid: str
    resource_version: str


class _Spec(msgspec.Struct, rename="camel"):
    scheduler_name: str = ""
    node_name: str = ""


class _Pod(msgspec.Struct):
    metadata: _Meta
    spec: _Spec


_pod = msgspec.json.Decoder(_Pod)


class UnreadablePods:
    """Remembers which pods were told which sentence. `heard` is set by whoever sets an object aside."""

    def __init__(
        self,
        transport: Transport,
        cache: Cache,
        leads: Callable[[], bool],
        *,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        retry_s: float = RETRY_S,
    ) -> None:
        self._transport = transport
        self._cache = cache
        self._leads = leads
        self._wall_clock = wall_clock
        self._retry_s = retry_s
        self._told: dict[tuple[str, str], str] = {}
        self.heard = asyncio.Event()

    async def run(self) -> None:
        """Tell each pod once per sentence, while this process leads, until cancelled."""
        while True:
            self.heard.clear()
            is_done = await self._tell_all()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_done else self._retry_s):
                    await self.heard.wait()

    async def _tell_all(self) -> bool:
        aside = {each.key: each.sentence for each in self._cache.set_aside if each.kind == "pods"}
        self._told = {key: said for key, said in self._told.items() if aside.get(key) == said}
        is_done = True
        for key, sentence in aside.items():
            if key in self._told:
                continue
            if self._leads() and await self._tell(*key, sentence):
                self._told[key] = sentence
            else:
                is_done = False
        return is_done

    async def _tell(self, namespace: str, name: str, sentence: str) -> bool:
        """Return False when it is to be tried again; a pod that has gone, has a node or is not ours needs nothing."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        try:
            pod = _pod.decode(await self._transport.get(path))
            if pod.spec.scheduler_name not in self._cache.scheduler_names or pod.spec.node_name:
                return True
            body = {
                "metadata": {"uid": pod.metadata.uid, "resourceVersion": pod.metadata.resource_version},
                "status": {"conditions": [self._condition(sentence)]},
            }
            await self._transport.patch(f"{path}/status", _encode(body), STRATEGIC_PATCH)
        except (errors.NotFound, *UNREADABLE):
            return True
        except errors.ApiError:
            return False
        return True

    def _condition(self, sentence: str) -> dict[str, Any]:
        return {
            "type": "PodScheduled",
            "status": "False",
            "reason": "SchedulerError",
            "message": f"This pod cannot be read, so it is not scheduled: {sentence}",
            "lastTransitionTime": self._wall_clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
