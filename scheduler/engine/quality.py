"""
How good a placement is: the domains it uses, beside the fewest that a gang of this size would need were the cluster empty.

On the cluster as it is, a gang of equal pods is placed with the fewest domains there are, so what the score shows is what other work in the
cluster costs this gang. Next: `scheduler.engine.cycle` puts it into the plan, and the commit record carries it to the group's status.
"""

from collections.abc import Sequence

import numpy as np

from scheduler.engine.capacity import Copies
from scheduler.engine.equal_pods import Wish, place_equal, room
from scheduler.engine.gang import Batch, Where
from scheduler.engine.gang_rules import gang_rules
from scheduler.engine.mixed import place_unlike, question
from scheduler.engine.ruled_pods import NoPlace, place_ruled
from scheduler.engine.trial import Trial
from scheduler.engine.unlike_pods import DoesNotFit
from scheduler.model.ids import LevelName
from scheduler.model.plan import LevelUse, Quality

MOST_TRIED = 8  # domains asked per level for unlike pods; an empty cluster answers at the first or not at all


Uses = dict[LevelName, int]
"""How many domains of each level, outermost first."""


def quality(trial: Trial, used: Sequence[int], best: Uses) -> Quality:
    """Return what a gang on these nodes uses of each level, beside the best."""
    return Quality(
        tuple(LevelUse(level, count, best.get(level)) for level, count in _uses(trial, used).items())
    )


def ideal(trial: Trial, batches: Sequence[Batch], where: Where) -> Uses:
    """
    Return what a gang of these members would use on the empty cluster under the same constraints; nothing when that is not known.

    Cost: as placing the gang once.
    """
    if sum(len(batch.pods) for batch in batches) == 1:
        return {layer.level: 1 for layer in trial.tree.layers[1:]}
    return _uses(trial, _ideal_nodes(trial, batches, where))


def _ideal_nodes(trial: Trial, batches: Sequence[Batch], where: Where) -> list[int]:
    if any(batch.profile is not None for batch in batches):
        return _ideal_ruled(trial, batches, where)
    wishes = [Wish(len(batch.pods), where.required, where.slices) for batch in batches]
    layers = trial.tree.layers
    rooms = [
        room(layers, _empty_copies(trial, batch), wish) for batch, wish in zip(batches, wishes, strict=True)
    ]
    if len(batches) == 1:
        placed = place_equal(layers, rooms[0], wishes[0], np.zeros_like(rooms[0][-1]))
        return [node for node, _ in placed or ()]
    shapes, counts = [batch.shape for batch in batches], [len(batch.pods) for batch in batches]
    kinds, _ = question(shapes, counts, [each[-1] for each in rooms], trial.allocatable)
    found = place_unlike(trial.tree, kinds, rooms, required=where.required, bound=(), most_tried=MOST_TRIED)
    return (
        [] if isinstance(found, DoesNotFit) else sorted({node for each in found.shares for node, _ in each})
    )


def _ideal_ruled(trial: Trial, batches: Sequence[Batch], where: Where) -> list[int]:
    """Return the nodes of equal members that mind each other; what unlike ones would need is not known."""
    if len(batches) > 1:
        return []
    rules = gang_rules(trial.nobody(), trial.columns, [(batches[0].shape, batches[0].pods[0])])
    copies = np.where(rules.possible(0), _empty_copies(trial, batches[0]), 0)
    wish = Wish(len(batches[0].pods), where.required, where.slices)
    placed = place_ruled(trial.tree.layers, copies, wish, np.zeros_like(copies), copies, rules, 0, MOST_TRIED)
    return [] if isinstance(placed, NoPlace) else [node for node, _ in placed]


def _empty_copies(trial: Trial, batch: Batch) -> Copies:
    shape = batch.shape
    most = 1 if shape.host_ports else len(batch.pods)
    copies = np.where(trial.eligible(shape), most, 0)
    for name, amount in shape.requests.items():
        if amount > 0:
            np.minimum(copies, trial.allocatable(name) // amount, out=copies)
    return copies


def _uses(trial: Trial, used: Sequence[int]) -> Uses:
    nodes = list(used)
    if not nodes:
        return {}
    return {layer.level: len(set(layer.of[nodes].tolist())) for layer in trial.tree.layers[1:]}
