"""
Room for the calls that wait: each member of a gang votes over a connection of its own, and a connection is an open file.

The soft limit is often 1,024, because old programs break above it; ours do not. Next: `server` calls this before it listens.
"""

import resource
from typing import Final

LARGEST_GANG: Final = 10_000  # members, by the limit of spec.minCount
OTHERS: Final = 256  # open files for everything else; about a hundred at the default settings


def make_room(calls: int) -> int:
    """Raise the process's limit on open files for so many calls, as far as it may. Returns for how many calls there is room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = calls + OTHERS if hard == resource.RLIM_INFINITY else min(calls + OTHERS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS has a lower limit for all processes than it tells
            wanted = soft
        soft = wanted
    return calls if soft == resource.RLIM_INFINITY else max(0, min(calls, soft - OTHERS))
