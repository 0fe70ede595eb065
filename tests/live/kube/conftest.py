"""Short words for the tests of `scheduler.kube` against a real API server."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from scheduler.config import ApiSettings
from scheduler.engine.messages import Bind
from scheduler.kube import credentials
from scheduler.kube.credentials import Credentials
from scheduler.kube.transport import Transport
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.plan import Assignment

OURS = "/apis/scheduling.tutti.dev/v1alpha1"
SETTINGS = ApiSettings(request_timeout_s=5.0)


@dataclass(frozen=True)
class World:
    """A namespace of its own on the real API server, with an administrator's hands."""

    transport: Transport
    namespace: str
    nodes: tuple[NodeName, ...]

    async def read(self, path: str) -> dict[str, Any]:
        return json.loads(await self.transport.get(path))  # type: ignore[no-any-return]

    async def create(self, path: str, obj: dict[str, Any]) -> dict[str, Any]:
        return json.loads(await self.transport.post(path, json.dumps(obj).encode()))  # type: ignore[no-any-return]

    async def patch(self, path: str, obj: dict[str, Any]) -> dict[str, Any]:
        return json.loads(await self.transport.patch(path, json.dumps(obj).encode()))  # type: ignore[no-any-return]

    async def pod(self, name: str, group: str | None = "g", **spec: Any) -> dict[str, Any]:
        labels = {"scheduling.tutti.dev/pod-group": group} if group else {}
        container = {"name": "c", "image": "none", "resources": {"requests": {"cpu": "10m"}}}
        body = {
            "metadata": {"name": name, "labels": labels},
            "spec": {"schedulerName": "tutti", "containers": [container], **spec},
        }
        return await self.create(f"/api/v1/namespaces/{self.namespace}/pods", body)

    async def delete_pod(self, name: str) -> None:
        await self.transport.delete(self.pod_path(name), b'{"gracePeriodSeconds":0}')

    async def group(self, name: str = "g", **spec: Any) -> dict[str, Any]:
        head = {"apiVersion": "scheduling.tutti.dev/v1alpha1", "kind": "PodGroup"}
        body = {**head, "metadata": {"name": name}, "spec": {"minCount": 2, **spec}}
        return await self.create(f"{OURS}/namespaces/{self.namespace}/podgroups", body)

    def pod_path(self, name: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods/{name}"

    def group_path(self, name: str = "g") -> str:
        return f"{OURS}/namespaces/{self.namespace}/podgroups/{name}"

    def key(self, name: str = "g") -> GroupKey:
        return GroupKey(self.namespace, name)

    def order(self, pod: dict[str, Any], node: NodeName | None = None, version: str | None = None) -> Bind:
        meta = pod["metadata"]
        key = PodKey(self.namespace, meta["name"])
        assignment = Assignment(key, PodUid(meta["uid"]), node or self.nodes[0], 0)
        return Bind(self.key(), AttemptId("t1"), 7, assignment, version or meta["resourceVersion"])


@pytest.fixture
def upstream(cluster: Any) -> Credentials:
    return credentials.load(cluster.kubeconfig("admin"))


@pytest.fixture
async def world(upstream: Credentials) -> AsyncIterator[World]:
    async with Transport(upstream, SETTINGS) as transport:
        namespace = f"kube-{uuid.uuid4().hex[:8]}"
        await transport.post("/api/v1/namespaces", json.dumps({"metadata": {"name": namespace}}).encode())
        listed = json.loads(await transport.get("/api/v1/nodes", {"limit": "8"}))
        nodes = tuple(NodeName(item["metadata"]["name"]) for item in listed["items"])
        yield World(transport, namespace, nodes)
        await transport.delete(f"/api/v1/namespaces/{namespace}")


Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def eventually() -> Eventually:
    """Wait for a condition, with a deadline."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    return wait
