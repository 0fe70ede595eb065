"""Submitting a case: group objects first, then every pod at the create ceiling; afterwards everything is removed again."""

import asyncio
import time
from functools import partial
from pathlib import Path

from benchmarks.live.audit import AuditMark, Counter, mark
from benchmarks.live.cases import Case
from benchmarks.live.client import Client
from benchmarks.live.rivals import Rival

POLL_S = 0.25
ASK_AGAIN_S = 20.0
SETTLING_S = 90.0
QUIET_BYTES = 20_000  # of the audit log in a second: some twenty requests, as Leases make
NOW = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}


class StuckError(RuntimeError):
    """What was waited for did not happen in time; the sentence says how far it came."""


async def make_namespace(client: Client, name: str) -> None:
    """Create a namespace and wait until pods may be created in it."""
    await client.send(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        accounts = await client.get(f"/api/v1/namespaces/{name}/serviceaccounts")
        if any(account["metadata"]["name"] == "default" for account in accounts["items"]):
            return
        await asyncio.sleep(POLL_S)
    raise StuckError(f"Namespace {name} got no default ServiceAccount; is kube-controller-manager running?")


async def submit(client: Client, rival: Rival, case: Case, namespace: str) -> None:
    """Create the gangs' objects, then all pods in order."""
    for gang in case.gang_names():
        path, manifest = rival.group(namespace, gang, case)
        await client.send("POST", path, manifest)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    await client.each(
        partial(client.send, "POST", pods, rival.pod(namespace, name, gang, namespace))
        for gang, name in case.members()
    )


async def wait_bound(
    client: Client, log: AuditMark, namespace: str, count: int, *, timeout_s: float
) -> dict[str, str]:
    """
    Wait until `count` pods of the namespace are bound, and return node by pod as the API server shows them.

    Watches the audit log meanwhile and asks the API server once at the end: polling it would be paid for by what is measured.
    Raises: StuckError when time is up.
    """
    deadline, counter = time.monotonic() + timeout_s, Counter(log, namespace)
    while (seen := counter.bound()) < count:
        if time.monotonic() > deadline:
            raise StuckError(f"{seen} of {count} pods in {namespace} were bound after {timeout_s:.0f} s.")
        await asyncio.sleep(POLL_S)
    everything = await client.get(f"/api/v1/namespaces/{namespace}/pods")
    return {
        pod["metadata"]["name"]: pod["spec"]["nodeName"]
        for pod in everything["items"]
        if pod["spec"].get("nodeName")
    }


async def settle(log: Path) -> None:
    """Wait until the API server has next to nothing to do: what one measurement leaves behind must not slow the next one down."""
    deadline, size = time.monotonic() + SETTLING_S, mark(log).offset
    while time.monotonic() < deadline:
        await asyncio.sleep(1.0)
        before, size = size, mark(log).offset
        if size - before < QUIET_BYTES:
            return
    raise StuckError(
        f"The API server was still at work {SETTLING_S:.0f} s after a measurement; {log} shows with what."
    )


async def remove(client: Client, rival: Rival | None, case: Case, namespace: str) -> None:
    """Delete all pods and groups of the namespace and wait until the pods are gone."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    if rival is not None:
        path, _ = rival.group(namespace, case.gang_names()[0], case)
        await client.send("DELETE", path)
    deadline, asked_at = time.monotonic() + 120, 0.0
    while time.monotonic() < deadline:
        if time.monotonic() > asked_at + ASK_AGAIN_S:
            # A server that is busy deleting thousands may answer 504 and go on; whether they are gone is seen below.
            asked_at = time.monotonic()
            await client.send("DELETE", pods + "?gracePeriodSeconds=0", NOW, accept=(200, 504))
        listing = await client.get(pods + "?limit=1")
        if not listing["items"]:
            await client.send("DELETE", f"/api/v1/namespaces/{namespace}", accept=(200, 202))
            return
        await asyncio.sleep(POLL_S)
    raise StuckError(f"Pods of {namespace} were still there 120 s after their deletion.")
