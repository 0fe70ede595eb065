"""A gang of a thousand pods on a thousand nodes, in both modes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape
from tests.live.api import Api
from tests.live.conftest import manifests
from tests.live.proof.conftest import Tutti
from tests.live.proof.team import Team

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(600)]

NODES = 1000


@pytest.fixture(scope="module")
def thousand_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A control plane of its own with a thousand nodes."""
    options = ClusterOptions(manifests=manifests(), etcd_fsync=False, kube_scheduler=False)
    shape = NodeShape(count=NODES, gpus=8, racks=20, blocks=4)
    with LocalCluster(tmp_path_factory.mktemp("thousand"), shape, options=options) as cluster:
        yield cluster


@pytest.mark.parametrize("mode", ["standalone", "extender"])
async def test_gang_of_a_thousand_starts_whole(
    thousand_nodes: LocalCluster, tmp_path: Path, mode: str
) -> None:
    running = Tutti(thousand_nodes, mode, tmp_path)
    await asyncio.to_thread(running.start)
    try:
        async with Api(thousand_nodes.kubeconfig("admin")) as admin:
            namespace = await admin.namespace()
            team = Team(admin, namespace)
            await team.gang("ring", 1000, group={"topology": {"required": "block"}})
            placed = await team.until_whole("ring", 1000, within_s=180)
            assert len(set(placed.values())) == 125, "eight pods of one GPU fill a node of eight"
            await admin.remove(namespace)
    finally:
        await asyncio.to_thread(running.end)
