"""
Verbs for the proof: what a user does to a cluster, and what anybody can read back from the API server.

Nothing here asks Tutti. Waiting is for a condition with a deadline; that something does not happen is watched for a stated time.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from tests.live.api import Api

PATIENCE_S = 30.0
GPU = "nvidia.com/gpu"
GROUPS = "/apis/scheduling.tutti.dev/v1alpha1"
Json = dict[str, Any]


class Team:
    """One namespace of the cluster, and a user who works in it."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._groups = f"{GROUPS}/namespaces/{namespace}/podgroups"

    # --- what a user does ------------------------------------------------------------------------------------------------

    async def group(self, name: str, min_count: int, **spec: Any) -> Json:
        """Create a PodGroup."""
        manifest = {
            "apiVersion": "scheduling.tutti.dev/v1alpha1",
            "kind": "PodGroup",
            "metadata": {"name": name},
            "spec": {"minCount": min_count, **spec},
        }
        return await self.api.create(self._groups, manifest)

    async def pod(
        self, name: str, group: str | None = None, *, gpus: int = 1, scheduler: str = "tutti", **spec: Any
    ) -> Json:
        """Create a pod of so many GPUs; `spec` is merged into its spec, but for `labels`, `annotations` and `owners`."""
        labels = ({"scheduling.tutti.dev/pod-group": group} if group else {}) | spec.pop("labels", {})
        annotations = spec.pop("annotations", {})
        amounts = {"cpu": "1", "memory": "1Gi", **({GPU: str(gpus)} if gpus else {})}
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": spec.pop("owners", []),
            },
            "spec": {
                "schedulerName": scheduler,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "worker",
                        "image": "busybox",
                        "resources": {"requests": amounts, "limits": amounts},
                    }
                ],
                **spec,
            },
        }
        return await self.api.create(self._pods, manifest)

    async def gang(
        self, name: str, size: int, *, gpus: int = 1, group: Json | None = None, **spec: Any
    ) -> None:
        """Create a PodGroup of `size` and all its pods."""
        await self.group(name, size, **(group or {}))
        await asyncio.gather(
            *(self.pod(f"{name}-{number}", name, gpus=gpus, **spec) for number in range(size))
        )

    async def delete_pod(self, name: str) -> None:
        """Delete a pod at once."""
        await self.api.delete(f"{self._pods}/{name}?gracePeriodSeconds=0")

    async def delete_pods(self, group: str) -> None:
        """Delete all pods of a group at once."""
        await self.api.delete(
            f"{self._pods}?labelSelector=scheduling.tutti.dev/pod-group%3D{group}&gracePeriodSeconds=0"
        )

    async def ungate(self, name: str) -> None:
        """Remove the scheduling gates of a pod."""
        await self.api.patch(f"{self._pods}/{name}", {"spec": {"schedulingGates": None}})

    # --- what anybody can read -------------------------------------------------------------------------------------------

    async def pods(self, group: str | None = None) -> list[Json]:
        """Return the pods of a group, or of the namespace."""
        query = f"?labelSelector=scheduling.tutti.dev/pod-group%3D{group}" if group else ""
        listing = await self.api.get(self._pods + query)
        return list(listing["items"])

    async def read_pod(self, name: str) -> Json:
        """Return one pod."""
        return await self.api.get(f"{self._pods}/{name}")

    async def read_group(self, name: str) -> Json:
        """Return one PodGroup."""
        return await self.api.get(f"{self._groups}/{name}")

    async def bound(self, group: str | None = None) -> dict[str, str]:
        """Return node by pod, for those that have one."""
        return {
            pod["metadata"]["name"]: pod["spec"]["nodeName"]
            for pod in await self.pods(group)
            if pod["spec"].get("nodeName")
        }

    async def condition(self, group: str, kind: str = "Scheduled") -> Json:
        """Return a condition of the group; empty when it has none of that type."""
        status = (await self.read_group(group)).get("status", {})
        return next((c for c in status.get("conditions", []) if c["type"] == kind), {})

    async def pod_condition(self, name: str) -> Json:
        """Return the PodScheduled condition of a pod; empty when it has none."""
        status = (await self.read_pod(name)).get("status", {})
        return next((c for c in status.get("conditions", []) if c["type"] == "PodScheduled"), {})

    # --- waiting ---------------------------------------------------------------------------------------------------------

    async def until(
        self, claim: str, holds: Callable[[], Awaitable[object]], *, within_s: float = PATIENCE_S
    ) -> None:
        """Wait until the claim holds; fail with its words when time is up."""
        deadline = time.monotonic() + within_s
        while not await holds():
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {claim}; {await self.describe()}"
            await asyncio.sleep(0.1)

    async def until_whole(self, group: str, size: int, *, within_s: float = PATIENCE_S) -> dict[str, str]:
        """Wait until all members are bound, and return node by pod."""

        async def whole() -> bool:
            return len(await self.bound(group)) == size

        await self.until(f"all {size} members of {group} are bound", whole, within_s=within_s)
        return await self.bound(group)

    async def until_reason(self, group: str, reason: str, *, within_s: float = PATIENCE_S) -> str:
        """Wait until the group says that it waits for this reason, and return the message."""

        async def told() -> bool:
            return (await self.condition(group)).get("reason") == reason

        await self.until(f"{group} waits with reason {reason}", told, within_s=within_s)
        return str((await self.condition(group))["message"])

    async def until_pod_told(self, name: str, *, within_s: float = PATIENCE_S) -> Json:
        """Wait until the pod has a PodScheduled condition, which is written after the group's, and return it."""

        async def told() -> bool:
            return bool(await self.pod_condition(name))

        await self.until(f"pod {name} is told why it waits", told, within_s=within_s)
        return await self.pod_condition(name)

    async def until_described(self, pod: str, reason: str, words: str) -> Json:
        """Wait until ``kubectl describe pod`` would show a warning of this reason with these words, and return the Event."""
        selected = f"involvedObject.kind%3DPod,involvedObject.name%3D{pod}"
        path = f"/api/v1/namespaces/{self.namespace}/events?fieldSelector={selected}"
        shown: list[Json] = []

        async def told() -> bool:
            events = (await self.api.get(path))["items"]
            shown[:] = [
                e for e in events if (e["type"], e["reason"]) == ("Warning", reason) and words in e["message"]
            ]
            return bool(shown)

        await self.until(f"an Event of pod {pod} says {words!r}", told)
        return shown[0]

    async def stays_unbound(self, group: str, *, for_s: float = 2.0) -> None:
        """Watch for a while that nobody of the group is bound."""
        deadline = time.monotonic() + for_s
        while time.monotonic() < deadline:
            assert not await self.bound(group), f"members of {group} were bound"
            await asyncio.sleep(0.2)

    async def until_gone(self, *, within_s: float = 60.0) -> None:
        """Wait until no pod is left in the namespace."""

        async def gone() -> bool:
            return not await self.pods()

        await self.until("every pod is gone", gone, within_s=within_s)

    async def describe(self) -> str:
        """Return a line about the namespace, for failures."""
        pods = await self.pods()
        bound = Counter(
            p["metadata"]["labels"].get("scheduling.tutti.dev/pod-group", "-")
            for p in pods
            if p["spec"].get("nodeName")
        )
        groups = (await self.api.get(self._groups))["items"]
        said = {
            g["metadata"]["name"]: [
                (c["type"], c["reason"]) for c in g.get("status", {}).get("conditions", [])
            ]
            for g in groups
        }
        return f"{len(pods)} pods, bound by group {dict(bound)}, groups say {said}"


def racks(nodes: dict[str, Json], placed: dict[str, str]) -> set[str]:
    """Return the racks that these pods are in."""
    return {nodes[node]["metadata"]["labels"]["fabric.topograph.run/tier-0"] for node in placed.values()}
