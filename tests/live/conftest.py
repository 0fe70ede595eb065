"""
One real control plane for the whole live suite: 64 nodes with 8 GPUs, our definitions and roles applied.

Tests share it, so each works in a namespace of its own (`namespace`) and gives the room back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape
from tests.live.api import Api

ROOT = Path(__file__).resolve().parents[2]


def manifests() -> tuple[Path, ...]:
    """What `tutti install` would apply, as far as a control plane without containers can use it."""
    return (*sorted((ROOT / "crds").glob("*.yaml")), *sorted((ROOT / "deploy").glob("rbac*.yaml")))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """The suite's control plane. fsync is off: nothing here measures durability, and a crash of the disk is no case."""
    directory = tmp_path_factory.mktemp("cluster")
    options = ClusterOptions(manifests=manifests(), etcd_fsync=False, pod_start_delay_s=0.1)
    with LocalCluster(directory, NodeShape(count=64, gpus=8), options=options) as running:
        yield running


@pytest_asyncio.fixture
async def admin(cluster: LocalCluster) -> AsyncIterator[Api]:
    async with Api(cluster.kubeconfig("admin")) as api:
        yield api


@pytest_asyncio.fixture
async def tenant(cluster: LocalCluster) -> AsyncIterator[Api]:
    """An ordinary user with the role `edit`, which our roles extend to PodGroups."""
    async with Api(cluster.kubeconfig("tenant")) as api:
        yield api


@pytest_asyncio.fixture
async def observer(cluster: LocalCluster) -> AsyncIterator[Api]:
    """Reads everything, changes nothing, belongs to nobody."""
    async with Api(cluster.kubeconfig("observer")) as api:
        yield api


@pytest_asyncio.fixture
async def namespace(admin: Api) -> AsyncIterator[str]:
    """A namespace for one test; its pods are gone when the test is over."""
    name = await admin.namespace()
    yield name
    await admin.remove(name)
