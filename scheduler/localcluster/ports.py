"""
Ports on 127.0.0.1: the one a person asked for, else free ones.

A free port is only free until somebody takes it; the caller starts again with others when a program says it lost that race.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from scheduler.localcluster.errors import LocalClusterError


def choose(names: Iterable[str], *, given: dict[str, int]) -> dict[str, int]:
    """A port for every name, all different; LocalClusterError if a given one is taken."""
    held: list[socket.socket] = []
    try:
        chosen: dict[str, int] = {}
        for name in names:
            held.append(_hold(given.get(name, 0)))
            chosen[name] = held[-1].getsockname()[1]
        return chosen
    finally:
        for each in held:
            each.close()


def _hold(port: int) -> socket.socket:
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As the programs do: a port whose last connections still linger in TIME_WAIT is free.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind(("127.0.0.1", port))
        holder.listen(1)
    except OverflowError:
        holder.close()
        raise LocalClusterError(
            f"Port {port} does not exist; give one from 1 to 65535, or 0 for any free one."
        ) from None
    except OSError as error:
        holder.close()
        if error.errno == errno.EADDRINUSE:
            raise LocalClusterError(
                f"Port {port} on 127.0.0.1 is taken; give another, or 0 for any free one."
            ) from error
        raise LocalClusterError(
            f"Port {port} on 127.0.0.1 cannot be used ({error.strerror}); give another."
        ) from error
    return holder
