"""
Rules on other pods against the real kube-scheduler: for generated pods beside running ones, both must find the same nodes feasible.

Inter-pod affinity and anti-affinity, symmetric too, and topology spread, with all their fields. Nothing is bound while they are asked. The
tests' own judge (`tests.checker`) is compared as well. TUTTI_PARITY_CASES sets the number of pairs of a pod and a node.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
import yaml

from scheduler.localcluster import ClusterOptions, LocalCluster
from scheduler.model.pods import Pod
from scheduler.model.snapshot import Snapshot
from tests.checker.company import Standing, keeps_away, standing
from tests.checker.rules import objections
from tests.company import feasible
from tests.live.api import Api, core, pods
from tests.live.conftest import manifests
from tests.live.parity import neighbour_cases as cases
from tests.live.parity.asking import SCHEDULER, Offered, asked
from tests.live.parity.test_parity import CASES, NOBODY, STAYS_FOR_EVER, judged, seen, unsettled

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(300 + CASES // 100)]

SEED = 37
NODES = 60
STANDING = 90
PODS = -(-CASES // NODES)


async def test_both_find_the_same_nodes_feasible_beside_other_pods(
    tmp_path: Path, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(SEED)
    nodes = [cases.node(rng, f"node-{number:04d}") for number in range(NODES)]
    source = tmp_path / "nodes.yaml"
    source.write_text(yaml.safe_dump_all(nodes))
    options = ClusterOptions(manifests=manifests(), etcd_fsync=False, kube_scheduler=False)
    with LocalCluster(tmp_path / "cluster", source, options=options) as cluster:
        async with Api(cluster.kubeconfig("admin")) as admin:
            namespaces = [await admin.namespace() for _ in cases.NAMESPACE_KINDS]
            for name, labels in zip(namespaces, cases.NAMESPACE_KINDS, strict=True):
                await admin.patch(f"/api/v1/namespaces/{name}", {"metadata": {"labels": labels}})
            await _occupy(admin, namespaces, rng)
            with asked(cluster, tmp_path) as offered:
                for number in range(PODS):
                    wanted = cases.pod(rng, f"asked-{number}", SCHEDULER, namespaces, stands=False)
                    await admin.create(pods(rng.choice(namespaces)), wanted)
                await admin.until(
                    lambda: _judged_in(admin, namespaces), lambda count: count == PODS, timeout_s=60 + PODS
                )
                async with seen(cluster.kubeconfig("admin"), PODS) as snapshot:
                    said = _compare(snapshot, offered)
    record_property("parity", said)
    with capsys.disabled():
        print(f"\nparity beside other pods: {said}")  # noqa: T201  the number is the result


async def _occupy(admin: Api, namespaces: list[str], rng: random.Random) -> None:
    """Let pods stand: running ones, and some that terminate."""
    for number in range(STANDING):
        name, namespace = f"standing-{number}", rng.choice(namespaces)
        made = cases.pod(rng, name, NOBODY, namespaces, stands=True)
        made["spec"]["tolerations"] = [{"operator": "Exists"}]
        terminates = rng.random() < 0.15
        if terminates:
            made["metadata"]["finalizers"] = STAYS_FOR_EVER
        await admin.create(pods(namespace), made)
        target = {"apiVersion": "v1", "kind": "Node", "name": f"node-{rng.randrange(NODES):04d}"}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        await admin.create(f"{core(namespace, 'pods', name)}/binding", binding)
        if terminates:
            await admin.delete(core(namespace, "pods", name))
    for namespace in namespaces:
        await admin.until(lambda: unsettled(admin, namespace), lambda names: not names, timeout_s=60)  # noqa: B023


async def _judged_in(admin: Api, namespaces: list[str]) -> int:
    return sum([await judged(admin, namespace) for namespace in namespaces])


def _compare(snapshot: Snapshot, offered: Offered) -> str:
    there = standing(snapshot)
    verdicts: Counter[str] = Counter()
    used: Counter[str] = Counter()
    faults = []
    for members in snapshot.members.values():
        (one,) = members
        assert not one.shape.unevaluated, f"{one.key} would be held, so its pairs prove nothing"
        used.update(_rules_of(one))
        ours, theirs = feasible(snapshot, one), offered.get(one.key.name, frozenset())
        for name, state in snapshot.nodes.items():
            verdicts["feasible" if name in theirs else "not feasible"] += 1
            itself = Standing(state.node, one.key.namespace, one.labels, one.shape)
            objection = next(objections(one.shape, state.node), "") or keeps_away(snapshot, there, itself)
            if (name in ours) != (not objection):
                faults.append(
                    f"{one.key.name} on {name}: the tests' judge differs from the engine ({objection})"
                )
            if (name in ours) != (name in theirs):
                who = "only theirs" if name in theirs else "only ours"
                faults.append(
                    f"{one.key.name} on {name}: {who} ({objection}); {one.shape}, {dict(one.labels)}"
                )
    pairs = verdicts.total()
    said = f"{pairs} pairs compared ({dict(verdicts)}), pods by rule: {dict(used)}"
    assert not faults, f"{len(faults)} of {pairs} pairs differ: {faults[:10]}; {said}"
    assert pairs >= CASES
    assert min(verdicts["feasible"], verdicts["not feasible"]) > CASES // 10, said
    assert min(used[rule] for rule in ("affinity", "anti-affinity", "spread", "none")) > 0, said
    return said


def _rules_of(one: Pod) -> list[str]:
    rules, spreads = one.shape.rules, one.shape.spreads
    found = ["affinity"] if rules and rules.affinity else []
    found += ["anti-affinity"] if rules and rules.anti_affinity else []
    found += ["spread"] if any(spread.is_required for spread in spreads) else []
    return found or ["none"]
