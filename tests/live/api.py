"""
The test's own view of the API server, as one identity: JSON in, JSON out, nothing of ours in between.

    async with Api(cluster.kubeconfig("tenant")) as api:
        await api.create(pods("team-a"), manifest)
        await api.until(lambda: api.get(pod("team-a", "x")), lambda x: x["status"]["phase"] == "Running")
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import aiohttp
import yaml

Json = dict[str, Any]
T = TypeVar("T")

CONTENT_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


def core(namespace: str, plural: str, name: str = "") -> str:
    """The path of core objects, of one of them if named."""
    return f"/api/v1/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def pods(namespace: str) -> str:
    return core(namespace, "pods")


def pod(namespace: str, name: str) -> str:
    return core(namespace, "pods", name)


def nodes(name: str = "") -> str:
    return "/api/v1/nodes" + (f"/{name}" if name else "")


def groups(namespace: str, name: str = "") -> str:
    """Our PodGroups."""
    return f"/apis/scheduling.tutti.dev/v1alpha1/namespaces/{namespace}/podgroups" + (
        f"/{name}" if name else ""
    )


def queues(name: str = "") -> str:
    return "/apis/scheduling.tutti.dev/v1alpha1/queues" + (f"/{name}" if name else "")


def jobs(namespace: str, name: str = "") -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs" + (f"/{name}" if name else "")


class ApiError(AssertionError):
    """The API server refused; `code`, `reason` and `message` are its words."""

    def __init__(self, method: str, path: str, code: int, status: Json) -> None:
        self.code = code
        self.status = status
        self.reason = str(status.get("reason", ""))
        self.message = str(status.get("message", ""))
        super().__init__(f"{method} {path}: {code} {self.message or status}")


class Api:
    """One identity's connection. Use as an async context manager."""

    def __init__(self, kubeconfig: Path, *, connections: int = 64) -> None:
        self._kubeconfig = kubeconfig
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Api:
        config = yaml.safe_load(self._kubeconfig.read_text(encoding="utf-8"))
        endpoint, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(endpoint["certificate-authority-data"]).decode()
        tls = ssl.create_default_context(cadata=authority)
        with tempfile.TemporaryDirectory() as folder:  # the ssl module reads key pairs from files only
            pair = Path(folder, "pair.pem")
            pair.touch(mode=0o600)
            pair.write_bytes(
                base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
            )
            tls.load_cert_chain(pair)
        self._session = aiohttp.ClientSession(
            base_url=endpoint["server"],
            connector=aiohttp.TCPConnector(ssl=tls, limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=60),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None, "use `async with Api(...)`"
        return self._session

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        params: dict[str, str] | None = None,
    ) -> Json:
        """Send and return the object; ApiError for every code of 400 and above."""
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type} if content is not None else {}
        async with self.session.request(
            method, path, data=content, headers=headers, params=params
        ) as response:
            text = await response.text()
            try:
                answer = json.loads(text) if text else {}
            except ValueError:
                answer = {"message": text}
            if response.status >= 400:
                raise ApiError(method, path, response.status, answer)
            return answer if isinstance(answer, dict) else {"value": answer}

    async def get(self, path: str) -> Json:
        return await self.request("GET", path)

    async def find(self, path: str) -> Json | None:
        """The object, or None if there is none."""
        try:
            return await self.get(path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Json]:
        """The items of a collection."""
        params = {
            key: value for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value
        }
        answer = await self.request("GET", path, params=params)
        items: list[Json] = answer["items"]
        return items

    async def create(self, path: str, body: Json) -> Json:
        return await self.request("POST", path, body)

    async def create_all(self, path: str, bodies: list[Json], *, at_once: int = 32) -> list[Json]:
        """Create in order of submission, up to `at_once` requests in flight."""
        gate = asyncio.Semaphore(at_once)

        async def one(body: Json) -> Json:
            async with gate:
                return await self.create(path, body)

        return list(await asyncio.gather(*(one(body) for body in bodies)))

    async def update(self, path: str, body: Json) -> Json:
        return await self.request("PUT", path, body)

    async def patch(self, path: str, body: object, kind: str = "merge") -> Json:
        """Patch by `merge`, `strategic`, `json` or server-side `apply`."""
        params = {"fieldManager": "test", "force": "true"} if kind == "apply" else None
        return await self.request("PATCH", path, body, content_type=CONTENT_TYPES[kind], params=params)

    async def delete(self, path: str, body: Json | None = None) -> Json:
        return await self.request("DELETE", path, body)

    async def watch(
        self, path: str, *, resource_version: str = "", timeout_s: int = 300, labels: str = ""
    ) -> AsyncIterator[Json]:
        """Watch events as they come, `{"type": ..., "object": ...}`; ends at the timeout."""
        params = {"watch": "true", "timeoutSeconds": str(timeout_s), "allowWatchBookmarks": "false"}
        params |= {
            key: value
            for key, value in (("resourceVersion", resource_version), ("labelSelector", labels))
            if value
        }
        forever = aiohttp.ClientTimeout(total=None, sock_read=timeout_s + 30)
        async with self.session.get(path, params=params, timeout=forever) as response:
            if response.status >= 400:
                raise ApiError("WATCH", path, response.status, await response.json())
            kept = b""
            async for chunk in response.content.iter_any():
                *lines, kept = (kept + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)

    async def until(
        self,
        read: Callable[[], Awaitable[T]],
        holds: Callable[[T], object],
        *,
        timeout_s: float = 30.0,
        every_s: float = 0.05,
    ) -> T:
        """Read again and again until the claim holds; AssertionError with the last value read at the deadline."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = await read()
            if holds(value):
                return value
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"did not come true within {timeout_s:.0f} s; last seen: {json.dumps(value, default=str)[:2000]}"
                )
            await asyncio.sleep(every_s)

    async def namespace(self, prefix: str = "t", labels: dict[str, str] | None = None) -> str:
        """Create a namespace of its own for a test, ready for pods; returns its name."""
        name = f"{prefix}-{secrets.token_hex(3)}"
        metadata = {"name": name, "labels": labels or {}}
        await self.create(
            "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        )
        # Without its ServiceAccount the API server refuses pods in the namespace.
        await self.until(lambda: self.find(core(name, "serviceaccounts", "default")), bool)
        return name

    async def remove(self, namespace: str) -> None:
        """Delete the namespace and wait until its pods are gone, so that their room is free again."""
        await self.delete(pods(namespace), {"gracePeriodSeconds": 0})
        await self.delete(f"/api/v1/namespaces/{namespace}")
        await self.until(lambda: self.list(pods(namespace)), lambda left: not left, timeout_s=60.0)


def pod_manifest(
    name: str,
    *,
    scheduler: str = "tutti",
    group: str = "",
    gpus: int = 0,
    cpu: str = "100m",
    memory: str = "64Mi",
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    **spec: object,
) -> Json:
    """A one-container pod; further keywords go into its spec."""
    requests = {"cpu": cpu, "memory": memory, **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    marks = {"scheduling.tutti.dev/pod-group": group} if group else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**marks, **(labels or {})}, "annotations": annotations or {}},
        "spec": {
            "schedulerName": scheduler,
            "restartPolicy": "Never",
            "containers": [
                {"name": "main", "image": "train:1", "resources": {"requests": requests, "limits": limits}}
            ],
            **spec,
        },
    }


def group_manifest(name: str, min_count: int, **spec: object) -> Json:
    """One of our PodGroups."""
    return {
        "apiVersion": "scheduling.tutti.dev/v1alpha1",
        "kind": "PodGroup",
        "metadata": {"name": name},
        "spec": {"minCount": min_count, **spec},
    }
