"""
Volumes against the real kube-scheduler: for generated pods with claims, both must find the same nodes feasible.

Node affinity and zone labels of volumes, claims in every state, ReadWriteOncePod, CSI limits with volumes of pods that stand and of
VolumeAttachments. Nothing is bound while they are asked. The tests' own judge (`tests.checker`) is compared as well. TUTTI_PARITY_CASES
sets the number of pairs of a pod and a node.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import yaml

from scheduler.engine.attachments import Attachments
from scheduler.engine.feasibility import may_run
from scheduler.engine.mounts import MountTable
from scheduler.localcluster import ClusterOptions, LocalCluster
from scheduler.model.pods import Pod
from scheduler.model.snapshot import Snapshot
from tests.checker.mounts import misfits
from tests.checker.rules import objections
from tests.company import feasible
from tests.live.api import Api, core, pods
from tests.live.conftest import manifests
from tests.live.parity import volume_cases as cases
from tests.live.parity.asking import SCHEDULER, Offered, asked
from tests.live.parity.test_parity import CASES, NOBODY, judged, seen, unsettled

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(300 + CASES // 100)]

SEED = 41
NODES = 60
CLAIMS = 160
STANDING = 90
ATTACHED = 40
PODS = -(-CASES // NODES)
STORAGE = "/apis/storage.k8s.io/v1"


async def test_both_find_the_same_nodes_in_reach_of_the_volumes(
    tmp_path: Path, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(SEED)
    nodes = [cases.node(rng, f"node-{number:04d}") for number in range(NODES)]
    source = tmp_path / "nodes.yaml"
    source.write_text(yaml.safe_dump_all(nodes))
    options = ClusterOptions(manifests=manifests(), etcd_fsync=False, kube_scheduler=False)
    with LocalCluster(tmp_path / "cluster", source, options=options) as cluster:
        async with Api(cluster.kubeconfig("admin")) as admin:
            namespace = await admin.namespace()
            await _furnish(admin, namespace, rng)
            claims = [f"claim-{number}" for number in range(CLAIMS)]
            with asked(cluster, tmp_path) as offered:
                wanted = [cases.pod(rng, f"asked-{number}", SCHEDULER, claims) for number in range(PODS)]
                await admin.create_all(pods(namespace), wanted)
                await admin.until(
                    lambda: judged(admin, namespace), lambda count: count == PODS, timeout_s=60 + PODS
                )
                async with seen(cluster.kubeconfig("admin"), PODS) as snapshot:
                    said = _compare(snapshot, offered)
    record_property("parity", said)
    with capsys.disabled():
        print(f"\nparity of volumes: {said}")  # noqa: T201  the number is the result


async def _furnish(admin: Api, namespace: str, rng: random.Random) -> None:
    """Make classes, drivers, claims and their volumes; let pods stand that use some, and volumes be attached without."""
    for each in cases.CLASSES:
        await admin.create(f"{STORAGE}/storageclasses", each)
    for each in cases.DRIVERS:
        await admin.create(f"{STORAGE}/csidrivers", each)
    for number in range(NODES):
        of_node = cases.csi_node(rng, f"node-{number:04d}")
        if of_node is not None:
            await admin.create(f"{STORAGE}/csinodes", of_node)
    volumes = []
    for number in range(CLAIMS):
        wanted, exists = cases.claim(rng, f"claim-{number}", f"volume-{number}")
        made = await admin.create(core(namespace, "persistentvolumeclaims"), wanted)
        if exists:
            made_volume = cases.volume(rng, f"volume-{number}", CLAIMS * 3 // 4, made)
            await admin.create("/api/v1/persistentvolumes", made_volume)
            volumes.append(f"volume-{number}")
        elif wanted["spec"].get("volumeName"):
            path = core(namespace, "persistentvolumeclaims", f"claim-{number}")
            await admin.patch(f"{path}/status", {"status": {"phase": "Lost"}})
    for number in range(ATTACHED):
        home = f"node-{rng.randrange(NODES):04d}"
        attached = cases.attachment(rng, f"attached-{number}", home, rng.choice(volumes))
        await admin.create(f"{STORAGE}/volumeattachments", attached)
    for number in range(STANDING):
        name = f"standing-{number}"
        # Half of the claims stay free, or nearly every ReadWriteOncePod would be in use.
        standing = cases.pod(rng, name, NOBODY, [f"claim-{each}" for each in range(0, CLAIMS, 2)])
        await admin.create(pods(namespace), standing)
        target = {"apiVersion": "v1", "kind": "Node", "name": f"node-{rng.randrange(NODES):04d}"}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        await admin.create(f"{core(namespace, 'pods', name)}/binding", binding)
    await admin.until(lambda: unsettled(admin, namespace), lambda names: not names, timeout_s=60)


def _compare(snapshot: Snapshot, offered: Offered) -> str:
    verdicts: Counter[str] = Counter()
    table = MountTable(
        snapshot, Attachments(snapshot.storage, tuple(snapshot.nodes.values())), late_binding=False
    )
    faults = []
    for members in snapshot.members.values():
        (one,) = members
        assert not one.shape.unevaluated, f"{one.key} would be held, so its pairs prove nothing"
        obstacle = table.obstacle([one])
        (mounted,) = table.mounted([one])
        ours = feasible(snapshot, mounted) if obstacle is None else set()
        theirs = offered.get(one.key.name, frozenset())
        for name, state in snapshot.nodes.items():
            refusal = obstacle.reason.value if obstacle is not None else may_run(mounted.shape, state)
            verdicts[_verdict(name in ours, str(refusal or ""))] += 1
            objection = next(chain(objections(one.shape, state.node), misfits(snapshot, one, state.node)), "")
            if (name in ours) != (not objection):
                faults.append(
                    f"{one.key.name} on {name}: the tests' judge differs from the engine ({objection})"
                )
            if (name in ours) != (name in theirs):
                who = "only theirs" if name in theirs else "only ours"
                faults.append(
                    f"{one.key.name} on {name}: {who} ({objection}); {_volumes(snapshot, one)}, {state}"
                )
    pairs = verdicts.total()
    said = f"{pairs} pairs compared ({dict(verdicts)})"
    assert not faults, f"{len(faults)} of {pairs} pairs differ: {faults[:10]}; {said}"
    assert pairs >= CASES
    expected = {"feasible", "volume out of reach", "too many attached", "VolumeNotReady"}
    assert not expected - verdicts.keys(), said
    assert min(verdicts[each] for each in expected) > CASES // 100, said
    return said


def _verdict(is_feasible: bool, refusal: str) -> str:
    return "feasible" if is_feasible else refusal or "too many attached"


def _volumes(snapshot: Snapshot, pod: Pod) -> list[object]:
    claims = [snapshot.storage.claims.get(key) for key in pod.claim_keys]
    return [(claim, snapshot.storage.volumes.get(claim.volume)) for claim in claims if claim is not None]
