"""Progress of long work: a status line on a terminal, a line now and then elsewhere."""

from typing import Final

from rich.console import Console
from rich.status import Status
from rich.text import Text

from scheduler.localcluster import Step

EVERY_S: Final = 30.0
"""Without a terminal a step is named when it begins, every so often, and when it is done."""

LONG_S: Final = 3.0
"""From when on a step without an estimate is long enough to be named there; arbitrary."""


class Progress:
    """Draws steps of the local cluster. A context manager, so that its status line goes when the work is over."""

    def __init__(self, console: Console, *, tell_done: bool = False) -> None:
        """`tell_done`: also say what was finished and how long it took, where that was long."""
        self._console = console
        self._tell_done = tell_done
        self._status = Status("", console=console) if console.is_terminal else None
        self._title = ""
        self._said_s = 0.0

    def __enter__(self) -> "Progress":
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, step: Step) -> None:
        if step.done:
            self._done(step)
            return
        estimate = f" of about {span(step.estimate_s)}" if step.estimate_s else ""
        words = f"{step.what}, {span(step.elapsed_s)}{estimate}"
        if self._status is not None:
            self._status.update(self._fitted(words))
            return
        title = step.what.partition(":")[0]
        is_new = title != self._title
        first_s = 0.0 if step.estimate_s else LONG_S
        if step.elapsed_s >= (first_s if is_new else self._said_s + EVERY_S):
            self._console.print(f"  {words}", highlight=False, markup=False, soft_wrap=True)
            self._title, self._said_s = title, step.elapsed_s

    def _done(self, step: Step) -> None:
        if self._status is not None:
            self._status.update(" ")  # or what is done would stand below as if it went on
        if self._tell_done and step.elapsed_s >= 1.0:
            self._console.print(
                f"{step.what}: {span(step.elapsed_s)}", highlight=False, markup=False, soft_wrap=True
            )

    def _fitted(self, words: str) -> Text:
        """One line, whatever the terminal's width: a status that wraps leaves half of itself behind when the window changes."""
        text = Text(words, style="dim")
        text.truncate(max(1, self._console.width - len("⠋ ") - 1), overflow="ellipsis")
        return text


def span(seconds: float) -> str:
    """A duration as people read a watch: 45 s, 6:40."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02d}"
