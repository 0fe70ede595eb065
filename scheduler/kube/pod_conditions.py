"""
Writes ``PodScheduled=False`` with reason and message to pods that wait, in the words that autoscalers look for, and an Event with the same
message, because ``kubectl describe pod`` shows Events and no messages of conditions.

A pod hears a reason once, while the numbers of its message go on changing: so the condition says when they were true, as an Event does.

In extender mode it also touches pods, so that kube-scheduler tries them again. Each write names uid and resource version, so it can never
land on a recreated pod or on one that has been bound meanwhile. May not: write what stands there already, as far as we have written it
ourselves. Next: `status` calls this for the members of a group it reports on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from scheduler.engine.messages import Publish, Report
from scheduler.kube import errors
from scheduler.kube.recorder import Recorder, about_pod
from scheduler.kube.transport import STRATEGIC_PATCH, Transport
from scheduler.model.ids import PodKey, PodUid
from scheduler.model.podgroups import MemberRef
from scheduler.model.pods import Pod
from scheduler.model.reasons import Reason
from scheduler.model.status import Status
from scheduler.objects import structs

CONCURRENT: Final = 16  # few, so that bindings of other gangs go first
MAX_CONFLICTS: Final = 3
WOKEN_ANNOTATION: Final = "scheduling.tutti.dev/woken-at"
TOLD_IN_EVENTS: Final = (
    64  # members per reason of a gang: who describes one of a thousand pods can read the group's
)
REMEMBERED: Final = 65536  # arbitrary; a forgotten pod is written once more
ABOUT_NODES: Final = frozenset(
    {
        Reason.NO_ELIGIBLE_NODE,
        Reason.POD_CONSTRAINTS_NOT_MET,
        Reason.INSUFFICIENT_RESOURCES,
        Reason.NO_DOMAIN_FITS,
        Reason.NOT_FOUND_WITHIN_BOUND,
    }
)

_encode = msgspec.json.Encoder().encode
_pod = msgspec.json.Decoder(structs.Pod)


class PodConditions:
    """Remembers what was last written per pod."""

    def __init__(
        self,
        transport: Transport,
        pod_of: Callable[[PodKey], Pod | None],
        wall_clock: Callable[[], datetime],
        events: Recorder | None = None,
    ) -> None:
        """Without `events` nobody writes any."""
        self._transport = transport
        self._pod_of = pod_of
        self._wall_clock = wall_clock
        self._events = events
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._last: OrderedDict[PodUid, tuple[Report, str]] = OrderedDict()  # and since when

    async def publish(self, order: Publish, node_count: int) -> int:
        """Write to every member that does not show this report yet. Returns how many could not be written."""
        pending = [
            member for member in order.members if self._last.get(member.uid, (None,))[0] != order.report
        ]
        text = sentence(order.report, node_count)
        results = await asyncio.gather(*(self._write(member, order.report, text) for member in pending))
        if self._events is not None:
            told = [member for member, is_told in zip(pending, results, strict=True) if is_told]
            for member in told[:TOLD_IN_EVENTS]:
                self._events.event(about_pod(member), "FailedScheduling", text, warning=True, is_detail=True)
        return results.count(False)

    async def wake(self, member: MemberRef) -> bool:
        """
        Touch a waiting pod, so that kube-scheduler tries it again; returns False when that could not be written.

        kube-scheduler looks at labels and annotations of a waiting pod, not at its status, to see whether it has changed.
        """
        stamp = self._wall_clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        change = {"metadata": {"annotations": {WOKEN_ANNOTATION: stamp}}}
        return await self._patch_waiting(member, change) is not False

    async def _write(self, member: MemberRef, report: Report, text: str) -> bool | None:
        now = self._wall_clock()
        _, since = self._last.get(member.uid, (None, ""))
        since = since or now.strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "SchedulerError" if report.status is Status.ERROR else "Unschedulable",
            "message": f"{text} (As of {now:%Y-%m-%d %H:%M:%S} UTC.)",
            "lastTransitionTime": since,
        }
        written = await self._patch_waiting(member, {"status": {"conditions": [condition]}})
        if written is not False:
            self._last[member.uid] = (report, since)
            self._last.move_to_end(member.uid)
            while len(self._last) > REMEMBERED:
                self._last.popitem(last=False)
        return written

    async def _patch_waiting(self, member: MemberRef, change: dict[str, Any]) -> bool | None:
        """Patch this pod if it still waits. Returns None when it does not any more, False when that could not be found out or done."""
        async with self._slots:
            pod = self._pod_of(member.key)
            version = (
                pod.resource_version if pod is not None and pod.uid == member.uid and not pod.is_bound else ""
            )
            path = f"/api/v1/namespaces/{member.key.namespace}/pods/{member.key.name}/status"
            for _ in range(MAX_CONFLICTS + 1):
                try:
                    version = version or await self._waiting_version(member)
                    if not version:
                        return None
                    identity = {"uid": member.uid, "resourceVersion": version}
                    body = {**change, "metadata": {**change.get("metadata", {}), **identity}}
                    await self._transport.patch(path, _encode(body), STRATEGIC_PATCH)
                except (errors.Conflict, errors.OutcomeUnknown):
                    version = ""
                except errors.NotFound:
                    return None
                except errors.ApiError:
                    return False
                else:
                    return True
        return False

    async def _waiting_version(self, member: MemberRef) -> str:
        """Return the pod's version, empty when there is nothing to say to it any more."""
        try:
            pod = _pod.decode(
                await self._transport.get(f"/api/v1/namespaces/{member.key.namespace}/pods/{member.key.name}")
            )
        except msgspec.MsgspecError as problem:
            raise errors.Invalid(f"Pod {member.key} cannot be read: {problem}.") from problem
        return "" if pod.metadata.uid != member.uid or pod.spec.node_name else pod.metadata.resource_version


def sentence(report: Report, node_count: int) -> str:
    """Return the message for a pod: with the count of nodes in front where nodes are the reason, as kube-scheduler words it."""
    if report.reason not in ABOUT_NODES or report.message.startswith("0/"):
        return report.message
    return f"0/{node_count} nodes are available: {report.message}"
