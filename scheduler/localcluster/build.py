"""stub"""

from __future__ import annotations

from scheduler.localcluster.errors import LocalClusterError
from scheduler.localcluster.programs import Programs
from scheduler.localcluster.progress import Progress, silent


def build(*, progress: Progress = silent, force: bool = False) -> Programs:
    raise LocalClusterError("not yet")
