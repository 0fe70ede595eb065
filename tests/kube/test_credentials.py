"""A kubeconfig is used as kubectl would, and a bad one is one sentence that names the file."""

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler.kube import credentials
from scheduler.kube.credentials import CredentialsError


def kubeconfig(path: Path, user: Any = None, cluster: Any = None, **more: Any) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [
            {
                "name": "c",
                "cluster": cluster or {"server": "https://127.0.0.1:6443/", "insecure-skip-tls-verify": True},
            }
        ],
        "users": [{"name": "u", "user": user if user is not None else {"token": "secret"}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u"}},
            {"name": "nobody", "context": {"cluster": "c"}},
        ],
        **more,
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_token_becomes_a_header_and_is_not_shown(tmp_path: Path) -> None:
    loaded = credentials.load(kubeconfig(tmp_path / "config"))
    assert loaded.server == "https://127.0.0.1:6443"
    assert loaded.authorization == "Bearer secret"
    assert "secret" not in repr(loaded)


def test_another_context_can_be_named(tmp_path: Path) -> None:
    assert credentials.load(kubeconfig(tmp_path / "config"), "nobody").authorization is None
    with pytest.raises(CredentialsError, match="elsewhere"):
        credentials.load(kubeconfig(tmp_path / "config"), "elsewhere")


def test_a_token_file_is_read_again_on_renewal(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    loaded = credentials.load(kubeconfig(tmp_path / "config", {"tokenFile": str(token)}))
    assert loaded.authorization == "Bearer one"
    token.write_text("two")
    assert loaded.renew is not None
    assert loaded.renew() == "Bearer two"


def test_an_exec_plugin_is_asked_for_a_token(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-plugin"}}'
    plugin.write_text(f"#!{sys.executable}\nprint('{answer}')\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    assert credentials.load(kubeconfig(tmp_path / "config", user)).authorization == "Bearer from-plugin"


def test_the_default_is_what_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kubeconfig(tmp_path / "config")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'absent'}{os.pathsep}{path}")
    assert credentials.load(None).authorization == "Bearer secret"


def test_without_any_there_is_a_sentence_that_says_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CredentialsError, match="give --kubeconfig FILE"):
        credentials.load(None)


BAD_FILES = {
    "empty": b"",
    "not-yaml": b"{[",
    "not-text": b"\xff\xfe\x00\x01",
    "a-list": b"- 1\n",
    "no-context": b"apiVersion: v1\n",
    "sections-of-the-wrong-type": b"clusters: 3\ncontexts: []\nusers: []\ncurrent-context: x\n",
    "entries-of-the-wrong-type": b"clusters: [1]\ncontexts: [2]\nusers: [3]\ncurrent-context: x\n",
    "python-object": b"!!python/object/apply:os.system ['true']\n",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_hostile_file_is_one_sentence_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(CredentialsError) as raised:
        credentials.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


BAD_USERS = {
    "certificate-not-base64": {"client-certificate-data": "&&&", "client-key-data": "&&&"},
    "certificate-not-pem": {"client-certificate-data": "eA==", "client-key-data": "eA=="},
    "missing-certificate": {"client-certificate": "/nowhere/cert.pem", "client-key": "/nowhere/key.pem"},
    "missing-token-file": {"tokenFile": "/nowhere/token"},
    "exec-that-does-not-exist": {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/nowhere/plugin"}
    },
    "exec-that-fails": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}},
    "exec-that-is-a-number": {"exec": 7},
    "token-with-a-line-break": {"token": "a\nX-Evil: 1"},
}


@pytest.mark.parametrize("user", BAD_USERS.values(), ids=BAD_USERS.keys())
def test_a_user_that_cannot_be_used_is_one_sentence(tmp_path: Path, user: Any) -> None:
    with pytest.raises(CredentialsError) as raised:
        credentials.load(kubeconfig(tmp_path / "config", user))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("server", ["ftp://x", "127.0.0.1:6443", "https://", "https://x:notaport", ""])
def test_a_server_that_is_no_address_is_named(tmp_path: Path, server: str) -> None:
    with pytest.raises(CredentialsError):
        credentials.load(
            kubeconfig(tmp_path / "config", cluster={"server": server, "insecure-skip-tls-verify": True})
        )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="absent"):
        credentials.load(tmp_path / "absent")
