"""Equal pods get the fewest domains, level by level; against exhaustive search on small irregular trees, and by hand."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.engine.equal_pods import Wish, place_equal, room
from scheduler.model.ids import LevelName
from scheduler.topology import Layer
from scheduler.topology.layers import layers_of

Tree = list["Tree"] | int  # a node holds so many pods; anything else holds its parts


def layers(tree: Tree, depth: int) -> tuple[tuple[Layer, ...], list[int]]:
    """Compile a nested list of which every node lies `depth` levels below the cluster."""
    levels = [LevelName(f"l{number}") for number in range(depth + 1)]
    domain_levels: list[LevelName] = []
    paths: list[tuple[int, ...]] = []
    copies: list[int] = []

    def walk(part: Tree, path: tuple[int, ...]) -> None:
        position = len(domain_levels)
        domain_levels.append(levels[len(path)])
        if isinstance(part, int):
            paths.append((*path, position))
            copies.append(part)
        else:
            for child in part:
                walk(child, (*path, position))

    walk(tree, ())
    return layers_of(levels, domain_levels, paths), copies


def placed(tree: Tree, depth: int, count: int, **wish: object) -> dict[int, int] | None:
    made, copies = layers(tree, depth)
    asked = Wish(count, **wish)  # type: ignore[arg-type]
    rooms = room(made, np.array(copies, dtype=np.int64), asked)
    found = place_equal(made, rooms, asked, np.zeros(len(copies), dtype=np.int64))
    return None if found is None else dict(found)


def used_counts(made: Sequence[Layer], spread: Sequence[int], used: Sequence[int]) -> tuple[int, ...]:
    """Return how many domains of each level above the hosts the pods use beyond those used before."""
    here = [node for node, pods in enumerate(spread) if pods]
    return tuple(
        len({int(layer.of[n]) for n in here} - {int(layer.of[n]) for n in used}) for layer in made[1:-1]
    )


def holds(made: Sequence[Layer], copies: Sequence[int], spread: Sequence[int], wish: Wish) -> bool:
    """Whether this many pods per node are what the wish asks for."""
    if any(pods > most for pods, most in zip(spread, copies, strict=True)) or sum(spread) != wish.count:
        return False
    here = [node for node, pods in enumerate(spread) if pods]
    if len({int(made[wish.required].of[node]) for node in here}) > 1:
        return False
    for number, size in wish.slices:
        totals = np.zeros(len(made[number]), dtype=np.int64)
        np.add.at(totals, made[number].of, np.array(spread))
        if (totals % size).any():
            return False
    return True


def best(made: Sequence[Layer], copies: Sequence[int], wish: Wish) -> tuple[int, ...] | None:
    """Try every way to spread the pods over the nodes."""
    found = [
        used_counts(made, spread, wish.used)
        for spread in product(*(range(min(most, wish.count) + 1) for most in copies))
        if holds(made, copies, spread, wish)
    ]
    return min(found, default=None)


def trees(depth: int) -> st.SearchStrategy[Tree]:
    part: st.SearchStrategy[Tree] = st.integers(0, 3)
    for _ in range(depth):
        part = st.lists(part, min_size=1, max_size=3)
    return part


@st.composite
def instances(draw: st.DrawFn) -> tuple[Tree, int, Wish]:
    depth = draw(st.integers(1, 4))
    tree = draw(trees(depth).filter(lambda made: len(layers(made, depth)[1]) <= 9))
    sizes = [1]
    for _ in range(draw(st.integers(0, 2))):
        sizes.append(sizes[-1] * draw(st.integers(1, 2)))
    chosen = sorted(draw(st.sets(st.integers(1, depth), min_size=0, max_size=len(sizes) - 1)))
    slices = tuple(zip(chosen, reversed(sizes[1 : len(chosen) + 1]), strict=True))
    count = draw(st.integers(1, 8 // max(sizes))) * max((size for _, size in slices), default=1)
    nodes = len(layers(tree, depth)[1])
    used = () if slices else tuple(sorted(draw(st.sets(st.integers(0, nodes - 1), max_size=2))))
    required = 0 if used else draw(st.integers(0, depth))
    return tree, depth, Wish(count, required, slices, used)


@settings(max_examples=1500)
@given(instances())
def test_no_placement_uses_fewer_domains(instance: tuple[Tree, int, Wish]) -> None:
    tree, depth, wish = instance
    made, copies = layers(tree, depth)
    rooms = room(made, np.array(copies, dtype=np.int64), wish)
    found = place_equal(made, rooms, wish, np.zeros(len(copies), dtype=np.int64))
    optimum = best(made, copies, wish)
    assert (found is None) == (optimum is None)
    if found is not None:
        spread = [dict(found).get(node, 0) for node in range(len(copies))]
        assert holds(made, copies, spread, wish)
        assert used_counts(made, spread, wish.used) == optimum


@pytest.mark.parametrize(
    ("racks", "count", "expected"),
    [
        pytest.param([5, 4, 4], 8, {1, 2}, id="two-that-fit-exactly-before-the-largest"),
        pytest.param([8, 8, 5, 5], 10, {2, 3}, id="large-holes-are-left-whole"),
        pytest.param([3, 8, 4], 4, {2}, id="the-tightest-single-rack"),
        pytest.param([3, 8, 4], 5, {1}, id="the-only-rack-that-holds-it"),
    ],
)
def test_the_tightest_set_of_racks(racks: list[int], count: int, expected: set[int]) -> None:
    tree: Tree = [[[1] * size for size in racks]]
    made, _ = layers(tree, 3)
    found = placed(tree, 3, count)
    assert found is not None
    assert {int(made[2].of[node]) for node in found} == expected


def test_block_with_fewer_racks_is_better_than_the_tighter_one() -> None:
    tree: Tree = [[[1] * 3 for _ in range(4)], [[1] * 8, [1] * 5]]
    made, _ = layers(tree, 3)
    found = placed(tree, 3, 12)
    assert found is not None
    assert {int(made[1].of[node]) for node in found} == {1}


def test_whole_gang_goes_to_one_node_where_one_holds_it() -> None:
    assert placed([[[1, 1, 1, 1], [8, 8]]], 3, 4) == {4: 4}


def test_fewest_nodes_of_a_rack_and_the_last_as_tight_as_can_be() -> None:
    assert placed([[[8, 8, 3, 2]]], 3, 10) == {0: 8, 3: 2}


def test_slices_keep_their_members_in_one_domain() -> None:
    tree: Tree = [[[1] * 3, [1] * 3, [1] * 2]]
    found = placed(tree, 3, 4, slices=((2, 2),))
    assert found is not None
    made, _ = layers(tree, 3)
    shares = [sum(1 for node in found if int(made[2].of[node]) == rack) for rack in range(3)]
    assert all(share % 2 == 0 for share in shares)
    assert placed(tree, 3, 8, slices=((2, 2),)) is None, "three racks hold 2 + 2 + 2 in pairs"


def test_gang_that_grows_stays_where_it_is() -> None:
    tree: Tree = [[[1] * 4, [1] * 4], [[1] * 8]]
    made, _ = layers(tree, 3)
    found = placed(tree, 3, 4, used=(0,))
    assert found is not None
    assert {int(made[1].of[node]) for node in found} == {0}


def test_nothing_to_place_on() -> None:
    assert placed([[0, 0], [0]], 2, 1) is None
    assert placed([[1, 1], [1]], 2, 4) is None
