"""
The standalone predicates against the real kube-scheduler: for generated pods and nodes, both must find the same nodes feasible.

A kube-scheduler with an extender that refuses everything is asked about each pod; the list of nodes that it sends to /filter is
its own answer. Nothing is bound, so every pod is judged on the same cluster.
"""

import asyncio
import json
import random
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler.config import ApiSettings
from scheduler.engine.feasibility import may_run
from scheduler.kube.cache import Cache
from scheduler.kube.credentials import load
from scheduler.kube.feed import Feed
from scheduler.kube.transport import Transport
from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape
from scheduler.model.snapshot import Snapshot
from tests.live.api import Api, core, nodes, pods
from tests.live.conftest import manifests

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(300)]

SEED = 20
NODES, PODS = 24, 100
SCHEDULER = "parity"
NOBODY = "nobody"
ZONES, KINDS = ("a", "b", "c"), ("fast", "slow")


@dataclass
class Recorder:
    """An extender that lets no node pass and remembers what it was offered."""

    offered: dict[str, set[str]] = field(default_factory=dict)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        offered = self.offered

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                args = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                names = args["NodeNames"] or []
                offered[args["Pod"]["metadata"]["name"]] = set(names)
                body = json.dumps({"NodeNames": [], "FailedNodes": dict.fromkeys(names, "recorded")}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def asked(cluster: LocalCluster, directory: Path) -> Iterator[Recorder]:
    """Run a kube-scheduler of its own whose every feasible list is recorded."""
    recorder = Recorder()
    server = ThreadingHTTPServer(("127.0.0.1", 0), recorder.handler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(cluster.kubeconfig("tutti-kube-scheduler")),
            "qps": 1000,
            "burst": 1000,
        },
        "leaderElection": {"leaderElect": False},
        "percentageOfNodesToScore": 100,
        "profiles": [{"schedulerName": SCHEDULER}],
        "extenders": [
            {
                "urlPrefix": f"http://127.0.0.1:{server.server_port}",
                "filterVerb": "filter",
                "nodeCacheCapable": True,
            }
        ],
    }
    path = directory / "parity.yaml"
    path.write_text(yaml.safe_dump(config))
    log = (directory / "parity.log").open("wb")
    child = subprocess.Popen(
        [str(cluster.binaries["kube-scheduler"]), f"--config={path}", "--secure-port=0"],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield recorder
    finally:
        child.terminate()
        child.wait(20)
        server.shutdown()
        server.server_close()
        log.close()


def node_changes(rng: random.Random) -> dict[str, Any]:
    """Return labels, taints and a cordon for one node."""
    taints = []
    if rng.random() < 0.3:
        taints.append(
            {
                "key": "team",
                "value": rng.choice(["red", "blue"]),
                "effect": rng.choice(["NoSchedule", "NoExecute"]),
            }
        )
    if rng.random() < 0.2:
        taints.append({"key": "old", "effect": "PreferNoSchedule"})
    labels = {"zone": rng.choice(ZONES), "kind": rng.choice(KINDS), "size": str(rng.choice([1, 2, 10]))}
    if rng.random() < 0.3:
        del labels["size"]
    return {"metadata": {"labels": labels}, "spec": {"taints": taints, "unschedulable": rng.random() < 0.15}}


def requirement(rng: random.Random) -> dict[str, Any]:
    """Return one node selector requirement of any operator."""
    operator = rng.choice(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])
    if operator in {"Gt", "Lt"}:
        return {"key": "size", "operator": operator, "values": [str(rng.choice([0, 1, 5, 10]))]}
    key = rng.choice(["zone", "kind", "size", "absent"])
    if operator in {"Exists", "DoesNotExist"}:
        return {"key": key, "operator": operator}
    return {
        "key": key,
        "operator": operator,
        "values": rng.sample([*ZONES, *KINDS, "1", "10"], k=rng.randint(1, 3)),
    }


def toleration(rng: random.Random) -> dict[str, Any]:
    """Return one toleration of any form."""
    made: dict[str, Any] = {"operator": rng.choice(["Exists", "Equal"])}
    if made["operator"] == "Equal" or rng.random() < 0.7:
        made["key"] = rng.choice(["team", "old", "node.kubernetes.io/unschedulable"])
    if made["operator"] == "Equal":
        made["value"] = rng.choice(["red", "blue", ""])
    if rng.random() < 0.5:
        made["effect"] = rng.choice(["NoSchedule", "NoExecute"])
    return made


def container(rng: random.Random, name: str, *, ports: bool = False) -> dict[str, Any]:
    """Return a container with requests of some kind."""
    requests = {
        "cpu": rng.choice(["0", "100m", "0.5", "3", "8"]),
        "memory": rng.choice(["64Mi", "1G", "12Gi", "1e9"]),
    }
    made: dict[str, Any] = {"name": name, "image": "busybox", "resources": {"requests": requests}}
    if rng.random() < 0.4:
        gpus = str(rng.choice([1, 2, 4, 8]))
        made["resources"] = {
            "requests": {**requests, "nvidia.com/gpu": gpus},
            "limits": {"nvidia.com/gpu": gpus},
        }
    if ports and rng.random() < 0.4:
        port = rng.choice([8080, 9090])
        made["ports"] = [{"containerPort": port, "hostPort": port, "protocol": rng.choice(["TCP", "UDP"])}]
        if rng.random() < 0.4:
            made["ports"][0]["hostIP"] = rng.choice(["127.0.0.1", "0.0.0.0", "10.0.0.1"])  # noqa: S104  what pods ask for
    return made


