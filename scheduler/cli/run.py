"""`tutti run`: the scheduler and the operator in the foreground. Flags in, `RunOptions` out; `scheduler.wiring` does the rest."""

import os
from pathlib import Path
from typing import Annotated

import typer

from scheduler.cli.errors import CommandError
from scheduler.cli.options import Config, Context, Kubeconfig
from scheduler.config import Component, Mode, load

app = typer.Typer()
ELSEWHERE = "none"


@app.command()
def run(
    mode: Annotated[Mode, typer.Option(help="Beside a dedicated kube-scheduler, or by itself.")],
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    config: Config = None,
    components: Annotated[
        str, typer.Option(help="What to run, separated by commas: operator, scheduler.")
    ] = "operator,scheduler",
    kube_scheduler: Annotated[
        str,
        typer.Option(
            help="Extender mode: the kube-scheduler program to start beside the extender; `none` when it runs elsewhere.",
        ),
    ] = ELSEWHERE,
    kube_scheduler_kubeconfig: Annotated[
        Path | None, typer.Option(help="Its identity, if another than Tutti's own.", show_default=False)
    ] = None,
    operator_kubeconfig: Annotated[
        Path | None,
        typer.Option(help="The operator's identity, if another than Tutti's own.", show_default=False),
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            help="Where generated keys, configuration and kube-scheduler's log are kept; a temporary folder by default. "
            "Needed where kube-scheduler runs elsewhere.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """
    Run scheduler and operator in the foreground, until SIGTERM, Ctrl-C or the end of the terminal.

    Settings come from --config and from environment variables TUTTI_…, which win.
    """
    chosen = components_of(components)
    program = None if kube_scheduler == ELSEWHERE else Path(kube_scheduler)
    if program is not None and mode is not Mode.EXTENDER:
        raise CommandError("--kube-scheduler is for --mode extender; leave it out in standalone mode.")
    if program is not None and not os.access(program, os.X_OK):
        raise CommandError(
            f"--kube-scheduler {program} is not a program; give its path, or `none` when it runs elsewhere."
        )
    for flag, path in (
        ("--kube-scheduler-kubeconfig", kube_scheduler_kubeconfig),
        ("--operator-kubeconfig", operator_kubeconfig),
    ):
        if path is not None and not path.is_file():
            raise CommandError(f"{flag} {path} does not exist; give a kubeconfig file.")
    settings = load(config, os.environ)

    from scheduler import wiring  # noqa: PLC0415  after the flags are known to be right; it imports nearly everything

    options = wiring.RunOptions(
        mode=mode,
        settings=settings,
        components=chosen,
        kubeconfig=kubeconfig,
        context=context,
        config_file=config,
        operator_kubeconfig=operator_kubeconfig,
        kube_scheduler=program,
        kube_scheduler_kubeconfig=kube_scheduler_kubeconfig,
        state_dir=state_dir,
    )
    code = wiring.run(options)
    if code:
        raise typer.Exit(code)


def components_of(text: str) -> frozenset[Component]:
    """Return the named components. Raises CommandError for a name there is not."""
    known = ", ".join(Component)
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in set(Component):
            raise CommandError(f"--components names {name!r}; there are {known}.")
    if not names:
        raise CommandError(f"--components names nothing; there are {known}.")
    return frozenset(Component(name) for name in names)
