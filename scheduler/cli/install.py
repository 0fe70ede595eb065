"""
`tutti install` and `tutti uninstall`: which of our manifests are put on the user's cluster or taken off it.

One mode is installed at a time, because two would serve the same pods: what belongs to the other mode alone is removed. `uninstall` asks
before it removes definitions, because every PodGroup goes with them.
Next: `applying` does it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scheduler.cli import images, live, manifests
from scheduler.cli.applying import Changes
from scheduler.cli.errors import CommandError
from scheduler.cli.manifests import Manifest
from scheduler.cli.options import Context, Format, Kubeconfig
from scheduler.cli.render import Output, show, table
from scheduler.config import Mode, Settings

install_app = typer.Typer()
uninstall_app = typer.Typer()

CrdsOnly = Annotated[
    bool, typer.Option("--crds-only", help="Only the definitions of PodGroup, Queue and Topology.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@install_app.command()
def install(
    mode: Annotated[
        Mode, typer.Option(help="Which deployment to install; that of the other mode is removed.")
    ] = Mode.STANDALONE,
    image: Annotated[
        str | None,
        typer.Option(
            help=f"The container image of Tutti, built with deploy/Containerfile; {images.PLACEHOLDER} if none is given.",
            show_default=False,
        ),
    ] = None,
    crds_only: CrdsOnly = False,
    dry_run: DryRun = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: Format = Output.TABLE,
) -> None:
    """
    Install definitions, roles and deployment on the cluster of the current kubeconfig context.

    There is no published image yet: build one, push it where the nodes can pull it, and name it with --image.
    """
    chosen = images.checked(image or images.PLACEHOLDER)
    if image is None and not crds_only:
        print(
            f"tutti: Without --image the Deployments name {chosen}, which is in no registry; nodes that do not have it cannot start them.",
            file=sys.stderr,
        )
    files = manifests.definitions() if crds_only else manifests.everything(frozenset({mode}))
    wanted = [(file, images.with_image(document, chosen)) for file, document in manifests.documents(files)]
    unwanted = [] if crds_only else manifests.of_other_modes(mode)
    done = live.run(_install(kubeconfig, context, wanted, unwanted, dry_run=dry_run))
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
    unwanted = [document for _, document in manifests.documents(files)[::-1]]
    done = live.run(_uninstall(kubeconfig, context, unwanted, dry_run=dry_run))
    _report(done, output)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise CommandError(
            "Every PodGroup, Queue and Topology goes with the definitions; say --yes if that is meant."
        )
    if not typer.confirm("Every PodGroup, Queue and Topology goes with the definitions. Go on?", err=True):
        raise CommandError("Nothing was removed.")


async def _install(
    kubeconfig: Path | None,
    context: str | None,
    wanted: Sequence[tuple[Path, Manifest]],
    unwanted: Sequence[Manifest],
    *,
    dry_run: bool,
) -> list[dict[str, str]]:
    async with live.connected(kubeconfig, context, Settings()) as transport:
        changes = Changes(transport, dry_run=dry_run)
        for file, document in wanted:
            await changes.apply(document, file=file.name)
        for document in unwanted:  # last: until then one of the two leads, by their common Lease
            await changes.remove(document, tell_absent=False)
        return changes.rows


async def _uninstall(
    kubeconfig: Path | None, context: str | None, unwanted: Sequence[Manifest], *, dry_run: bool
) -> list[dict[str, str]]:
    async with live.connected(kubeconfig, context, Settings()) as transport:
        changes = Changes(transport, dry_run=dry_run)
        for document in unwanted:
            await changes.remove(document, tell_absent=True)
        return changes.rows


def _report(done: list[dict[str, str]], output: Output) -> None:
    def as_table(console: Console) -> None:
        table(
            console,
            ("KIND", "NAME", "RESULT"),
            [(each["kind"], each["name"], each["result"]) for each in done],
        )

    show(done, output, as_table)
