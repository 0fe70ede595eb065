"""`tutti topology show`: the network as Tutti sees it, from which evidence, and what is free in each domain."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scheduler.cli import live
from scheduler.cli.errors import CommandError
from scheduler.cli.options import Config, Context, Format, Kubeconfig
from scheduler.cli.render import Output, show
from scheduler.cli.topology_view import words
from scheduler.cli.topology_view.document import as_document, inside
from scheduler.cli.topology_view.files import Loaded, load
from scheduler.model.ids import NodeName
from scheduler.sources.fabric_lists import Reading
from scheduler.topology import compile_tree

app = typer.Typer(no_args_is_help=True, help="Show the network as Tutti sees it.")


class Form(StrEnum):
    """How the topology is drawn for people."""

    TREE = "tree"
    TABLE = "table"


@app.callback()
def topology() -> None:
    """Show the network as Tutti sees it."""


@app.command("show")
def show_command(
    form: Annotated[Form, typer.Option(help="A tree of domains, or a table of them.")] = Form.TREE,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Read the cluster from a file instead: Kubernetes objects or a nested list of hosts in YAML or JSON, "
            "a list of hosts in CSV, or what `tutti snapshot` has saved.",
            show_default=False,
        ),
    ] = None,
    reading: Annotated[
        Reading,
        typer.Option(help="How a list of Lingjun hosts is read: a leaf per ASW, or per pair of PSW and ASW."),
    ] = Reading.ASW,
    host: Annotated[
        str | None,
        typer.Option(
            help="Show the inside of this host: GPUs, cards, NUMA zones, links.", show_default=False
        ),
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Draw a picture to this file as well.", show_default=False)
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    output: Format = Output.TABLE,
) -> None:
    """
    Show levels and domains, the evidence they rest on, what is disputed, and what is free in each.

    A picture needs matplotlib, which the extra `reports` brings.
    """
    if png is not None:
        from scheduler.cli.topology_view import picture  # noqa: PLC0415

        picture.require(png)
    loaded = load(file, reading) if file is not None else _live(kubeconfig, context, config)
    snapshot = loaded.snapshot
    tree = compile_tree(snapshot.evidence, snapshot.nodes)
    if png is not None:
        picture.draw(snapshot, tree, png, source=file.name if file is not None else "live cluster")
    if host is not None:
        if host not in tree.index:
            raise CommandError(f"There is no host {host}; the tree without --host names them.", 1)
        of_host = inside(snapshot, tree, NodeName(host))
        show(of_host, output, lambda console: words.draw_inside(console, of_host))
        return
    document = as_document(snapshot, tree)
    draw = words.draw_tree if form is Form.TREE else words.draw_table
    show(document, output, lambda console: draw(console, document))
    if output is Output.TABLE:
        for line in (loaded.assumed, f"The picture is in {png}." if png is not None else ""):
            if line:
                print(line)


def _live(kubeconfig: Path | None, context: str | None, config: Path | None) -> Loaded:
    settings = live.settings_of(config)

    async def read() -> live.Seen:
        async with live.connected(kubeconfig, context, settings) as transport:
            return await live.seen(transport, settings)

    return Loaded(live.run(read()).snapshot)
