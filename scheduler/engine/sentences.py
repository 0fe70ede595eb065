"""
Why a gang waits, in numbers: same cause, same text.

Nothing volatile (no times, no pod names that change) stands in a sentence, so that conditions are rewritten only when the cause
changes.
Next: `scheduler.explain` says more: every domain, and what would help.
"""

from collections import Counter
from collections.abc import Sequence

from scheduler.engine.feasibility import Refusal
from scheduler.engine.gang import NotPlaced
from scheduler.engine.standing import Standing
from scheduler.engine.trial import Trial
from scheduler.model.ids import LevelName
from scheduler.model.pods import PodShape
from scheduler.model.reasons import Reason
from scheduler.model.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS
from scheduler.model.status import Status

PLAIN = (CPU, MEMORY, EPHEMERAL_STORAGE, PODS)
GIB = 2**30


def incomplete(there: Standing) -> tuple[Status, Reason, str]:
    """Return status, reason and sentence for a gang of which members are missing."""
    missing = there.missing()
    if there.gated:
        gated = f"{there.gated} {'carries' if there.gated == 1 else 'carry'} scheduling gates"
        return (
            Status.WAIT,
            Reason.SCHEDULING_GATED,
            f"{missing}; {gated} and {'does' if there.gated == 1 else 'do'} not count until ungated.",
        )
    return Status.WAIT, Reason.GANG_INCOMPLETE, f"{missing}; the gang starts when all do."


def not_placed(trial: Trial, failed: NotPlaced, required: LevelName | None) -> tuple[Status, Reason, str]:
    """Return status, reason and sentence for a gang that found no place."""
    if not failed.is_proven:
        text = "No placement was found within the search bound for these unlike members; this does not prove that none exists."
        return Status.UNSCHEDULABLE, Reason.NOT_FOUND_WITHIN_BOUND, text
    inside = failed.within.inside
    for batch, sums in zip(failed.batches, failed.sums, strict=True):
        count, shape = len(batch.pods), batch.shape
        refusals = trial.refusals(shape)
        eligible = sum(1 for refusal in refusals if refusal is None)
        if not eligible:
            return Status.UNRESOLVABLE, Reason.NO_ELIGIBLE_NODE, _no_eligible(refusals)
        if sums[inside] < count and batch.refused:
            text = f"kube-scheduler does not offer {len(batch.refused)} of {len(refusals)} nodes for {count} members; "
            return (
                Status.UNSCHEDULABLE,
                Reason.NODE_REFUSED,
                text + f"the others have room for {int(sums[inside])}.",
            )
        if sums[inside] < count:
            return (
                Status.UNSCHEDULABLE,
                Reason.INSUFFICIENT_RESOURCES,
                _too_little(trial, shape, count, int(sums[inside]), eligible),
            )
    level = required if required is not None else failed.within.levels[-1]
    return Status.UNSCHEDULABLE, Reason.NO_DOMAIN_FITS, _no_domain(trial, failed, level)


def amount_of(shape: PodShape) -> tuple[str, int]:
    """Return the resource that people count gangs in, and how much of it one pod asks for: devices, else CPU, else memory."""
    extended = [name for name in shape.requests if name not in PLAIN]
    if extended:
        return extended[0], shape.requests[extended[0]]
    for name in PLAIN:
        if name in shape.requests:
            return name, shape.requests[name]
    return PODS, 1


def in_words(resource: str, amount: int) -> str:
    """Return an amount as people write it."""
    if resource == CPU:
        return f"{amount / 1000:g} CPU"
    if resource in {MEMORY, EPHEMERAL_STORAGE}:
        return f"{amount / GIB:.1f} GiB {resource}"
    return f"{amount} {resource}"


def _no_eligible(refusals: Sequence[Refusal | None]) -> str:
    causes = Counter(str(refusal) for refusal in refusals if refusal is not None)
    listed = ", ".join(
        f"{count} {cause}" for cause, count in sorted(causes.items(), key=lambda item: (-item[1], item[0]))
    )
    return f"No node can run the members: {listed}." if listed else "The cluster has no nodes."


def _too_little(trial: Trial, shape: PodShape, count: int, fit: int, eligible: int) -> str:
    resource, each = amount_of(shape)
    numbers = [n for n, refusal in enumerate(trial.refusals(shape)) if refusal is None]
    free = sum(max(0, trial.free(n)[resource]) for n in numbers)
    total = sum(trial.states[n].node.allocatable[resource] for n in numbers)
    members = "1 member needs" if count == 1 else f"{count} members need"
    return (
        f"{members} {in_words(resource, each * count)}, {in_words(resource, each)} each; there is room for {fit} now "
        f"({in_words(resource, free)} free of {in_words(resource, total)} on {eligible} nodes that may run them)."
    )


def _no_domain(trial: Trial, failed: NotPlaced, level: LevelName) -> str:
    tree = trial.tree
    batch, sums = failed.batches[0], failed.sums[0]
    resource, each = amount_of(batch.shape)
    outer = tree.domains[failed.within.inside]
    here = [
        p
        for p in tree.at_level.get(level, ())
        if tree.starts[p] >= outer.start and tree.stops[p] <= outer.stop
    ]
    best = max(here, key=lambda position: (sums[position], -position))
    wanted = in_words(resource, each * len(batch.pods))
    best_holds, all_hold = (each * int(sums[position]) // _unit(resource) for position in (best, 0))
    return (
        f"No {level} has room for the whole gang: {level} {tree.domains[best].name} holds {best_holds} of {wanted}; "
        f"the cluster holds {all_hold}."
    )


def _unit(resource: str) -> int:
    return 1000 if resource == CPU else GIB if resource in {MEMORY, EPHEMERAL_STORAGE} else 1
