"""
Failures as people see them: one sentence on stderr, and an exit code.

Every room below raises its own errors, whose text is that sentence already. They are known here by name, so that no command imports
a room only because it might fail; a test keeps the names true.
"""

from typing import Final

ANSWER_IS_NO: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130  # 128 and the number of SIGINT, as a shell reports it
READER_GONE: Final = 141  # 128 and the number of SIGPIPE

EXPECTED: Final = frozenset(
    {
        "scheduler.config.strict.ConfigError",
        "scheduler.controller.spawn.OperatorError",
        "scheduler.extender.kube_scheduler.KubeSchedulerError",
        "scheduler.extender.server.ListenError",
        "scheduler.kube.credentials.CredentialsError",
        "scheduler.kube.dump.DumpError",
        "scheduler.kube.errors.ApiError",
        "scheduler.localcluster.errors.LocalClusterError",
        "scheduler.telemetry.health.ProbeError",
        "scheduler.wiring.StartError",
    }
)
"""Errors whose text is a sentence for the person at the terminal."""


class CommandError(Exception):
    """A command cannot go on. The message names what is wrong and what to do; `code` is the exit code."""

    def __init__(self, message: str, code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.code = code


def described(error: BaseException) -> tuple[str, int] | None:
    """Return sentence and exit code of an expected failure; None for a fault of ours."""
    if isinstance(error, BaseExceptionGroup):
        found = [described(inner) for inner in error.exceptions]
        return next((each for each in found if each is not None), None)
    if isinstance(error, CommandError):
        return str(error), error.code
    usage = getattr(
        error, "format_message", None
    )  # click's errors; typer carries a copy of click under another name
    if usage is not None:
        return " ".join(str(usage()).split()), WRONG_USE
    if any(f"{each.__module__}.{each.__qualname__}" in EXPECTED for each in type(error).__mro__):
        return str(error), WRONG_USE
    if isinstance(error, BrokenPipeError):  # standard error: standard output has an error of its own
        return "", READER_GONE
    return None
