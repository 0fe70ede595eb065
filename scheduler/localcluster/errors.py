"""The one error of this room: a sentence that names what is wrong and what to do about it."""

from __future__ import annotations


class LocalClusterError(RuntimeError):
    """Something outside this program stands in the way; `str(error)` is one sentence for the person at the terminal."""
