"""What volumes leave of the nodes, in words that name the claim: same cause, same text."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from scheduler.engine.gang import Batch
from scheduler.engine.mounts import out_of_reach
from scheduler.engine.trial import Trial
from scheduler.model.volumes import Mounts


def volumes_say(trial: Trial, batch: Batch) -> Iterator[str]:
    """Yield a sentence, with a space before it, for each claim and driver that keeps members of this batch from nodes."""
    shape, pod = batch.shape, batch.pods[0]
    if shape.mounts is None:
        return
    total = len(trial.states)
    for key, volume, mounts in out_of_reach(trial.attachments.storage, pod):
        reached = int(trial.columns.reached(replace(shape, mounts=mounts)).sum())
        if reached < total:
            yield f" The volume {volume} of claim {key} is in reach of {reached} of {total} nodes."
    used = {driver for driver, _ in shape.mounts.own} | {handle.driver for handle in shape.mounts.attached}
    every = np.arange(total)
    for driver in sorted(used):
        own = tuple(each for each in shape.mounts.own if each[0] == driver)
        attached = tuple(handle for handle in shape.mounts.attached if handle.driver == driver)
        may = trial.eligible(shape)
        full = int((may & (trial.attachments.room(Mounts((), attached, own), every) == 0)).sum())
        if full:
            yield f" {full} of {int(may.sum())} nodes that may run them can attach no more volumes of driver {driver}."
