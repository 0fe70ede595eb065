"""
Why a gang waits, in numbers: same cause, same text.

Nothing volatile (no pod names that change, no times but those that stand still) is in a sentence, so that conditions are rewritten only
when the cause changes.
Next: `scheduler.explain` says more: every domain, and what would help.
"""

from collections import Counter

import numpy as np

from scheduler.engine.columns import Mask, cut
from scheduler.engine.equal_pods import WHOLE_CLUSTER
from scheduler.engine.feasibility import NO_LIMIT, Refusal
from scheduler.engine.gang import Batch, NotPlaced
from scheduler.engine.neighbour_sentences import kept_away
from scheduler.engine.standing import Standing
from scheduler.engine.trial import Trial
from scheduler.engine.volume_sentences import volumes_say
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import PodShape
from scheduler.model.reasons import Reason
from scheduler.model.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS
from scheduler.model.status import Status

PLAIN = (CPU, MEMORY, EPHEMERAL_STORAGE, PODS)
GIB = 2**30
DAY_S = 86_400.0


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
    if there.bound:
        text = f"{missing}, {len(there.bound)} of them with a node; the gang is whole when all do."
        return Status.WAIT, Reason.GANG_INCOMPLETE, text
    return Status.WAIT, Reason.GANG_INCOMPLETE, f"{missing}; the gang starts when all do."


def kept_in_part(bound: int, needed: int, waiting: int, kept: int) -> str:
    """Return the sentence for a gang that stands in part, could not be completed in time and is not taken down."""
    absent = needed - bound - min(waiting, needed - bound)
    parts = [f"{bound} of {needed} members {_have(bound)} a node"]
    if absent < needed - bound:
        parts.append(f"no node was found for {needed - bound - absent} in time")
    if absent:
        parts.append(f"{absent} {'does' if absent == 1 else 'do'} not exist")
    return f"{', '.join(parts)}; {kept} {_have(kept)} no controller that would recreate {'it' if kept == 1 else 'them'}, so all are kept."


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def given_up(group: PodGroup) -> str:
    """Return the sentence for a gang that has waited for as long as it would."""
    return (
        f"Not placed within {group.schedule_timeout_s or 0:.0f} s, and spec.onTimeout is Fail: it is not tried any more. "
        "Create it anew, or set spec.onTimeout to Wait."
    )


def silence(members: int, now: float, heard_at: float | None, wall_offset_s: float) -> str:
    """
    Return the words for a plan of so many members that kube-scheduler never asked about, nor about any other pod.

    `heard_at`: when it last asked about one; None: never. With `wall_offset_s` added, times are seconds since 1970.
    """
    if heard_at is None:
        since = "since this scheduler started"
    elif now - heard_at > DAY_S:
        since = "for more than a day"
    else:
        of_day = int((heard_at + wall_offset_s) % DAY_S)
        since = f"since {of_day // 3600:02}:{of_day // 60 % 60:02}:{of_day % 60:02} UTC"
    return f"kube-scheduler has not asked about any of the {members} members, nor about another pod, {since}"


def not_placed(trial: Trial, failed: NotPlaced) -> tuple[Status, Reason, str]:
    """Return status, reason and sentence for a gang that found no place."""
    if not failed.is_proven:
        whom = "members with rules on other pods" if failed.rules is not None else "these unlike members"
        text = f"No placement was found within the search bound for {whom}; this does not prove that none exists."
        return Status.UNSCHEDULABLE, Reason.NOT_FOUND_WITHIN_BOUND, text
    for batch in failed.batches:
        told = _too_little_anywhere(trial, batch)
        if told is not None:
            status, reason, text = told
            return status, reason, text + "".join(volumes_say(trial, batch))
    kept = kept_away(trial, failed)
    if kept is not None:
        return Status.UNSCHEDULABLE, Reason.POD_CONSTRAINTS_NOT_MET, kept
    said = dict.fromkeys(text for batch in failed.batches for text in volumes_say(trial, batch))
    return Status.UNSCHEDULABLE, Reason.NO_DOMAIN_FITS, _no_domain(trial, failed) + "".join(said)


