"""The raw ceiling: what a plain client gets out of this API server, creating and binding the same pods with no thought at all."""

from dataclasses import dataclass
from functools import partial

from benchmarks.live import audit
from benchmarks.live.cases import Case, pod_manifest
from benchmarks.live.client import Client
from benchmarks.live.submit import make_namespace, remove, wait_bound
from benchmarks.measures import PodRecord

NOBODY = "nobody-binds-this"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One measurement: the records of pods that a plain client created, then bound round-robin."""

    pods: tuple[PodRecord, ...]


async def measure(
    creator: Client, binder: Client, log: audit.AuditMark, case: Case, namespace: str, nodes: list[str]
) -> Ceiling:
    """Create the pods of `case`, then bind them over `nodes` in turn, as many at once as the clients have connections."""
    await make_namespace(creator, namespace)
    path = f"/api/v1/namespaces/{namespace}/pods"
    members = list(case.members())
    await creator.each(
        partial(creator.send, "POST", path, pod_manifest(namespace, name, gang, NOBODY, run=namespace))
        for gang, name in members
    )
    await binder.each(
        partial(
            binder.send,
            "POST",
            f"{path}/{name}/binding",
            _binding(namespace, name, nodes[number % len(nodes)]),
        )
        for number, (_, name) in enumerate(members)
    )
    await wait_bound(creator, log, namespace, case.pods, timeout_s=60)
    records = audit.pods_since(log, namespace)
    await remove(creator, None, case, namespace)
    return Ceiling(tuple(records))


def _binding(namespace: str, name: str, node: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name, "namespace": namespace},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    }
