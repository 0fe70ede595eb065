"""`tutti scheduler-config`: the configuration of a dedicated kube-scheduler beside the extender."""

from pathlib import Path
from typing import Annotated, Final

import typer

from scheduler.cli import live
from scheduler.cli.options import Config
from scheduler.extender import kube_scheduler
from scheduler.extender.pki import paths

PKI_DIR: Final = Path("/pki")

app = typer.Typer()


@app.command()
def scheduler_config(
    config: Config = None,
    pki_dir: Annotated[
        Path,
        typer.Option(
            help="Where kube-scheduler finds ca.crt, client.crt and client.key: the folder `extender` in `tutti run --state-dir`."
        ),
    ] = PKI_DIR,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            help="Credentials of that kube-scheduler; without it the pod's own.", show_default=False
        ),
    ] = None,
    leader_elect: Annotated[bool, typer.Option(help="Elect a leader, where several replicas run.")] = True,
) -> None:
    """Print a KubeSchedulerConfiguration that asks Tutti's extender. Save it and start kube-scheduler with --config."""
    settings = live.settings_of(config)
    election = kube_scheduler.Election(namespace=settings.namespace) if leader_elect else None
    text = kube_scheduler.configuration(
        settings.scheduler_names,
        settings.extender,
        paths(pki_dir),
        port=settings.extender.port,
        kubeconfig=kubeconfig,
        election=election,
    )
    print(text, end="")
