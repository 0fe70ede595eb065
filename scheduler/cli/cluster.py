"""`tutti cluster`: a real control plane without containers, on this machine."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from scheduler.cli.errors import ANSWER_IS_NO
from scheduler.cli.interrupts import heed_signals_to_end
from scheduler.cli.manifests import definitions_and_roles
from scheduler.cli.options import Format
from scheduler.cli.progress import Progress
from scheduler.cli.render import Output, show, table
from scheduler.localcluster import ClusterOptions, ClusterStatus, LocalCluster, NodeShape, build
from scheduler.localcluster.programs import VERSIONS, Programs

DEFAULT_DIR: Final = Path(".tutti-cluster")

app = typer.Typer(
    no_args_is_help=True,
    help="A real local control plane: etcd, Kubernetes 1.37.2 and simulated nodes, as plain processes.",
)

Dir = Annotated[
    Path,
    typer.Option("--dir", help="Where the cluster keeps keys, data and logs; one cluster per directory."),
]
BinDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder with the five programs; without it $KUBEBUILDER_ASSETS, the cache, or a build.",
        show_default=False,
    ),
]


@app.callback()
def cluster() -> None:
    """A real local control plane: etcd, Kubernetes 1.37.2 and simulated nodes, as plain processes."""


@app.command("build")
def build_command(
    force: Annotated[
        bool, typer.Option("--force", help="Build again, also when the cache is complete.")
    ] = False,
    output: Format = Output.TABLE,
) -> None:
    """Build the programs into the cache, once. About eight minutes on two cores; seconds when they are there."""
    heed_signals_to_end()
    with Progress(Console(stderr=True), tell_done=True) as progress:
        found = build.build(progress=progress, force=force)
    document = {
        "origin": found.origin,
        "programs": {name: str(path) for name, path in sorted(found.paths.items())},
    }
    show(document, output, lambda console: _draw_built(console, found))


@app.command()
def up(
    directory: Dir = DEFAULT_DIR,
    nodes: Annotated[int, typer.Option(help="How many nodes.")] = 64,
    gpus: Annotated[int, typer.Option(help="GPUs per node.")] = 8,
    racks: Annotated[int, typer.Option(help="Racks that the nodes are spread over.")] = 8,
    blocks: Annotated[int, typer.Option(help="Blocks that the racks are spread over.")] = 2,
    cpu: Annotated[str, typer.Option(help="CPU per node, as Kubernetes writes it.")] = "64",
    memory: Annotated[str, typer.Option(help="Memory per node, as Kubernetes writes it.")] = "512Gi",
    node_file: Annotated[
        Path | None,
        typer.Option(
            help="YAML of Node objects or shapes, instead of the options above.", show_default=False
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the API server on 127.0.0.1; 0 takes a free one.")] = 0,
    bare: Annotated[bool, typer.Option("--bare", help="Do not apply Tutti's definitions and roles.")] = False,
    bin_dir: BinDir = None,
    output: Format = Output.TABLE,
) -> None:
    """Start the cluster of this directory, or what is missing of it. Prints the kubeconfig's path."""
    heed_signals_to_end()
    source = node_file or NodeShape(
        count=nodes, gpus=gpus, racks=racks, blocks=blocks, cpu=cpu, memory=memory
    )
    options = ClusterOptions(port=port, manifests=() if bare else definitions_and_roles())
    with Progress(Console(stderr=True)) as progress:
        status = LocalCluster(directory, source, bin_dir=bin_dir, options=options).up(progress)
    document = _document(status)
    show(document, output, lambda console: _draw_up(console, document))


@app.command()
def down(directory: Dir = DEFAULT_DIR) -> None:
    """End exactly the processes of this cluster; logs and the audit log stay."""
    ended = LocalCluster(directory).down()
    print(f"The cluster in {directory} has ended." if ended else f"Nothing runs in {directory}.")


@app.command()
def status(directory: Dir = DEFAULT_DIR, output: Format = Output.TABLE) -> None:
    """Show what runs. Exits with 1 when the cluster is not running whole."""
    found = LocalCluster(directory).status()
    document = _document(found)
    show(document, output, lambda console: _draw(console, document))
    if not found.running:
        raise typer.Exit(ANSWER_IS_NO)


def _draw_built(console: Console, found: Programs) -> None:
    table(console, ("PROGRAM", "VERSION"), sorted(VERSIONS.items()))
    print(f"All of them in {found.paths['etcd'].parent}")


def _document(status: ClusterStatus) -> dict[str, Any]:
    return {
        "directory": str(status.directory),
        "running": status.running,
        "endpoint": status.endpoint or None,
        "nodes": status.nodes,
        "kubeconfig": str(status.kubeconfig) if status.kubeconfig is not None else None,
        "auditLog": str(status.audit_log),
        "programs": [
            {"name": p.name, "running": p.running, "pid": p.pid, "port": p.port, "log": str(p.log)}
            for p in status.programs
        ],
    }


def _draw_up(console: Console, document: dict[str, Any]) -> None:
    console.print(f"{document['nodes']} nodes at {document['endpoint']}", highlight=False, markup=False)
    console.print("Use it with:", highlight=False)
    print(f"  export KUBECONFIG={document['kubeconfig']}")


def _draw(console: Console, document: dict[str, Any]) -> None:
    if not document["programs"]:
        console.print(
            f"Nothing runs in {document['directory']}; tutti cluster up starts it.",
            highlight=False,
            markup=False,
            soft_wrap=True,  # a path is copied whole
        )
        return
    rows = [(p["name"], "yes" if p["running"] else "no", p["pid"], p["port"]) for p in document["programs"]]
    table(console, ("PROGRAM", "RUNNING", "PID", "PORT"), rows, right=frozenset({"PID", "PORT"}))
    console.print(f"{document['nodes']} nodes at {document['endpoint']}", highlight=False, markup=False)
    print(f"kubeconfig: {document['kubeconfig']}")
