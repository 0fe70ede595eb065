"""Kubeconfigs and exec plugins, as files."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import yaml

API = "client.authentication.k8s.io/v1"


def kubeconfig(path: Path, user: Any = None, cluster: Any = None, **more: Any) -> Path:
    """Write a kubeconfig of one cluster and one user."""
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


class Plugin:
    """An exec plugin that gives what it was last told to, and counts how often it was asked."""

    def __init__(self, directory: Path) -> None:
        self._answer, self._asked = directory / "answer", directory / "asked"
        self._program = directory / "plugin"
        self._program.write_text(
            f"#!{sys.executable}\n"
            f"open({str(self._asked)!r}, 'a').write('x')\n"
            f"print(open({str(self._answer)!r}).read())\n"
        )
        self._program.chmod(self._program.stat().st_mode | stat.S_IXUSR)

    def give(self, **status: str) -> None:
        """Give this from now on."""
        answer = {"apiVersion": API, "kind": "ExecCredential", "status": status}
        self._answer.write_text(json.dumps(answer))

    def fail(self) -> None:
        """Give nothing from now on."""
        self._answer.unlink()

    @property
    def asked(self) -> int:
        """How often it was run."""
        return len(self._asked.read_text()) if self._asked.exists() else 0

    @property
    def user(self) -> dict[str, Any]:
        """The user entry that names it."""
        return {"exec": {"apiVersion": API, "command": str(self._program), "interactiveMode": "Never"}}
