"""Every test of this room ends with nobody left running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scheduler.localcluster import ClusterOptions, LocalCluster, NodeShape
from tests.localcluster.fakes import left_over, until, write_programs

FEW = NodeShape(count=2, racks=1, blocks=1)

Clusters = Callable[..., LocalCluster]


@pytest.fixture
def binaries(tmp_path: Path) -> Path:
    return write_programs(tmp_path / "bin")


@pytest.fixture
def clusters(tmp_path: Path, binaries: Path) -> Iterator[Clusters]:
    """Makes clusters of fake programs by name, and takes them down."""
    made: dict[str, LocalCluster] = {}

    def cluster(name: str = "one", nodes: NodeShape = FEW, **options: object) -> LocalCluster:
        chosen = ClusterOptions(**options)  # type: ignore[arg-type]
        made[name] = LocalCluster(tmp_path / name, nodes, bin_dir=binaries, options=chosen)
        return made[name]

    yield cluster
    for file in binaries.glob("*.holds"):
        file.unlink()
    for each in made.values():
        if each.layout.root.is_dir():
            each.layout.root.chmod(0o755)
            each.down()
    until(lambda: not left_over(tmp_path), within_s=5.0)
