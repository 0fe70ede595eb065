"""A saved snapshot is written whole, into what is there: links are followed, and devices and pipes stay what they are."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from scheduler.kube import dump
from scheduler.kube.dump import DumpError
from scheduler.model.ids import NodeName
from scheduler.model.nodes import Node
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot

SNAPSHOT = Snapshot(nodes={NodeName("n"): NodeState(Node(NodeName("n"), Resources({"cpu": 1})))})


def test_target_of_a_link_is_written_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "file", tmp_path / "link"
    link.symlink_to(Path("there") / "file")
    for _ in range(2):  # the target is made, then replaced
        dump.save(SNAPSHOT, link)
        assert link.is_symlink()
        assert dump.load(target) == SNAPSHOT
    assert [path.name for path in target.parent.iterdir()] == ["file"]


@pytest.fixture
def device(tmp_path: Path) -> Callable[[int], Path]:
    """Makes a device of this minor number, so that no real one is at stake: 3 is null, 7 is full."""

    def make(minor: int) -> Path:
        path = tmp_path / "device"
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
            path.open("wb").close()
        except OSError:
            pytest.skip("only root may make a device, on a file system that has some")
        return path

    return make


def test_device_is_written_into_and_stays(device: Callable[[int], Path]) -> None:
    null = device(3)
    dump.save(SNAPSHOT, null)
    assert stat.S_ISCHR(null.stat().st_mode)
    assert list(null.parent.iterdir()) == [null]


def test_full_device_is_named_and_stays(device: Callable[[int], Path]) -> None:
    full = device(7)
    with pytest.raises(DumpError, match=f"{full}: No space left on device; name another file"):
        dump.save(SNAPSHOT, full)
    assert stat.S_ISCHR(full.stat().st_mode)


def test_pipe_is_written_into_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    dump.save(SNAPSHOT, pipe)
    reader.join(60)
    assert read == [dump.encoded(SNAPSHOT)]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("name", ["folder", "nowhere/file", "file/below", "circle"])
def test_place_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "circle").symlink_to("circle")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DumpError) as raised:
        dump.save(SNAPSHOT, tmp_path / name)
    assert str(raised.value).startswith(f"The snapshot cannot be written to {tmp_path / name}: ")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "file").read_text() == "mine"
