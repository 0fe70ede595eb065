"""
Files beside the extender that are for its user alone: keys, a kubeconfig, a configuration, kube-scheduler's log.

They lie in the folder that --state-dir names. Without one they lie in a fresh folder and go with the process; after a failure the log
of kube-scheduler stays, because the reason is in there.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

LOG: Final = "kube-scheduler.log"


class StateDirError(Exception):
    """Files cannot be kept where they should be; one sentence that says where and what to do."""


@contextlib.contextmanager
def kept_in(state_dir: Path | None) -> Iterator[Path]:
    """Yield the folder, which exists. Raises: StateDirError, also for what cannot be written inside the block by `write`."""
    if state_dir is not None:
        with _told(state_dir):
            state_dir.mkdir(parents=True, exist_ok=True)
        yield state_dir.absolute()
        return
    with _told(Path(tempfile.gettempdir())):
        made = Path(tempfile.mkdtemp(prefix="tutti-"))
    try:
        yield made
    except BaseException:
        _remove_all_but_the_log(made)
        raise
    shutil.rmtree(made, ignore_errors=True)


def write(path: Path, content: bytes) -> None:
    """Write so that a reader sees the old file or the new one, and nobody else sees either. Raises: StateDirError."""
    draft = path.with_suffix(path.suffix + ".new")
    with _told(path.parent):
        draft.unlink(missing_ok=True)  # one that is left over may have other rights
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        draft.replace(path)


def appended(path: Path) -> BinaryIO:
    """Open a file to go on at its end. Raises: StateDirError."""
    with _told(path.parent):
        return path.open("ab")


def make_folder(path: Path) -> None:
    """Make a folder that its owner alone can enter. Raises: StateDirError."""
    with _told(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)


@contextlib.contextmanager
def _told(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise StateDirError(
            f"Keys and configuration cannot be kept in {place} ({problem.strerror}); give --state-dir a folder that this user may write to."
        ) from problem


def _remove_all_but_the_log(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != LOG:
            entry.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the log is in it
        directory.rmdir()