def pod(rng: random.Random, name: str, scheduler: str) -> dict[str, Any]:
    """Return a pod that uses some of what the predicates look at."""
    spec: dict[str, Any] = {
        "schedulerName": scheduler,
        "terminationGracePeriodSeconds": 0,
        "containers": [
            container(rng, f"c{number}", ports=number == 0) for number in range(rng.randint(1, 2))
        ],
    }
    if rng.random() < 0.3:
        sidecar = {**container(rng, "init"), **({"restartPolicy": "Always"} if rng.random() < 0.5 else {})}
        spec["initContainers"] = [sidecar]
    if rng.random() < 0.4:
        spec["nodeSelector"] = {"zone": rng.choice(ZONES)}
    if rng.random() < 0.5:
        terms = [
            {"matchExpressions": [requirement(rng) for _ in range(rng.randint(1, 2))]}
            for _ in range(rng.randint(1, 2))
        ]
        if rng.random() < 0.2:
            terms.append(
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-0003"]}]}
            )
        spec["affinity"] = {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        }
    if rng.random() < 0.5:
        spec["tolerations"] = [toleration(rng) for _ in range(rng.randint(1, 2))]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@asynccontextmanager
async def seen(kubeconfig: Path, expected: int) -> AsyncIterator[Snapshot]:
    """Read the cluster as the scheduler does."""
    async with Transport(load(kubeconfig), ApiSettings()) as transport:
        cache = Cache(scheduler_names={SCHEDULER}, clock=asyncio.get_running_loop().time)
        feed = Feed(transport, cache, ApiSettings())
        running = asyncio.create_task(feed.run())
        try:
            await feed.synced(30)
            while len(cache.snapshot().groups) < expected:
                await asyncio.sleep(0.05)
            yield cache.snapshot()
        finally:
            running.cancel()


async def test_both_find_the_same_nodes_feasible(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    options = ClusterOptions(manifests=manifests(), etcd_fsync=False, kube_scheduler=False)
    shape = NodeShape(count=NODES, gpus=8, racks=4, cpu="8", memory="16Gi", pods=5)
    with LocalCluster(tmp_path / "cluster", shape, options=options) as cluster:
        async with Api(cluster.kubeconfig("admin")) as admin:
            namespace = await admin.namespace()
            homes = []  # a NoExecute taint would have its occupants evicted while we compare
            for number in range(NODES):
                changes = node_changes(rng)
                await admin.patch(nodes(f"node-{number:04d}"), changes)
                if not any(taint["effect"] == "NoExecute" for taint in changes["spec"]["taints"]):
                    homes.append(f"node-{number:04d}")
            for number in range(NODES * 2):  # what is taken already
                occupant = pod(rng, f"occupant-{number}", NOBODY)
                await admin.create(pods(namespace), occupant)
                target = {"apiVersion": "v1", "kind": "Node", "name": rng.choice(homes)}
                binding = {
                    "apiVersion": "v1",
                    "kind": "Binding",
                    "metadata": {"name": f"occupant-{number}"},
                    "target": target,
                }
                await admin.create(f"{core(namespace, 'pods', f'occupant-{number}')}/binding", binding)
            await admin.until(lambda: _settled(admin, namespace), bool, timeout_s=30)
            with asked(cluster, tmp_path) as recorder:
                for number in range(PODS):
                    await admin.create(pods(namespace), pod(rng, f"asked-{number}", SCHEDULER))
                await admin.until(
                    lambda: _judged(admin, namespace), lambda judged: judged == PODS, timeout_s=90
                )
                async with seen(cluster.kubeconfig("admin"), PODS) as snapshot:
                    compare(snapshot, recorder)


def compare(snapshot: Snapshot, recorder: Recorder) -> None:
    pairs, differences = 0, []
    for members in snapshot.members.values():
        (one,) = members
        ours = {str(name) for name, state in snapshot.nodes.items() if may_run(one.shape, state) is None}
        theirs = recorder.offered.get(one.key.name, set())  # no node left: kube-scheduler does not ask
        pairs += len(snapshot.nodes)
        differences += [
            f"{one.key.name} on {name}: {'only ours' if name in ours else 'only theirs'}"
            for name in sorted(ours ^ theirs)
        ]
    assert pairs >= 2000
    assert any(recorder.offered.values()), "kube-scheduler never asked, so nothing was compared"
    assert not differences, f"{len(differences)} of {pairs} pairs differ: {differences[:10]}"


async def _settled(admin: Api, namespace: str) -> bool:
    return all(one["status"].get("phase") == "Running" for one in await admin.list(pods(namespace)))


async def _judged(admin: Api, namespace: str) -> int:
    judged = 0
    for one in await admin.list(pods(namespace)):
        conditions = {c["type"]: c for c in one.get("status", {}).get("conditions", [])}
        judged += (
            one["spec"]["schedulerName"] == SCHEDULER
            and conditions.get("PodScheduled", {}).get("reason") == "Unschedulable"
        )
    return judged