def _too_little_anywhere(trial: Trial, batch: Batch) -> tuple[Status, Reason, str] | None:
    """Return why the cluster as a whole does not hold this batch; None where it does."""
    count, shape = len(batch.pods), batch.shape
    if not trial.eligible(shape).any():
        return Status.UNRESOLVABLE, Reason.NO_ELIGIBLE_NODE, _no_eligible(trial.refusals(shape))
    fit = int(trial.copies(shape, batch.refused).sum())
    if fit >= count:
        return None
    if batch.refused:
        text = f"kube-scheduler does not offer {len(batch.refused)} of {len(trial.states)} nodes for {count} members; "
        return Status.UNSCHEDULABLE, Reason.NODE_REFUSED, text + f"the others have room for {fit}."
    return Status.UNSCHEDULABLE, Reason.INSUFFICIENT_RESOURCES, _too_little(trial, shape, count, fit)


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
    if resource == PODS:
        return f"{amount} pod{'' if amount == 1 else 's'}"
    return f"{amount} {resource}"


def _no_eligible(causes: Counter[Refusal]) -> str:
    listed = ", ".join(
        f"{count} {cause}"
        for cause, count in sorted(causes.items(), key=lambda item: (-item[1], str(item[0])))
    )
    return f"No node can run the members: {listed}." if listed else "The cluster has no nodes."


def _too_little(trial: Trial, shape: PodShape, count: int, fit: int) -> str:
    eligible = trial.eligible(shape)
    resource, each = _scarcest(trial, shape, eligible)
    # Added up as Python's integers: thousands of amounts near their limit do not fit into 64 bits.
    free = sum(trial.free_of(resource)[eligible].tolist())
    total = sum(trial.allocatable(resource)[eligible].tolist())
    members = "1 member needs" if count == 1 else f"{count} members need"
    return (
        f"{members} {in_words(resource, each * count)}, {in_words(resource, each)} each; there is room for {fit} "
        f"({in_words(resource, free)} free of {in_words(resource, total)} on {int(eligible.sum())} nodes that may run them)."
    )


def _scarcest(trial: Trial, shape: PodShape, eligible: Mask) -> tuple[str, int]:
    """Return what is there for the fewest pods, were there enough of all else, and how much one asks for; as people count, of equals."""
    counted = amount_of(shape)
    asked = [each for each in (counted, *shape.requests.items()) if each[1] > 0]
    pods = [
        int(np.minimum(trial.free_of(name)[eligible] // cut(amount), NO_LIMIT).sum())
        for name, amount in asked
    ]
    return asked[pods.index(min(pods))] if asked else counted


def _no_domain(trial: Trial, failed: NotPlaced) -> str:
    """Say how far the best domain is from holding the batch that no domain holds."""
    where, tree = failed.where, trial.tree
    layer = tree.layers[where.required]
    short = [
        (batch, rooms[where.required])
        for batch, rooms in zip(failed.batches, failed.rooms, strict=True)
        if rooms[where.required].max() < len(batch.pods)
    ]
    if not short and where.required == WHOLE_CLUSTER:
        return "The nodes have no room for the unlike members together, though they have for each kind alone."
    if not short:
        return (
            f"No {layer.level} has room for the unlike members together, though some has for each kind alone."
        )
    batch, rooms = short[0]
    best = int(rooms.argmax())
    resource, each = amount_of(batch.shape)
    everywhere = int(trial.copies(batch.shape, batch.refused).sum())
    unit = _unit(resource)
    best_holds, all_hold = (each * copies // unit for copies in (int(rooms[best]), everywhere))
    wanted = in_words(resource, each * len(batch.pods))
    slices = "".join(f", {size} together in one {tree.levels[number]}" for number, size in where.slices)
    if where.required == WHOLE_CLUSTER:
        return (
            f"There is room for {best_holds} of {wanted}{slices}; without that the cluster holds {all_hold}."
        )
    tied = (
        f" {layer.level} {tree.domains[where.inside].name} holds its bound members." if where.inside else ""
    )
    return (
        f"No {layer.level} has room for the whole gang{slices}: {layer.level} {tree.domains[layer.positions[best]].name} holds "
        f"{best_holds} of {wanted}; the cluster holds {all_hold}.{tied}"
    )


def _unit(resource: str) -> int:
    return 1000 if resource == CPU else GIB if resource in {MEMORY, EPHEMERAL_STORAGE} else 1
