"""Apply YAML to the API server by server-side apply: doing it twice changes nothing."""

from __future__ import annotations

import http
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from scheduler.localcluster.apiserver import APPLY, ApiServer
from scheduler.localcluster.errors import LocalClusterError

_FIELD_MANAGER = "tutti-local-cluster"
_ESTABLISHED_WITHIN_S = 20.0


def read(paths: Iterable[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """Every document of the files; a folder means its *.yaml, by name."""
    found: list[tuple[Path, dict[str, Any]]] = []
    for path in paths:
        files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
        for file in files:
            try:
                documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
            except OSError as error:
                raise LocalClusterError(
                    f"The manifest {file} cannot be read ({error.strerror}); check the path."
                ) from error
            except yaml.YAMLError as error:
                raise LocalClusterError(
                    f"The manifest {file} is not YAML: {' '.join(str(error).split())}."
                ) from error
            found += [(file, each) for document in documents for each in _flat(document, file)]
    return found


def apply(server: ApiServer, documents: Iterable[tuple[Path | str, Mapping[str, Any]]]) -> int:
    """Apply in order, waiting for each CustomResourceDefinition to be served; returns how many."""
    resources: dict[tuple[str, str], tuple[str, bool]] = {}
    count = 0
    for origin, document in documents:
        kind, version, metadata = document["kind"], document["apiVersion"], document["metadata"]
        if (version, kind) not in resources:
            resources.update(_discover(server, version))
        if (version, kind) not in resources:
            raise LocalClusterError(
                f"{origin}: the API server knows no {kind} in {version}; apply its definition first."
            )
        plural, namespaced = resources[(version, kind)]
        base = _base(version)
        if namespaced:
            base += f"/namespaces/{quote(metadata.get('namespace', 'default'))}"
        target = f"{base}/{plural}/{quote(metadata['name'])}"
        answer = server.request(
            "PATCH", f"{target}?fieldManager={_FIELD_MANAGER}&force=true", document, APPLY
        )
        if answer.code not in {http.HTTPStatus.OK, http.HTTPStatus.CREATED}:
            raise LocalClusterError(f"{origin}: {kind} {metadata['name']} was refused: {answer.message()}")
        if kind == "CustomResourceDefinition":
            _established(server, target, str(origin))
        count += 1
    return count


def _flat(document: Any, file: Path) -> list[dict[str, Any]]:
    if document is None:
        return []
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        return [each for item in document["items"] for each in _flat(item, file)]
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if (
        not isinstance(metadata, dict)
        or not metadata.get("name")
        or not document.get("kind")
        or not document.get("apiVersion")
    ):
        raise LocalClusterError(
            f"The manifest {file} holds something without apiVersion, kind and metadata.name; complete it."
        )
    return [document]


def _base(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _discover(server: ApiServer, version: str) -> dict[tuple[str, str], tuple[str, bool]]:
    # A definition just established may take a moment to show in discovery.
    give_up_at = time.monotonic() + _ESTABLISHED_WITHIN_S
    while True:
        answer = server.request("GET", _base(version))
        if answer.code == http.HTTPStatus.OK:
            listed = answer.json()["resources"]
            return {
                (version, each["kind"]): (each["name"], each["namespaced"])
                for each in listed
                if "/" not in each["name"]
            }
        if time.monotonic() > give_up_at:
            return {}
        time.sleep(0.1)


def _established(server: ApiServer, target: str, origin: str) -> None:
    give_up_at = time.monotonic() + _ESTABLISHED_WITHIN_S
    while time.monotonic() < give_up_at:
        conditions = server.request("GET", target).json().get("status", {}).get("conditions", [])
        states = {each["type"]: each for each in conditions or ()}
        if states.get("Established", {}).get("status") == "True":
            return
        refused = states.get("NonStructuralSchema") or states.get("NamesAccepted", {})
        if refused.get("type") == "NonStructuralSchema" or refused.get("status") == "False":
            raise LocalClusterError(f"{origin}: the definition is not accepted: {refused.get('message', '')}")
        time.sleep(0.05)
    raise LocalClusterError(
        f"{origin}: the definition was not established in {_ESTABLISHED_WITHIN_S:.0f} s; see the API server's log."
    )
