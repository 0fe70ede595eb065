"""
Waits until the volumes that planned members need are made: claims that are bound only once their pod has a node.

Where each shall be made stands in the claim itself, as an annotation that whoever makes volumes obeys; nothing is remembered here that a
successor could not read there. Level-triggered: it looks at the claims as the cache has them whenever the driver turns round.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from scheduler.engine.messages import Prepare, Prepared, PrepareFailed
from scheduler.model.ids import GroupKey
from scheduler.model.volumes import ClaimKey, Storage


@dataclass(slots=True)
class _Wanted:
    """An order that is carried out. `seen`: claims that have shown the annotation, which may be taken back."""

    order: Prepare
    seen: set[ClaimKey] = field(default_factory=set)


class VolumeWatch:
    """One order per group at most; a newer one replaces it."""

    def __init__(self) -> None:
        self._wanted: dict[GroupKey, _Wanted] = {}

    def expect(self, order: Prepare) -> None:
        """From now on wait for the claims of this order, instead of those of an earlier one."""
        self._wanted[order.key] = _Wanted(order)

    def ended(self, storage: Storage) -> Iterator[Prepared | PrepareFailed]:
        """Yield the outcome of each order that has one by now, and forget these."""
        for key, wanted in tuple(self._wanted.items()):
            outcome = _outcome(wanted, storage)
            if outcome is not None:
                del self._wanted[key]
                yield outcome


def _outcome(wanted: _Wanted, storage: Storage) -> Prepared | PrepareFailed | None:
    order, waits = wanted.order, False
    for each in order.provisions:
        claim = storage.claims.get(each.claim)
        if claim is None or claim.is_deleting or claim.is_lost:
            return _failed(order, f"the volume claim {each.claim} is gone, lost or being deleted")
        if claim.is_bound:
            continue
        waits = True
        if claim.selected_node == each.node:
            wanted.seen.add(each.claim)
        elif each.claim in wanted.seen:
            return _failed(order, f"no volume could be made for claim {each.claim} on node {each.node}")
    return None if waits else Prepared(order.key, order.attempt, order.provisions)


def _failed(order: Prepare, text: str) -> PrepareFailed:
    return PrepareFailed(order.key, order.attempt, order.provisions, text)
