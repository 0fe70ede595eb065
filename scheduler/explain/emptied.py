"""
What runs now and would have to end: the groups to wait for, or to remove. A small set, found greedily, then thinned out.

In each of the domains that lack least, groups are taken in order of the room they would give back for what they hold; the first few that
are enough by count are kept, and of those each that turns out not to be needed is left. What runs without Tutti's knowledge has no name
here: where it must end too, it can only be waited for.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from scheduler.engine.sentences import in_words
from scheduler.explain.changes import Change, Inquiry, change, largest, listed
from scheduler.explain.costs import ChangeKind
from scheduler.explain.ground import Given
from scheduler.explain.running import Running, running
from scheduler.explain.surroundings import AllElseEnds, RemovedGroups

MOST_PLACES: Final = 8
"""Domains of the required level that are looked at; each costs a few counts."""

MOST_THINNED: Final = 64
"""Groups that are tried without, one by one; of larger sets the rest stays in."""


def emptied(inquiry: Inquiry) -> Iterator[Change]:
    """Yield what to wait for, and which groups to remove instead."""
    question, ground = inquiry.question, inquiry.ground
    resources = frozenset(name for kind in question.kinds for name in kind.shape.requests)
    if (
        ground.most(question, Given(resources, ports=True, attempts=frozenset(ground.attempts)))
        < question.count
    ):
        return  # the empty cluster is too small
    runs = running(inquiry.snapshot, ground, question, inquiry.group.key)
    keys = _smallest(inquiry, runs)
    edit = RemovedGroups(tuple(runs.keys[number] for number in keys))
    if keys and inquiry.oracle.ask(edit, within=runs.enough(keys)).starts:
        yield from _named(runs, keys, edit)
        return
    end_of_all = AllElseEnds(inquiry.group.key)
    if inquiry.oracle.ask(end_of_all).starts:
        text = "Wait until others end, pods that are not Tutti's too: the empty cluster has room for the whole gang."
        advice = "Wait until what runs now ends."
        yield change(ChangeKind.WAIT, len(runs.keys) + 1, text, advice, (end_of_all,))


def _named(runs: Running, numbers: Sequence[int], edit: RemovedGroups) -> Iterator[Change]:
    named = listed(
        [f"{runs.keys[n]} ({in_words(runs.question.resource, int(runs.held[n]))})" for n in numbers]
    )
    end = "ends" if len(numbers) == 1 else "end"
    yield change(
        ChangeKind.WAIT,
        len(numbers),
        f"Wait until {named} {end}; when that is, is not known.",
        "Wait until groups that run now end.",
        (edit,),
    )
    yield change(
        ChangeKind.REMOVE_GROUPS,
        len(numbers),
        f"Remove {named}.",
        "Remove groups that run now.",
        (edit,),
        tuple(f"--remove-group {key}" for key in edit.keys),
    )


def _smallest(inquiry: Inquiry, runs: Running) -> tuple[int, ...]:
    """Return the set that holds least, of those found in the domains that lack least; empty where none is enough."""
    question, ground = inquiry.question, inquiry.ground
    if not runs.keys or question.required is None or any(layer is None for layer, _ in question.slices):
        return ()
    now = ground.most_in(question)
    enough = np.flatnonzero(runs.totals(runs.ended(range(len(runs.keys)))) >= question.count)
    nearest = enough[np.argsort(-now[enough], kind="stable")][:MOST_PLACES].tolist()
    found = [_set_in(runs, domain) for domain in nearest]
    return min(found, key=lambda numbers: (sum(int(runs.held[n]) for n in numbers), len(numbers)), default=())


def _set_in(runs: Running, domain: int) -> tuple[int, ...]:
    """Return groups whose end makes room in one domain, none of them needless as far as they were tried."""
    gains, held = runs.gains(domain), np.maximum(runs.held, 1)
    # Two groups that share a node may give room only together: those without a gain of their own come last.
    order = np.lexsort((held, -gains / held)).tolist()

    short = largest(0, len(order), lambda count: not runs.fits(runs.ended(order[:count]), domain))
    kept = order[: short + 1]
    for number in sorted(kept, key=lambda n: (-int(runs.held[n]), n))[:MOST_THINNED]:
        fewer = [other for other in kept if other != number]
        if runs.fits(runs.ended(fewer), domain):
            kept = fewer
    return tuple(sorted(kept))
