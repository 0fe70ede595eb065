"""
A group of commands whose modules are imported when one of them is called, not before.

Each command is known by name, place (``module:attribute``, a Typer application) and one line of help; that is enough for `--help`,
completion and suggestions. Commands of other distributions come from the entry-point group ``tutti.commands``.
"""

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from scheduler.cli.errors import CommandError

ENTRY_POINTS: Final = "tutti.commands"


class LazyGroup(TyperGroup):
    """
    `places` maps a command to its place and its line of help. Subclasses set it; entry points cannot replace one.

    `later` names commands that are promised and not there: not listed, but who types one is told so. An entry point may add one.
    """

    places: Mapping[str, tuple[str, str]] = {}
    later: frozenset[str] = frozenset()

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._added = {
            each.name: each for each in entry_points(group=ENTRY_POINTS) if each.name not in self.places
        }
        for name, (_, line) in self.places.items():
            self.add_command(TyperCommand(name, help=line))
        for name, entry in sorted(self._added.items()):
            self.add_command(TyperCommand(name, help=_line_of(entry)))
        self._only_lines = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command itself, or while a list of commands is written, a stand-in with its line of help."""
        if self._only_lines or ctx.resilient_parsing:
            return super().get_command(ctx, cmd_name)
        if cmd_name in self.places:
            module, _, attribute = self.places[cmd_name][0].partition(":")
            return _command(getattr(importlib.import_module(module), attribute), cmd_name)
        if cmd_name in self._added:
            return _command(_loaded(self._added[cmd_name]), cmd_name)
        if cmd_name in self.later:
            raise not_yet(ctx.command_path, cmd_name)
        return None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the group without importing what it lists."""
        self._only_lines = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._only_lines = False


def not_yet(parent: str, name: str) -> CommandError:
    """Return what to raise for a command that a later version brings. `parent` is how its group is called."""
    return CommandError(f"`{parent} {name}` is not in this version yet; `{parent} --help` lists what is.")


def _command(found: Any, name: str) -> Any:
    if not isinstance(found, typer.Typer):
        raise CommandError(
            f"The command {name} is added by something that is not a Typer application; look at {found!r}."
        )
    command = typer.main.get_command(found)
    command.name = name
    # Typer adds these to every application; completion is one affair of the whole command.
    command.params = [
        each for each in command.params if each.name not in {"install_completion", "show_completion"}
    ]
    return command


def _loaded(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except (ImportError, AttributeError) as problem:
        raise CommandError(
            f"The command {entry.name} cannot be loaded from {entry.value} ({problem}); install what it needs."
        ) from problem


def _line_of(entry: EntryPoint) -> str:
    """Return what can be said of a command of another distribution without loading it."""
    return LINES.get(entry.name, f"Added by {entry.value.partition(':')[0].partition('.')[0]}.")


LINES: Final = {"bench": "The benchmark suite."}
"""Lines for commands that this repository adds itself through entry points."""
