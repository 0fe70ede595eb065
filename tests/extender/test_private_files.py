"""Keys and configuration: seen by nobody else, gone with the process, and one sentence when they cannot be kept."""

import stat
from pathlib import Path

import pytest

from scheduler.extender import pki, private_files
from scheduler.extender.private_files import LOG, StateDirError, kept_in


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def filled(directory: Path) -> None:
    pki.make(directory / "extender", "127.0.0.1")
    private_files.write(directory / "kube-scheduler.kubeconfig", b"token: secret")
    with private_files.appended(directory / LOG) as log:
        log.write(b"why\n")


def test_what_is_written_is_for_its_owner_alone_also_over_a_draft_for_all(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.with_suffix(".new").write_bytes(b"left over")
    path.with_suffix(".new").chmod(0o644)
    private_files.write(path, b"mine")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"mine", 0o600)


def test_nothing_stays_after_a_clean_end(tmp_path: Path) -> None:
    with kept_in(None) as directory:
        filled(directory)
    assert list(tmp_path.iterdir()) == []


def test_after_a_failure_the_log_alone_stays() -> None:
    with pytest.raises(RuntimeError), kept_in(None) as directory:
        filled(directory)
        raise RuntimeError
    assert [path.name for path in directory.iterdir()] == [LOG]


def test_after_a_failure_without_a_log_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), kept_in(None):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_named_folder_is_made_and_kept(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), kept_in(tmp_path / "a" / "b") as directory:
        filled(directory)
        raise RuntimeError
    assert (tmp_path / "a" / "b" / "extender" / "client.key").is_file()


@pytest.mark.parametrize("place", ["/proc/tutti", "{}/file/below", "{}/file"])
def test_place_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    directory = Path(place.format(tmp_path))
    with pytest.raises(StateDirError) as raised, kept_in(directory):
        pass
    assert str(raised.value).startswith(f"Keys and configuration cannot be kept in {directory} (")
    assert str(raised.value).endswith("; give --state-dir a folder that this user may write to.")
