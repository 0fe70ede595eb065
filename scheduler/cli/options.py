"""Flags that several commands share, so that they are called and explained the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from scheduler.cli.render import Output

Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        help="Kubeconfig file; without it $KUBECONFIG, ~/.kube/config, or the pod's service account.",
        show_default=False,
    ),
]
Context = Annotated[
    str | None,
    typer.Option(help="Context of the kubeconfig; its current one by default.", show_default=False),
]
Config = Annotated[
    Path | None, typer.Option(help="YAML file of settings.", envvar="TUTTI_CONFIG", show_default=False)
]
Format = Annotated[Output, typer.Option("--output", "-o", help="What to print.")]
