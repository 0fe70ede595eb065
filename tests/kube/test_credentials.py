"""A kubeconfig is used as kubectl would, and a bad one is one sentence that names the file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scheduler.extender import pki
from scheduler.kube import credentials
from scheduler.kube.credentials import CredentialsError
from tests.kube.kubeconfigs import API, Plugin, kubeconfig


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
    assert loaded.renew(False).authorization == "Bearer two"


def test_an_exec_plugin_is_asked_for_a_token(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    plugin.give(token="from-plugin")
    assert (
        credentials.load(kubeconfig(tmp_path / "config", plugin.user)).authorization == "Bearer from-plugin"
    )


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


# --- in a pod -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service account of the pod we run in."""
    directory = tmp_path / "serviceaccount"
    directory.mkdir()
    (directory / "ca.crt").write_bytes(pki.make(tmp_path / "keys", "10.96.0.1").authority.read_bytes())
    (directory / "token").write_text("first\n")
    (directory / "namespace").write_text("tutti-system")
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", directory)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return directory


def test_in_a_pod_the_service_account_is_who_we_are(account: Path) -> None:
    loaded = credentials.load(None)
    assert (loaded.server, loaded.authorization, loaded.namespace) == (
        "https://10.96.0.1:443",
        "Bearer first",
        "tutti-system",
    )
    assert loaded.tls is not None
    assert [each["subject"] for each in loaded.tls.get_ca_certs()] == [
        ((("commonName", "tutti extender authority"),),)
    ], "no other authority is trusted"


def test_a_kubeconfig_goes_before_the_pod(account: Path, tmp_path: Path) -> None:
    assert credentials.load(kubeconfig(tmp_path / "config")).authorization == "Bearer secret"


def test_an_ipv6_address_stands_in_brackets(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert credentials.load(None).server == "https://[fd00::1]:443"


def test_a_token_that_rotates_is_read_again_and_keeps_connections(account: Path) -> None:
    loaded = credentials.load(None)
    assert loaded.renew is not None
    (account / "token").write_text("second")
    renewed = loaded.renew(False)
    assert renewed.authorization == "Bearer second"
    assert renewed.tls is loaded.tls


def test_an_authority_that_rotates_is_trusted(account: Path, tmp_path: Path) -> None:
    loaded = credentials.load(None)
    assert loaded.renew is not None
    other = pki.make(tmp_path / "others", "10.96.0.1").authority.read_bytes()
    (account / "ca.crt").write_bytes(other)
    renewed = loaded.renew(False)
    assert renewed.tls is not None
    assert loaded.tls is not None
    assert renewed.tls.get_ca_certs(binary_form=True) != loaded.tls.get_ca_certs(binary_form=True)


BREAKAGES: dict[str, Callable[[Path], object]] = {
    "no-token": lambda account: (account / "token").unlink(),
    "empty-token": lambda account: (account / "token").write_text(""),
    "token-not-text": lambda account: (account / "token").write_bytes(b"\xff\xfe"),
    "token-of-two-lines": lambda account: (account / "token").write_text("a\nX-Evil: 1"),
    "no-authority": lambda account: (account / "ca.crt").unlink(),
    "empty-authority": lambda account: (account / "ca.crt").write_text(""),
    "authority-not-pem": lambda account: (account / "ca.crt").write_text("x"),
}


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES.keys())
def test_a_service_account_that_cannot_be_used_is_one_sentence(
    account: Path, breakage: Callable[[Path], object]
) -> None:
    loaded = credentials.load(None)
    breakage(account)
    assert loaded.renew is not None
    for again in (lambda: credentials.load(None), lambda: loaded.renew(False)):  # type: ignore[misc]
        with pytest.raises(CredentialsError) as raised:
            again()
        assert "\n" not in str(raised.value)


def test_a_pod_without_the_address_of_the_api_server_says_so(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_PORT")
    with pytest.raises(CredentialsError, match="service account cannot be used"):
        credentials.load(None)


@pytest.mark.parametrize("command", ["/nowhere/plugin", "false"])
def test_why_a_plugin_gave_nothing_is_in_the_sentence_and_nowhere_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    entry = {"apiVersion": API, "command": command, "interactiveMode": "Never"}
    with pytest.raises(CredentialsError) as raised:
        credentials.load(kubeconfig(tmp_path / "config", {"exec": entry}))
    why = "No such file or directory" if command != "false" else "process returned 1"
    assert f"names the exec plugin {command}, which gave no credential (" in str(raised.value)
    assert why in str(raised.value)
    assert capfd.readouterr() == ("", "")
