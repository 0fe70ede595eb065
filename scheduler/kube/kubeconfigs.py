"""
Our own cluster and identity as one kubeconfig, for a program that is started beside us and has no flag for a context.

Several files, a named context and relative paths become one file with one entry each, so that no other reading of $KUBECONFIG can lead
that program to another cluster. Nothing is asked of a plugin here: its entry is handed on.
"""

from pathlib import Path
from typing import Any, Final

import yaml

from scheduler.kube import credentials

NAME: Final = "tutti"
FILES: Final = frozenset({"certificate-authority", "client-certificate", "client-key", "tokenFile"})


def flattened(kubeconfig: Path | None, context: str | None = None) -> str | None:
    """
    Return the text of a kubeconfig with what `credentials.load` would use; None where that is the pod's own service account.

    It may hold secrets. Raises: credentials.CredentialsError.
    """
    paths = credentials.files(kubeconfig)
    if not paths:
        return None
    loader = credentials.loader_of(paths, context)
    user = _absolute(loader._user)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": _absolute(loader._cluster)}],
        "users": [{"name": NAME, "user": user}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "current-context": NAME,
    }
    return yaml.safe_dump(document, sort_keys=False)


def _absolute(entry: Any) -> dict[str, Any]:
    """Return a cluster or user of the `kubernetes` package's loader with paths that do not depend on where its file lies."""
    if entry is None:
        return {}
    home = Path(entry.path).absolute().parent
    values = {
        key: str(home / value) if key in FILES and value else value for key, value in entry.value.items()
    }
    plugin = values.get("exec")
    if isinstance(plugin, dict) and "/" in str(plugin.get("command", "")):  # else it is looked for on PATH
        values["exec"] = {**plugin, "command": str(home / plugin["command"])}
    return values
