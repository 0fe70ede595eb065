"""Progress of long work: a status line on a terminal, a line now and then elsewhere."""

from typing import Final

from rich.console import Console

from scheduler.localcluster import Step

EVERY_S: Final = 30.0
"""Without a terminal a step is named when it begins, every so often, and when it is done."""


class Progress:
    """Draws steps of the local cluster. A context manager, so that its status line goes when the work is over."""

    def __init__(self, console: Console, *, tell_done: bool = False) -> None:
        """`tell_done`: also say what was finished and how long it took, where that was long."""
        self._console = console
        self._tell_done = tell_done
        self._status = console.status("") if console.is_terminal else None
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
            if self._tell_done and step.elapsed_s >= 1.0:
                self._console.print(f"{step.what}: {step.elapsed_s:.0f} s", highlight=False, markup=False)
            return
        estimate = f" of about {step.estimate_s:.0f} s" if step.estimate_s else ""
        if self._status is not None:
            self._status.update(f"[dim]{step.what}, {step.elapsed_s:.0f} s{estimate}[/]")
            return
        title = step.what.partition(":")[0]
        if step.estimate_s and (title != self._title or step.elapsed_s >= self._said_s + EVERY_S):
            self._console.print(
                f"  {step.what}, {step.elapsed_s:.0f} s{estimate}", highlight=False, markup=False
            )
            self._title, self._said_s = title, step.elapsed_s
