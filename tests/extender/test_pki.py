"""Keys stay through a restart, for a kube-scheduler that has read them runs on; what is old, damaged or for another host does not."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.extender import pki

HOST = "127.0.0.1"


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_good_keys_are_kept(tmp_path: Path) -> None:
    made = pki.make(tmp_path, HOST)
    before = content(tmp_path)
    assert pki.make(tmp_path, HOST) == made
    assert content(tmp_path) == before


def test_keys_for_another_host_are_made_anew(tmp_path: Path) -> None:
    pki.make(tmp_path, HOST)
    before = content(tmp_path)
    pki.make(tmp_path, "tutti.example")
    assert not set(content(tmp_path).items()) & set(before.items())


def test_keys_past_the_middle_of_their_life_are_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as short:
        short.setattr(pki, "LIFETIME", timedelta(days=180))
        pki.make(tmp_path, HOST)
    before = content(tmp_path)
    pki.make(tmp_path, HOST)
    assert not set(content(tmp_path).items()) & set(before.items())


def lost(directory: Path, other: Path) -> None:
    (directory / "client.key").unlink()


def damaged(directory: Path, other: Path) -> None:
    (directory / "ca.crt").write_bytes(b"nothing")


def mixed_certificate(directory: Path, other: Path) -> None:
    shutil.copy(other / "client.crt", directory / "client.crt")


def mixed_key(directory: Path, other: Path) -> None:
    shutil.copy(other / "server.key", directory / "server.key")


@pytest.mark.parametrize("spoil", [lost, damaged, mixed_certificate, mixed_key])
def test_what_does_not_belong_together_is_made_anew(
    tmp_path: Path, spoil: Callable[[Path, Path], None]
) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    pki.make(ours, HOST)
    pki.make(other, HOST)
    spoil(ours, other)
    pki.make(ours, HOST)
    good = content(ours)
    assert len(good) == 5
    pki.make(ours, HOST)
    assert content(ours) == good
