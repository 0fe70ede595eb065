"""What goes wrong, in one sentence, with the exit code that scripts can rely on."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn

import typer


class Exit(IntEnum):
    """0: done. 1: the answer is no (unschedulable, below range, not leading any more). 2: wrong use or input."""

    DONE = 0
    NO = 1
    WRONG = 2


@dataclass(slots=True)
class Debugging:
    """Whether errors show where they come from; set once by ``--debug``."""

    is_on: bool = False


DEBUG = Debugging()


def stop(sentence: str, code: Exit = Exit.WRONG) -> NoReturn:
    """Print the sentence on standard error and end with this code."""
    if DEBUG.is_on and sys.exc_info()[0] is not None:
        traceback.print_exc()
    typer.secho(f"tutti: {sentence}", err=True, fg="red" if code is Exit.WRONG else None)
    raise typer.Exit(int(code))


@contextmanager
def told(*kinds: type[Exception], code: Exit = Exit.WRONG) -> Iterator[None]:
    """Turn these exceptions, whose text is a sentence for people, into the end of the command."""
    try:
        yield
    except kinds as problem:
        stop(str(problem), code)
