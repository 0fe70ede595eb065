"""What a picture shows: every host once, in tiles that do not overlap and stay inside of their frames, in a detail that can be read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.cli.topology_view.boxes import FEW, MOST_TILES, SOME, Box, Detail, plan_of
from scheduler.cli.topology_view.packing import Placed, packed
from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.topology import DomainTree, compile_tree

LEVELS = ("block", "rack", "nvlink")


def tree(homes: list[dict[str, str]]) -> DomainTree:
    """Return the tree of hosts with these domains by level."""
    facts = tuple(
        TopologyFact(NodeName(f"n{number:05d}"), LevelName(level), DomainName(home), "test")
        for number, each in enumerate(homes)
        for level, home in each.items()
    )
    evidence = Evidence(tuple(Level(LevelName(level)) for level in LEVELS), facts)
    return compile_tree(evidence, [NodeName(f"n{number:05d}") for number in range(len(homes))])


def regular(hosts: int, rack: int = 32, block: int = 512) -> DomainTree:
    return tree([{"block": f"b{n // block}", "rack": f"r{n // rack}"} for n in range(hosts)])


def tiles(box: Box) -> list[Box]:
    return [box] if not box.parts else [tile for part in box.parts for tile in tiles(part)]


homes = st.lists(
    st.fixed_dictionaries({}, optional={level: st.sampled_from(["a", "b", "c"]) for level in LEVELS}),
    min_size=1,
    max_size=30,
)


@settings(max_examples=150)
@given(homes, st.sampled_from([1, 5, 60]))
def test_every_host_is_in_one_tile_and_nothing_overlaps(each, times: int) -> None:
    made = tree(each * times)
    plan = plan_of(made)
    assert sorted(host for tile in tiles(plan.root) for host in tile.hosts) == list(range(len(made.nodes)))
    placed, w, h = packed(plan.root, plan.detail)
    leaves = [one for one in placed if not one.box.parts]
    assert all(one.x >= -1e-9 and one.x + one.w <= w + 1e-9 for one in placed)
    assert all(one.y >= -1e-9 and one.y + one.h <= h + 1e-9 for one in placed)
    for number, one in enumerate(leaves[:40]):
        assert not any(_overlap(one, other) for other in leaves[number + 1 :])
    for frame in (one for one in placed if one.box.parts):
        inside = {id(tile) for tile in tiles(frame.box)}
        assert all(_holds(frame, one) for one in leaves if id(one.box) in inside)


def _overlap(one: Placed, other: Placed) -> bool:
    return (
        one.x < other.x + other.w - 1e-9
        and other.x < one.x + one.w - 1e-9
        and one.y < other.y + other.h - 1e-9
        and other.y < one.y + one.h - 1e-9
    )


def _holds(frame: Placed, one: Placed) -> bool:
    return (
        frame.x <= one.x + 1e-9
        and one.x + one.w <= frame.x + frame.w + 1e-9
        and frame.y <= one.y + 1e-9
        and one.y + one.h <= frame.y + frame.h + 1e-9
    )


@pytest.mark.parametrize(
    ("hosts", "detail", "count"),
    [
        (64, Detail.HOST, 64),
        (FEW, Detail.HOST, FEW),
        (847, Detail.SQUARES, 27),
        (SOME, Detail.SQUARES, 47),
        (5000, Detail.SUM, 157),
    ],
)
def test_detail_follows_the_number_of_hosts(hosts: int, detail: Detail, count: int) -> None:
    plan = plan_of(regular(hosts))
    assert (plan.detail, len(tiles(plan.root))) == (detail, count)


def test_more_racks_than_can_be_read_are_shown_by_block() -> None:
    plan = plan_of(regular(4 * (MOST_TILES + 100), rack=4, block=100))
    assert plan.tile == "block"


def test_a_level_of_one_domain_and_one_that_repeats_the_next_are_no_frames() -> None:
    same = [{"block": "b", "rack": f"r{n // 4}", "nvlink": f"u{n // 4}"} for n in range(16)]
    (first, *_) = plan_of(tree(same)).root.parts
    assert first.title == "nvlink u0"
    assert [part.title for part in first.parts] == ["n00000", "n00001", "n00002", "n00003"]


def test_hosts_without_a_rack_are_a_tile_of_their_own() -> None:
    made = tree([{"rack": f"r{n // 16}"} for n in range(160)] + [{}] * 3)
    assert [tile.title for tile in tiles(plan_of(made).root)][-1] == "no known rack"


def test_tiles_are_in_the_order_of_people() -> None:
    made = tree([{"rack": f"S{n // 16}"} for n in range(192)])
    assert [tile.title for tile in tiles(plan_of(made).root)] == [f"rack S{n}" for n in range(12)]
