"""`tutti`: the list of commands."""

from importlib import metadata
from typing import Annotated

import typer
from typer.core import TyperGroup

from scheduler import __version__
from scheduler.cli.errors import DEBUG
from scheduler.cli.run import run

PLUGINS = "tutti.commands"  # entry points of packages that add commands, such as the benchmarks


class Commands(TyperGroup):
    """Commands of ours, and those that other packages add, imported only when they are asked for."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Return the names of all commands."""
        added = [point.name for point in metadata.entry_points(group=PLUGINS)]
        return [*super().list_commands(ctx), *sorted(name for name in added if name not in self.commands)]

    def get_command(self, ctx: typer.Context, cmd_name: str):  # type: ignore[no-untyped-def, override]
        """Return a command by name."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found
        for point in metadata.entry_points(group=PLUGINS, name=cmd_name):
            return typer.main.get_command(point.load())
        return None


app = typer.Typer(
    name="tutti",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Gang scheduler for AI training on Kubernetes: all together or not at all.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tutti {__version__}")
        raise typer.Exit


@app.callback()
def tutti(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Gang scheduler for AI training on Kubernetes: all together or not at all."""
    del version
    DEBUG.is_on = debug


app.command()(run)


def main() -> None:
    """Run the command line."""
    app()
