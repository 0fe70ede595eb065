"""
`tutti install` and `tutti uninstall`: server-side apply of our manifests over the user's own connection.

Applying twice changes nothing. `uninstall` asks before it removes definitions, because every PodGroup goes with them.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.console import Console

from scheduler.cli import live, manifests
from scheduler.cli.errors import CommandError
from scheduler.cli.manifests import Manifest
from scheduler.cli.options import Context, Format, Kubeconfig
from scheduler.cli.render import Output, show, table
from scheduler.config import Mode, Settings
from scheduler.kube import errors
from scheduler.kube.transport import Transport

install_app = typer.Typer()
uninstall_app = typer.Typer()

APPLY: Final = "application/apply-patch+yaml"
MANAGER: Final = "tutti-install"
SERVED_WITHIN_S: Final = 30.0
PLACEHOLDER: Final = "tutti:0.1.0"
DEFINITION: Final = "CustomResourceDefinition"

CrdsOnly = Annotated[
    bool, typer.Option("--crds-only", help="Only the definitions of PodGroup, Queue and Topology.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@install_app.command()
def install(
    mode: Annotated[Mode, typer.Option(help="Which deployment to install.")] = Mode.STANDALONE,
    image: Annotated[
        str, typer.Option(help="The container image of Tutti; see deploy/Containerfile.")
    ] = PLACEHOLDER,
    crds_only: CrdsOnly = False,
    dry_run: DryRun = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Format = Output.TABLE,
) -> None:
    """Install definitions, roles and deployment on the cluster of the current kubeconfig context."""
    files = manifests.definitions() if crds_only else manifests.everything(frozenset({mode}))
    wanted = [(file, _with_image(document, image)) for file, document in manifests.documents(files)]
    done = live.run(_install(kubeconfig, context, wanted, dry_run=dry_run))
    _report(done, output)


@uninstall_app.command()
def uninstall(
    crds_only: CrdsOnly = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Format = Output.TABLE,
) -> None:
    """Remove what `tutti install` has installed, with every PodGroup, Queue and Topology. Pods that run stay."""
    files = manifests.definitions() if crds_only else manifests.everything(frozenset(Mode))
    if not (yes or dry_run):
        _ask()
    done = live.run(_uninstall(kubeconfig, context, manifests.documents(files)[::-1], dry_run=dry_run))
    _report(done, output)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise CommandError(
            "Every PodGroup, Queue and Topology goes with the definitions; say --yes if that is meant."
        )
    if not typer.confirm("Every PodGroup, Queue and Topology goes with the definitions. Go on?", err=True):
        raise CommandError("Nothing was removed.")


async def _install(
    kubeconfig: Path | None, context: str | None, wanted: Sequence[tuple[Path, Manifest]], *, dry_run: bool
) -> list[dict[str, str]]:
    done = []
    async with live.connected(kubeconfig, context, Settings()) as transport:
        paths = _Paths(transport)
        for file, document in wanted:
            try:
                path = await paths.of(document)
                was_there = path is not None and await _exists(transport, path)
                if not dry_run:
                    await _apply(transport, path, document)
            except errors.ApiError as problem:
                raise CommandError(f"{file.name}: {_name(document)} was not applied: {problem}") from problem
            words = (
                ("would be updated" if was_there else "would be created")
                if dry_run
                else ("applied" if was_there else "created")
            )
            done.append({"kind": document["kind"], "name": document["metadata"]["name"], "result": words})
    return done


async def _uninstall(
    kubeconfig: Path | None, context: str | None, wanted: Sequence[tuple[Path, Manifest]], *, dry_run: bool
) -> list[dict[str, str]]:
    done = []
    async with live.connected(kubeconfig, context, Settings()) as transport:
        paths = _Paths(transport)
        for _, document in wanted:
            path = await paths.of(document)
            is_there = path is not None and await _exists(transport, path)
            if is_there and path is not None and not dry_run:
                try:
                    await transport.delete(path)
                except errors.NotFound:  # went with its namespace
                    is_there = False
            words = ("would be removed" if dry_run else "removed") if is_there else "not there"
            done.append({"kind": document["kind"], "name": document["metadata"]["name"], "result": words})
    return done


def _with_image(document: Manifest, image: str) -> Manifest:
    """Return a workload with our image put in the place of the placeholder; anything else as it is."""
    pod = (
        document.get("spec", {}).get("template", {}).get("spec") if document["kind"] == "Deployment" else None
    )
    for container in [*pod.get("initContainers", ()), *pod.get("containers", ())] if pod else ():
        if container.get("image") == PLACEHOLDER:
            container["image"] = image
    return document


class _Paths:
    """Where objects are on the server, by discovery, asked once per API version."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, dict[str, tuple[str, bool]]] = {}

    async def of(self, document: Manifest) -> str | None:
        """Return the path of an object; None when the server does not serve its kind yet."""
        version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if version not in self._known:
            self._known[version] = await self._discovered(base)
        if kind not in self._known[version]:
            return None
        plural, is_namespaced = self._known[version][kind]
        inside = f"/namespaces/{quote(metadata.get('namespace', 'default'))}" if is_namespaced else ""
        return f"{base}{inside}/{plural}/{quote(metadata['name'])}"

    async def _discovered(self, base: str) -> dict[str, tuple[str, bool]]:
        try:
            listed = json.loads(await self._transport.get(base))["resources"]
        except errors.NotFound:
            return {}
        return {
            each["kind"]: (each["name"], each["namespaced"]) for each in listed if "/" not in each["name"]
        }


async def _apply(transport: Transport, path: str | None, document: Manifest) -> None:
    if path is None:
        raise CommandError(
            f"The API server knows no {document['kind']} in {document['apiVersion']}; it may be too old."
        )
    await transport.patch(f"{path}?fieldManager={MANAGER}&force=true", json.dumps(document).encode(), APPLY)
    if document["kind"] == DEFINITION:
        await _established(transport, path)


async def _established(transport: Transport, path: str) -> None:
    """Wait until the server serves the kind, so that what follows may use it."""
    try:
        async with asyncio.timeout(SERVED_WITHIN_S):
            while not _is_established(json.loads(await transport.get(path))):  # noqa: ASYNC110  a second at most
                await asyncio.sleep(0.1)
    except TimeoutError as problem:
        raise CommandError(
            f"The API server does not serve {path.rsplit('/', 1)[1]} after {SERVED_WITHIN_S:.0f} s; see its conditions."
        ) from problem


def _is_established(definition: dict[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


async def _exists(transport: Transport, path: str) -> bool:
    try:
        await transport.get(path)
    except errors.NotFound:
        return False
    return True


def _name(document: Manifest) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def _report(done: list[dict[str, str]], output: Output) -> None:
    def as_table(console: Console) -> None:
        table(
            console,
            ("KIND", "NAME", "RESULT"),
            [(each["kind"], each["name"], each["result"]) for each in done],
        )

    show(done, output, as_table)
