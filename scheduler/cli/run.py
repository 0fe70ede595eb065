"""`tutti run`: scheduler and operator in the foreground."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from scheduler.cli.errors import Exit, stop, told
from scheduler.config import Component, ConfigError, Mode, load

Kubeconfig = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Credentials; default: $KUBECONFIG, ~/.kube/config, or the pod's own."),
]


def run(
    mode: Annotated[
        Mode,
        typer.Option(help="extender: beside a kube-scheduler of its own; standalone: a secondary scheduler."),
    ],
    kubeconfig: Kubeconfig = None,
    context: Annotated[
        str | None, typer.Option(metavar="NAME", help="Context of the kubeconfig; default: the current one.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings as YAML; see the README.")
    ] = None,
    components: Annotated[
        str,
        typer.Option(metavar="LIST", help="operator, scheduler or both; one container each in a cluster."),
    ] = "operator,scheduler",
    operator_kubeconfig: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Credentials of the operator, where it has its own.")
    ] = None,
    kube_scheduler: Annotated[
        str,
        typer.Option(
            metavar="BIN",
            help="Extender mode: the kube-scheduler binary to start beside it, or none when it runs elsewhere.",
        ),
    ] = "kube-scheduler",
    kube_scheduler_kubeconfig: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Credentials of that kube-scheduler, where it has its own."),
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Extender mode: where keys and generated configuration are kept."),
    ] = None,
) -> None:
    """
    Run the scheduler and the operator until SIGTERM or Ctrl-C.

    Exit code 1 means that leadership was lost: start it again.
    """
    with told(ConfigError):
        settings = load(config, os.environ)
    wanted = _components(components)
    binary = (
        _kube_scheduler(kube_scheduler) if mode is Mode.EXTENDER and Component.SCHEDULER in wanted else None
    )
    from scheduler import wiring  # noqa: PLC0415  heavy
    from scheduler.kube.credentials import CredentialsError  # noqa: PLC0415
    from scheduler.telemetry.health import ProbeError  # noqa: PLC0415

    options = wiring.RunOptions(
        mode=mode,
        settings=settings,
        components=wanted,
        kubeconfig=kubeconfig,
        context=context,
        config_file=config,
        operator_kubeconfig=operator_kubeconfig,
        kube_scheduler=binary,
        kube_scheduler_kubeconfig=kube_scheduler_kubeconfig,
        state_dir=state_dir,
    )
    with told(CredentialsError, ProbeError, wiring.StartError):
        code = wiring.run(options)
    raise typer.Exit(code)


def _components(text: str) -> frozenset[Component]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Component)]
    if unknown or not names:
        stop(f"--components {text!r}: choose from {', '.join(Component)}, separated by commas.", Exit.WRONG)
    return frozenset(Component(name) for name in names)


def _kube_scheduler(text: str) -> Path | None:
    if text == "none":
        return None
    found = shutil.which(text)
    if found is None:
        stop(
            f"--kube-scheduler: {text} was not found or cannot be run; give its path, or none when it runs elsewhere.",
            Exit.WRONG,
        )
    return Path(found)
