"""
``python -I tether.py PROGRAM ARGUMENT...`` becomes the program, which then ends when the process that started it ends.

A script of its own because the request must be made in the child: between fork and exec of a process with threads no Python code is
safe to run. Linux only; elsewhere the program runs untethered. Imports nothing of ours, so that it costs one bare interpreter start.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2); survives exec


def main(arguments: list[str]) -> int:
    """Replace this process by `arguments`, tethered. Returns only when that cannot be done: 127, with a sentence on stderr."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the request was made
            return 1
    try:
        os.execv(arguments[0], arguments)  # noqa: S606  a program and its arguments, no shell
    except OSError as problem:
        sys.stderr.write(f"{arguments[0]} cannot be started: {problem.strerror or problem}.\n")
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
