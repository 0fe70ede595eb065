"""
The standalone predicates against the real kube-scheduler: for generated pods and nodes, both must find the same nodes feasible.

Nothing is bound while they are asked, so every pod is judged on the same cluster. The tests' own judge (`tests.checker`) is compared
as well, so that it is no third opinion. TUTTI_PARITY_CASES sets the number of pairs of a pod and a node; the default takes less than a
minute.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from scheduler.config import ApiSettings
from scheduler.engine.feasibility import Refusal, may_run
from scheduler.kube.cache import Cache
from scheduler.kube.credentials import load
from scheduler.kube.feed import Feed
from scheduler.kube.transport import Transport
from scheduler.localcluster import ClusterOptions, LocalCluster
from scheduler.model.pods import PodShape
from scheduler.model.snapshot import NodeState, Snapshot
from tests.checker.rules import objections, share_a_port
from tests.live.api import Api, Json, core, pods
from tests.live.conftest import manifests
from tests.live.parity import cases
from tests.live.parity.asking import SCHEDULER, Offered, asked
from tests.live.parity.differences import EXPLAINED

SEED = 20
CASES = int(os.environ.get("TUTTI_PARITY_CASES", "20000"))
NODES = 100
PODS = -(-CASES // NODES)
NOBODY = "nobody"
ENDS_AT_ONCE = {"simulation.tutti.dev/duration": "1ms"}
STAYS_FOR_EVER = ["example.com/stays"]  # a finalizer: the pod terminates and keeps its room

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(300 + CASES // 100)]


async def test_both_find_the_same_nodes_feasible(
    tmp_path: Path, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(SEED)
    nodes = [cases.node(rng, f"node-{number:04d}") for number in range(NODES)]
    source = tmp_path / "nodes.yaml"
    source.write_text(yaml.safe_dump_all(nodes))
    options = ClusterOptions(manifests=manifests(), etcd_fsync=False, kube_scheduler=False)
    with LocalCluster(tmp_path / "cluster", source, options=options) as cluster:
        async with Api(cluster.kubeconfig("admin")) as admin:
            for each in cases.RUNTIME_CLASSES:
                await admin.create("/apis/node.k8s.io/v1/runtimeclasses", each)
            namespace = await admin.namespace()
            await occupy(admin, namespace, rng, nodes)
            with asked(cluster, tmp_path) as offered:
                wanted = [cases.pod(rng, f"asked-{number}", SCHEDULER, NODES) for number in range(PODS)]
                await admin.create_all(pods(namespace), wanted)
                await admin.until(
                    lambda: judged(admin, namespace), lambda count: count == PODS, timeout_s=60 + PODS
                )
                async with seen(cluster.kubeconfig("admin"), PODS) as snapshot:
                    said = compare(snapshot, offered)
    record_property("parity", said)
    with capsys.disabled():
        print(f"\nparity: {said}")  # noqa: T201  the number is the result


async def occupy(admin: Api, namespace: str, rng: random.Random, nodes: list[Json]) -> None:
    """Let half of the nodes' pods be there already: running, ended, and terminating ones."""
    # A NoExecute taint would have its occupants evicted while we compare.
    homes = [
        each["metadata"]["name"]
        for each in nodes
        if not any(taint["effect"] == "NoExecute" for taint in each["spec"]["taints"])
    ]
    for number in range(NODES):
        name, fate = f"occupant-{number}", rng.choice(["runs", "runs", "runs", "ends", "terminates"])
        occupant = cases.pod(rng, name, NOBODY, NODES)
        if fate == "ends":
            occupant["metadata"]["annotations"] = ENDS_AT_ONCE
            occupant["spec"]["restartPolicy"] = "Never"
        if fate == "terminates":
            occupant["metadata"]["finalizers"] = STAYS_FOR_EVER
        await admin.create(pods(namespace), occupant)
        target = {"apiVersion": "v1", "kind": "Node", "name": rng.choice(homes)}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        await admin.create(f"{core(namespace, 'pods', name)}/binding", binding)
        if fate == "terminates":
            await admin.delete(core(namespace, "pods", name))
    await admin.until(lambda: unsettled(admin, namespace), lambda names: not names, timeout_s=60)


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


def compare(snapshot: Snapshot, offered: Offered) -> str:
    """Compare every pod with every node; return in words how many pairs there were, and of which kinds."""
    verdicts: Counter[str] = Counter()
    explained: Counter[str] = Counter()
    faults = []
    for members in snapshot.members.values():
        (one,) = members
        assert not one.shape.unevaluated, f"{one.key} would be held, so its pairs prove nothing"
        feasible = offered.get(one.key.name, frozenset())
        for name, state in snapshot.nodes.items():
            refusal, theirs = may_run(one.shape, state), name in feasible
            verdicts[refusal.value if refusal is not None else "feasible"] += 1
            if judged_apart(one.shape, state) != (refusal is None):
                faults.append(
                    f"{one.key.name} on {name}: the tests' judge differs from the predicates ({refusal})"
                )
            if (refusal is None) == theirs:
                continue
            known = next((each for each in EXPLAINED if theirs and each.applies(one.shape, state)), None)
            if known is not None:
                explained[known.name] += 1
            else:
                faults.append(
                    f"{one.key.name} on {name}: {'only theirs' if theirs else 'only ours'} ({refusal}); "
                    f"{one.shape} on {state}"
                )
    pairs = verdicts.total()
    said = f"{pairs} pairs compared ({dict(verdicts)}), explained differences: {dict(explained)}"
    assert not faults, f"{len(faults)} of {pairs} pairs differ: {faults[:10]}; {said}"
    assert pairs >= CASES
    elsewhere = {Refusal.VOLUME}  # test_volume_parity
    missing = {"feasible", *(refusal.value for refusal in set(Refusal) - elsewhere)} - verdicts.keys()
    assert not missing, f"no pair shows {missing}, so nothing was proven of it"
    return said


def judged_apart(shape: PodShape, state: NodeState) -> bool:
    """Whether the tests' own judge would let the pod run there."""
    short = any(amount > state.free[name] for name, amount in shape.requests.items())
    clash = share_a_port(shape.host_ports, state.host_ports)
    return not short and not clash and not list(objections(shape, state.node))


async def unsettled(admin: Api, namespace: str) -> list[str]:
    """Return the pods that do not run, have not ended and are not being deleted."""
    return [
        one["metadata"]["name"]
        for one in await admin.list(pods(namespace))
        if "deletionTimestamp" not in one["metadata"]
        and one["status"].get("phase")
        != ("Succeeded" if one["metadata"].get("annotations") == ENDS_AT_ONCE else "Running")
    ]


async def judged(admin: Api, namespace: str) -> int:
    """Return how many pods kube-scheduler has said its last word of."""
    count = 0
    for one in await admin.list(pods(namespace)):
        conditions = {c["type"]: c for c in one.get("status", {}).get("conditions", [])}
        count += (
            one["spec"]["schedulerName"] == SCHEDULER
            and conditions.get("PodScheduled", {}).get("reason") == "Unschedulable"
        )
    return count
