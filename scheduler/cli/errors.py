"""
Failures as people see them: one sentence on stderr, and an exit code.

Every room below raises its own errors, whose text is that sentence already. They are imported here only after something has failed, so
a working command never pays for them.
"""

from typing import Final

ANSWER_IS_NO: Final = 1
WRONG_USE: Final = 2


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
    if isinstance(error, _expected()):
        return str(error), WRONG_USE
    if isinstance(error, BrokenPipeError):
        return "", 0
    return None


def _expected() -> tuple[type[BaseException], ...]:
    from scheduler.config import ConfigError  # noqa: PLC0415
    from scheduler.kube.credentials import CredentialsError  # noqa: PLC0415
    from scheduler.kube.dump import DumpError  # noqa: PLC0415
    from scheduler.kube.errors import ApiError  # noqa: PLC0415
    from scheduler.localcluster import LocalClusterError  # noqa: PLC0415

    return (ConfigError, CredentialsError, DumpError, ApiError, LocalClusterError)
