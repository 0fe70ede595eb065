"""
`tutti`: the entry point, the list of commands, and the one place where failures become sentences.

Next: each command lives in the module named in `COMMANDS`.
"""

import contextlib
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from scheduler.cli import streams
from scheduler.cli.errors import ANSWER_IS_NO, INTERRUPTED, described
from scheduler.cli.mounting import LazyGroup

COMMANDS: Final = {
    "demo": (
        "scheduler.cli.demo.command:app",
        "Watch gangs start whole or wait whole on a real local control plane.",
    ),
    "cluster": ("scheduler.cli.cluster:app", "A real local control plane: build, up, down, status."),
    "install": (
        "scheduler.cli.install:install_app",
        "Install Tutti on the cluster of the current kubeconfig context.",
    ),
    "uninstall": ("scheduler.cli.install:uninstall_app", "Remove what `tutti install` has installed."),
    "run": ("scheduler.cli.run:app", "Run scheduler and operator in the foreground."),
    "scheduler-config": (
        "scheduler.cli.scheduler_config:app",
        "Print the configuration of a dedicated kube-scheduler beside the extender.",
    ),
    "get": ("scheduler.cli.get:app", "List groups, queues or the topology of a live cluster."),
    "explain": ("scheduler.cli.explain:app", "Say why a group waits, and what would help."),
    "what-if": (
        "scheduler.cli.what_if:app",
        "Say what would start if the cluster or a group were different.",
    ),
    "topology": ("scheduler.cli.topology:app", "Show the network as Tutti sees it."),
    "snapshot": ("scheduler.cli.snapshot:snapshot_app", "Save what one cycle may know to a file."),
    "decide": (
        "scheduler.cli.snapshot:decide_app",
        "Decide a saved snapshot offline; print plan and reasons.",
    ),
}


LATER: Final = frozenset({"conformance", "simulate"})


class Commands(LazyGroup):
    """All commands of `tutti`."""

    places = COMMANDS
    later = LATER


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"tutti {version('tutti-scheduler')}")
        raise typer.Exit


@app.callback()
def tutti(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    _debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Show tracebacks; may stand anywhere on the line.", envvar="TUTTI_DEBUG"
        ),
    ] = False,
) -> None:
    """A gang scheduler for AI training on Kubernetes: all together or not at all."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        streams.prepare()
    except streams.OutputError as problem:
        sys.exit(_told(problem, debug=False))
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """
    Run the command line; return 0 (done), 1 (the answer is no) or 2 (wrong use or input).

    Beside them stand 130 after Ctrl-C, and 141 when nobody reads standard output any more.
    """
    words, debug = _without_debug(arguments)
    try:
        code = typer.main.get_command(app).main(list(words), prog_name="tutti", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if debug:
            traceback.print_exc()
        return _told(error, debug)
    return code if isinstance(code, int) else 0


def _told(error: BaseException, debug: bool) -> int:
    known = described(error)
    if known is None:
        if not debug:
            what = " ".join(str(error).split()) or type(error).__name__
            _say(f"a fault of Tutti itself ({type(error).__name__}: {what}); --debug shows where.")
        return ANSWER_IS_NO
    sentence, code = known
    if sentence:
        _say(sentence)
    return code


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):  # the exit code is said in any case
        print(f"tutti: {sentence}", file=sys.stderr)


def _without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Take `--debug` out wherever it stands, up to a ``--``."""
    from os import environ  # noqa: PLC0415

    end = arguments.index("--") if "--" in arguments else len(arguments)
    before = list(arguments[:end])
    debug = "--debug" in before or environ.get("TUTTI_DEBUG", "") not in {"", "0", "false"}
    return [word for word in before if word != "--debug"] + list(arguments[end:]), debug
