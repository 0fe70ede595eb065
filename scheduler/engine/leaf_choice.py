"""
The last step of a placement: which racks of a block, and which nodes of a rack.

The counts are settled by then; what is left is to leave little room behind, and holes as large as can be for the gangs to come.
"""

from collections.abc import Iterator, Sequence

SUBSETS = 4_000_000  # most bits that the search for the tightest set may shift; above, the last rack alone is fitted


def exactly(rooms: Sequence[int], pods: int, count: int) -> Iterator[tuple[int, int]]:
    """
    Yield (index, share) for `pods` pods over at most `count` of these rooms, as few as can be, that leave the least room.

    The rooms with the most room are filled, the last of them takes the rest. Raises: AssertionError when they do not hold the pods.
    Source: cardinality-constrained subset sum on integers as bit sets. Cost: O(rooms x count x sum / 64).
    """
    falling = sorted(range(len(rooms)), key=lambda i: (-rooms[i], i))
    needed, total = 0, 0
    while total < pods:
        if needed == min(count, len(falling)):
            raise AssertionError(f"{count} of {list(rooms)} do not hold {pods}")
        total += rooms[falling[needed]]
        needed += 1
    chosen = _tightest(rooms, pods, needed) if total > pods else falling[:needed]
    rest = pods
    for index in sorted(chosen, key=lambda i: (-rooms[i], i)):
        share = min(rest, rooms[index])
        rest -= share
        yield index, share


def fill(
    pods: int, rooms: Sequence[int], scores: Sequence[int], sizes: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """
    Yield (index, share) over the fewest rooms; the last one is the smallest that holds the rest, by its size.

    Of equal rooms those with the better score come first, then the order of names. Raises: AssertionError as `exactly`.
    """
    falling = sorted((i for i in range(len(rooms)) if rooms[i] > 0), key=lambda i: (-rooms[i], -scores[i], i))
    rest = pods
    for place, index in enumerate(falling):
        if rooms[index] >= rest:
            enough = [i for i in falling[place:] if rooms[i] >= rest]
            yield min(enough, key=lambda i: (-scores[i], sizes[i], i)), rest
            return
        yield index, rooms[index]
        rest -= rooms[index]
    raise AssertionError(f"{list(rooms)} do not hold {pods}")


def _tightest(rooms: Sequence[int], pods: int, count: int) -> list[int]:
    """Return `count` indices whose rooms together hold `pods` and leave the least."""
    if len(rooms) * count * sum(sorted(rooms)[-count:]) > SUBSETS:
        return _fitted(rooms, pods, count)
    reach = [1] + [0] * count  # reach[j]: bit s is set when some j rooms make s
    history = []
    for room in rooms:
        history.append(list(reach))
        for j in range(count, 0, -1):
            reach[j] |= reach[j - 1] << room
    above = reach[count] >> pods
    total = pods + (above & -above).bit_length() - 1
    chosen = []
    for index in reversed(range(len(rooms))):
        before = history[index]
        if before[count] >> total & 1:
            continue
        chosen.append(index)
        total -= rooms[index]
        count -= 1
    return chosen


def _fitted(rooms: Sequence[int], pods: int, count: int) -> list[int]:
    """Return the roomiest ones, and instead of the last the smallest that holds the rest."""
    falling = sorted(range(len(rooms)), key=lambda i: (-rooms[i], i))
    rest = pods - sum(rooms[i] for i in falling[: count - 1])
    last = min((i for i in falling[count - 1 :] if rooms[i] >= rest), key=lambda i: (rooms[i], i))
    return [*falling[: count - 1], last]
