"""
What `tutti install` applies: definitions and roles, and the deployment of one mode.

In a wheel the files lie beside this module, in a checkout at its top. May not: apply anything; `install` does.
"""

from pathlib import Path
from typing import Any, Final

import yaml

from scheduler.cli.errors import CommandError
from scheduler.config import Mode

PACKAGED: Final = Path(__file__).parent / "manifests"
CHECKOUT: Final = Path(__file__).resolve().parents[2]

Manifest = dict[str, Any]


def root() -> Path:
    """Return the folder that holds ``crds`` and ``deploy``."""
    for place in (PACKAGED, CHECKOUT):
        if (place / "crds" / "podgroup.yaml").is_file():
            return place
    raise CommandError(f"The manifests are in neither {PACKAGED} nor {CHECKOUT}; install the package again.")


def definitions() -> tuple[Path, ...]:
    """Return the files of the CustomResourceDefinitions."""
    return tuple(sorted((root() / "crds").glob("*.yaml")))


def definitions_and_roles() -> tuple[Path, ...]:
    """Return what a control plane without containers can use: definitions, then roles."""
    return (*definitions(), root() / "deploy" / "rbac.yaml")


def everything(modes: frozenset[Mode]) -> tuple[Path, ...]:
    """Return definitions, roles and deployments, in the order to apply them. A file named after a mode is for that mode only."""
    first = definitions_and_roles()
    # rbac-users gives rights to bare certificate names, for processes outside of the cluster; nobody gets those unasked.
    left_out = {*first, root() / "deploy" / "rbac-users.yaml"}
    others = [path for path in sorted((root() / "deploy").glob("*.yaml")) if path not in left_out]
    return (*first, *(path for path in others if _mode_of(path) in {None, *modes}))


def documents(paths: tuple[Path, ...]) -> list[tuple[Path, Manifest]]:
    """Return every object of the files. What has no name, like a component's configuration, is no object."""
    found = []
    for path in paths:
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if isinstance(document, dict) and document.get("metadata", {}).get("name"):
                found.append((path, document))
    return found


def of_other_modes(mode: Mode) -> list[Manifest]:
    """Return the objects that only other modes have, the last to apply first."""
    kept = {identity(document) for _, document in documents(everything(frozenset({mode})))}
    others = documents(everything(frozenset(Mode) - {mode}))
    return [document for _, document in others[::-1] if identity(document) not in kept]


def identity(document: Manifest) -> tuple[str, str, str, str]:
    """Return API version, kind, namespace ("" if it names none) and name."""
    metadata = document["metadata"]
    return document["apiVersion"], document["kind"], metadata.get("namespace", ""), metadata["name"]


def _mode_of(path: Path) -> Mode | None:
    if path.stem == "kube-scheduler-config":
        return Mode.EXTENDER
    return next((mode for mode in Mode if path.stem.startswith(mode.value)), None)
