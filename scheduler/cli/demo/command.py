"""The command `tutti demo`: flags, the order of things, and the exit code."""

import asyncio
import contextlib
import json
import platform
import sys
import time
from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.console import Console

from scheduler.cli import manifests
from scheduler.cli.demo import play, stage, verdict
from scheduler.cli.demo.narration import Teller
from scheduler.cli.demo.story import Load, load_for
from scheduler.cli.errors import ANSWER_IS_NO
from scheduler.cli.interrupts import heed_signals_to_end
from scheduler.cli.options import Format
from scheduler.cli.progress import Progress
from scheduler.cli.render import Output
from scheduler.config import ApiSettings, Mode
from scheduler.kube import credentials
from scheduler.kube.transport import Transport
from scheduler.localcluster import NodeShape
from scheduler.localcluster.nodes import TIER_0
from scheduler.localcluster.programs import ETCD, KUBERNETES, KWOK

app = typer.Typer()


@app.command()
def demo(
    mode: Annotated[
        Mode, typer.Option(help="Tutti beside a dedicated kube-scheduler, or by itself.")
    ] = Mode.STANDALONE,
    nodes: Annotated[int, typer.Option(min=4, max=1000, help="Simulated nodes.")] = 64,
    gpus: Annotated[int, typer.Option(min=1, max=16, help="GPUs per node.")] = 8,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the cluster and Tutti running, and say how to use them.")
    ] = False,
    output: Format = Output.TABLE,
) -> None:
    """
    Watch gangs start whole or wait whole, on a real control plane on this machine.

    Starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler and simulated nodes, runs Tutti beside them, and
    asks for two gangs that fit only one at a time: under Tutti one starts whole and the other waits whole; pod by pod
    both deadlock. Exits with 0 only if everything came out so. The first run builds the control plane, which takes minutes.
    """
    heed_signals_to_end()
    console = Console(stderr=output is not Output.TABLE, width=None if sys.stdout.isatty() else 80)
    shape = NodeShape(count=nodes, gpus=gpus, racks=min(8, nodes), blocks=2)
    load = load_for(nodes, gpus)
    document = _played(console, mode, shape, load, keep=keep)
    if output is Output.JSON:
        print(json.dumps(document, indent=2))
    elif output is Output.YAML:
        import yaml  # noqa: PLC0415

        print(yaml.safe_dump(document, sort_keys=False), end="")
    for sentence in document["broken"]:
        print(f"tutti: {sentence}", file=sys.stderr)
    if document["broken"]:
        raise typer.Exit(ANSWER_IS_NO)
    console.print("Everything came out as promised.", style="green")


def _played(console: Console, mode: Mode, shape: NodeShape, load: Load, *, keep: bool) -> dict[str, Any]:
    """Play both halves and return what was seen; everything started is ended on the way out, unless it is to be kept."""
    teller = Teller(console, {})
    teller.opening(
        mode.value, load, nodes=shape.count, gpus=shape.gpus, racks=shape.racks, version=KUBERNETES
    )
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        runner.get_loop()  # made now, so that Ctrl-C at any later moment finds a loop that will be closed
        began = time.monotonic()
        with Progress(console) as progress:
            here = stack.enter_context(stage.control_plane(shape, mode, keep=keep, progress=progress))
        teller.ready("etcd, API server, controllers, kube-scheduler, kwok are up", time.monotonic() - began)
        began = time.monotonic()
        with teller.working("Tutti starts and takes the lead"):
            stack.enter_context(stage.tutti(here, keep=keep))
        teller.ready(f"Tutti leads in {mode.value} mode, as processes of its own", time.monotonic() - began)
        tutti, plain = runner.run(_both(here, load, console))
        teller.comparison(load, tutti, plain)
        if keep:
            _how_to_use(console, here)
    versions = {
        "tutti": version("tutti-scheduler"),
        "kubernetes": KUBERNETES,
        "etcd": ETCD,
        "kwok": KWOK,
        "python": platform.python_version(),
    }
    cluster = {
        "nodes": shape.count,
        "gpusPerNode": shape.gpus,
        "racks": shape.racks,
        "gpus": shape.count * shape.gpus,
    }
    return verdict.document(load, tutti, plain, mode=mode.value, versions=versions, cluster=cluster)


async def _both(here: stage.Stage, load: Load, console: Console) -> tuple[play.Half, play.Half]:
    settings = ApiSettings()
    async with (
        Transport(credentials.load(here.cluster.kubeconfig("generator")), settings) as generator,
        Transport(credentials.load(here.cluster.kubeconfig("observer")), settings) as observer,
    ):
        nodes = json.loads(await observer.get("/api/v1/nodes"))["items"]
        rack_of = {node["metadata"]["name"]: node["metadata"]["labels"][TIER_0] for node in nodes}
        world = play.World(generator, observer, rack_of)
        teller = Teller(console, rack_of)
        tutti = await play.under_tutti(world, load, teller)
        plain = await play.pod_by_pod(world, load, teller)
    return tutti, plain


def _how_to_use(console: Console, here: stage.Stage) -> None:
    lines = (
        "\nThe cluster and Tutti keep running.",
        f"  use it    export KUBECONFIG={here.cluster.kubeconfig('admin')}",
        f"            kubectl apply -f {manifests.root() / 'deploy' / 'examples' / 'gang.yaml'}",
        "            tutti get groups",
        "            tutti explain group default/pretrain",
        f"  its log   {here.log}",
        f"  stop it   tutti cluster down --dir {here.cluster.layout.root}",
    )
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
