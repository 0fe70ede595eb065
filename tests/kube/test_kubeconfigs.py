"""What another program is handed names the same cluster and identity as ours, however ours was put together."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler.kube import credentials, kubeconfigs
from tests.kube.kubeconfigs import kubeconfig


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv(credentials.IN_CLUSTER_HOST, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def flat(kubeconfig: Path | None = None, context: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cluster and user of the flattened kubeconfig, which has no other."""
    document = yaml.safe_load(kubeconfigs.flattened(kubeconfig, context) or "")
    ((cluster,), (user,), (context_entry,)) = (document[key] for key in ("clusters", "users", "contexts"))
    assert document["current-context"] == context_entry["name"]
    assert context_entry["context"] == {"cluster": cluster["name"], "user": user["name"]}
    return cluster["cluster"], user["user"]


def partial(path: Path, **content: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **content}))
    return path


def test_files_that_environment_lists_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = partial(
        tmp_path / "one" / "config",
        clusters=[{"name": "c", "cluster": {"server": "https://c:1", "certificate-authority": "ca.crt"}}],
    )
    two = partial(
        tmp_path / "two" / "config",
        users=[{"name": "u", "user": {"tokenFile": "token"}}],
        contexts=[{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        **{"current-context": "x"},
    )
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (one, tmp_path / "absent", two))))
    assert flat() == (
        {"server": "https://c:1", "certificate-authority": str(tmp_path / "one" / "ca.crt")},
        {"tokenFile": str(tmp_path / "two" / "token")},
    )


def test_first_file_that_names_a_context_wins_as_for_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        partial(
            tmp_path / name / "config",
            clusters=[{"name": name, "cluster": {"server": f"http://{name}:1"}}],
            contexts=[{"name": name, "context": {"cluster": name}}],
            **{"current-context": name},
        )
        for name in ("first", "last")
    ]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, made)))
    assert credentials.load(None).server == "http://first:1"
    assert flat() == ({"server": "http://first:1"}, {})


def test_context_that_flag_names_is_the_one(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config")
    assert flat(path)[1] == {"token": "secret"}
    assert flat(path, "nobody")[1] == {}


def test_default_file_is_used_where_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config")
    assert flat()[1] == {"token": "secret"}


@pytest.mark.parametrize(("command", "expected"), [("aws", "aws"), ("./bin/aws", "{}/bin/aws")])
def test_plugin_is_found_from_anywhere(tmp_path: Path, command: str, expected: str) -> None:
    path = kubeconfig(tmp_path / "config", {"exec": {"command": command, "args": ["token"]}})
    assert flat(path)[1] == {"exec": {"command": expected.format(tmp_path), "args": ["token"]}}


def test_pod_has_none_to_hand_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(credentials.IN_CLUSTER_HOST, "10.0.0.1")
    assert kubeconfigs.flattened(None) is None
