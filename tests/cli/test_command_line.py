"""The command line as a person meets it: what it lists, how fast it starts, and how it fails."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from scheduler.cli import app


@dataclass(frozen=True)
class Shown:
    code: int
    out: str
    err: str


Tutti = Callable[..., Shown]


@pytest.fixture
def tutti(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tutti:
    """The command line on a terminal of 80 columns, in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words: str) -> Shown:
        code = app.run(words)
        return Shown(code, *capsys.readouterr())

    return call


def test_version_names_the_version():
    words = [sys.executable, "-m", "scheduler.cli", "--version"]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "tutti 0.1.0\n", "")


def test_help_lists_every_command_and_imports_none():
    probe = (
        "import sys\n"
        "from scheduler.cli.app import run\n"
        "code = run(['--help'])\n"
        "heavy = {'kubernetes', 'aiohttp', 'kopf', 'fastapi', 'networkx', 'numpy', 'scheduler.wiring'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
        "sys.exit(code)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 0, shown.stderr
    for name in app.COMMANDS:
        assert f" {name} " in shown.stdout
    assert " bench " in shown.stdout, "a command of another package is listed beside ours"
    assert "heavy: []" in shown.stdout


@pytest.mark.parametrize("name", sorted(app.COMMANDS))
def test_every_command_has_help_within_80_columns(tutti: Tutti, name: str):
    shown = tutti(name, "--help")
    assert shown.code == 0, shown.err
    assert f"tutti {name}" in shown.out
    assert max(len(line.rstrip()) for line in shown.out.splitlines()) <= 80


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["rum"], "No such command 'rum'. Did you mean 'run'?", id="unknown-command"),
        pytest.param(["run"], "Missing option '--mode'", id="missing-flag"),
        pytest.param(["run", "--mode", "x"], "'x' is not one of 'extender', 'standalone'", id="unknown-mode"),
        pytest.param(
            ["run", "--mode", "standalone", "--components", "skeduler"],
            "--components names 'skeduler'; there are scheduler, operator.",
            id="unknown-component",
        ),
        pytest.param(
            ["run", "--mode", "standalone", "--kube-scheduler", "/bin/true"],
            "--kube-scheduler is for --mode extender",
            id="flag-of-other-mode",
        ),
        pytest.param(
            ["run", "--mode", "extender", "--kube-scheduler", "/nowhere/kube-scheduler"],
            "--kube-scheduler /nowhere/kube-scheduler is not a program",
            id="no-program",
        ),
        pytest.param(
            ["run", "--mode", "standalone", "--kubeconfig", "/nowhere/kubeconfig"],
            "The kubeconfig /nowhere/kubeconfig does not exist",
            id="no-kubeconfig-run",
        ),
        pytest.param(
            ["get", "groups", "--kubeconfig", "/nowhere/kubeconfig"],
            "The kubeconfig /nowhere/kubeconfig",
            id="no-kubeconfig-get",
        ),
        pytest.param(
            ["explain", "group", "train"], "'train' is not NAMESPACE/NAME", id="group-without-namespace"
        ),
        pytest.param(["demo", "--nodes", "2"], "--nodes", id="too-few-nodes"),
        pytest.param(["decide", "/nowhere/snapshot"], "/nowhere/snapshot cannot be read", id="no-snapshot"),
        pytest.param(
            ["run", "--mode", "standalone", "--config", "/nowhere/tutti.yaml"],
            "/nowhere/tutti.yaml cannot be read",
            id="no-config",
        ),
        pytest.param(
            ["bench", "live", "--case", "x", "--output", "yaml"], "--case x is not known", id="no-such-case"
        ),
        pytest.param(
            ["bench", "live", "--output", "xml"],
            "'xml' is not one of 'table', 'json', 'yaml'",
            id="no-such-output",
        ),
        pytest.param(["bench", "life"], "No such command 'life'.", id="unknown-benchmark"),
    ],
)
def test_wrong_use_is_one_sentence_and_code_2(tutti: Tutti, words: list[str], sentence: str):
    shown = tutti(*words)
    assert shown.code == 2
    assert sentence in shown.err
    assert len(shown.err.strip().splitlines()) == 1, shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ["conformance"],
        ["conformance", "--scheduler-name", "volcano"],
        ["simulate", "--trace", "F"],
        ["bench", "report", "--out", "D"],
    ],
    ids=" ".join,
)
def test_a_command_of_a_later_version_is_told_to_be_one_and_not_listed(tutti: Tutti, words: list[str]):
    shown = tutti(*words)
    *parents, name = words[: 2 if words[0] == "bench" else 1]
    group = " ".join(["tutti", *parents])
    assert (shown.code, shown.out) == (2, "")
    assert shown.err == (
        f"tutti: `{group} {name}` is not in this version yet; `{group} --help` lists what is.\n"
    )
    assert f" {name} " not in tutti(*parents, "--help").out


def test_debug_shows_where_it_failed_wherever_it_stands_on_the_line(tutti: Tutti):
    shown = tutti("explain", "group", "train", "--debug")
    assert shown.code == 2
    assert "Traceback" in shown.err
    assert shown.err.strip().splitlines()[-1].startswith("tutti: 'train' is not NAMESPACE/NAME")


def test_an_unreachable_server_is_named(tutti: Tutti, tmp_path: Path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "users: [{name: u, user: {}}]\n"
    )
    shown = tutti("get", "groups", "--kubeconfig", str(kubeconfig))
    assert shown.code == 2
    assert shown.err == (
        "tutti: The API server at http://127.0.0.1:1 cannot be reached (Connection refused); check that it runs, and that the "
        "kubeconfig names its address.\n"
    )


def test_ctrl_c_is_130_without_a_traceback_however_early_it_comes():
    probe = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from scheduler.cli.__main__ import main\n"
        "main()\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False
    )
    assert (shown.returncode, shown.stdout, shown.stderr) == (130, "", "")
