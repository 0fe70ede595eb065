"""Facts become a tree in which every domain is a slice of the nodes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.topology import CLUSTER, HOST, DomainTree, compile_tree
from tests.topology.plain import addresses, tables

LEVELS = (Level(LevelName("block"), "example.com/block"), Level(LevelName("rack"), "example.com/rack"))


def tree(*facts: tuple[str, str, str], nodes: str) -> DomainTree:
    made = tuple(TopologyFact(NodeName(n), LevelName(level), DomainName(d), "test") for n, level, d in facts)
    return compile_tree(Evidence(LEVELS, made), [NodeName(name) for name in nodes.split()])


TWO_RACKS = tree(
    ("n1", "rack", "r0"), ("n2", "rack", "r1"), ("n3", "rack", "r0"),
    ("n1", "block", "b0"), ("n2", "block", "b0"), ("n3", "block", "b0"),
    nodes="n3 n1 n2",
)  # fmt: skip


def named(made: DomainTree, level: str) -> dict[str, list[str]]:
    return {
        made.domains[p].name: list(made.nodes[made.domains[p].start : made.domains[p].stop])
        for p in made.at_level.get(LevelName(level), ())
    }


def test_domains_are_slices_of_the_nodes_in_order_of_their_path() -> None:
    assert TWO_RACKS.nodes == ("n1", "n3", "n2")
    assert named(TWO_RACKS, "rack") == {"r0": ["n1", "n3"], "r1": ["n2"]}
    assert named(TWO_RACKS, "block") == {"b0": ["n1", "n3", "n2"]}
    assert TWO_RACKS.levels == (CLUSTER, "block", "rack", HOST)


def test_level_is_found_by_name_and_by_label_and_only_where_nodes_carry_it() -> None:
    assert TWO_RACKS.level_of("rack") == "rack"
    assert TWO_RACKS.level_of("example.com/rack") == "rack"
    assert TWO_RACKS.level_of("zone") is None
    assert tree(nodes="n1").level_of("rack") is None


def test_node_of_which_nothing_is_known_stands_alone() -> None:
    made = tree(("n1", "rack", "r0"), nodes="n1 n2")
    assert named(made, "rack") == {"r0": ["n1"]}
    assert (
        made.domain_of(made.index[NodeName("n2")], LevelName("rack"))
        == made.path[made.index[NodeName("n2")]][-1]
    )


def test_rack_whose_nodes_lie_in_two_blocks_is_cut_in_two() -> None:
    made = tree(
        ("n1", "rack", "r0"), ("n2", "rack", "r0"), ("n3", "rack", "r0"),
        ("n1", "block", "b0"), ("n2", "block", "b0"), ("n3", "block", "b1"),
        nodes="n1 n2 n3",
    )  # fmt: skip
    assert named(made, "rack") == {"r0": ["n1", "n2"], "r0@b1": ["n3"]}


def test_innermost_common_domain_is_found() -> None:
    def common(*names: str) -> str:
        return TWO_RACKS.domains[
            TWO_RACKS.innermost_of([TWO_RACKS.index[NodeName(name)] for name in names])
        ].name

    assert (common("n1"), common("n1", "n3"), common("n1", "n2")) == ("n1", "r0", "b0")


def test_level_that_users_call_cluster_is_not_mixed_up_with_the_whole() -> None:
    evidence = Evidence(
        (Level(LevelName("cluster")),),
        (TopologyFact(NodeName("n1"), LevelName("cluster"), DomainName("c"), "test"),),
    )
    made = compile_tree(evidence, [NodeName("n1"), NodeName("n2")])
    assert named(made, "cluster") == {"c": ["n1"]}
    assert made.domains[0].stop == 2


def test_cluster_without_nodes_is_a_tree() -> None:
    made = compile_tree(Evidence(), [])
    assert (made.nodes, len(made.domains)) == ((), 1)


def test_every_level_is_there_in_the_layers_and_the_next_domain_further_in_stands_for_what_is_not_known() -> (
    None
):
    made = tree(
        ("n1", "rack", "r0"), ("n2", "rack", "r0"), ("n3", "block", "b0"), ("n4", "block", "b0"), ("n4", "rack", "r1"),
        nodes="n1 n2 n3 n4 n5",
    )  # fmt: skip

    def domains(level: str) -> list[list[str]]:
        layer = made.layer(LevelName(level))
        return [list(made.nodes[a:b]) for a, b in zip(layer.starts[:-1], layer.starts[1:], strict=True)]

    assert sorted(map(sorted, domains("block"))) == [["n1", "n2"], ["n3", "n4"], ["n5"]]
    assert sorted(domains("rack")) == [["n1", "n2"], ["n3"], ["n4"], ["n5"]]
    assert len(domains(CLUSTER)) == 1
    block, rack = made.layer(LevelName("block")), made.layer(LevelName("rack"))
    inside = [
        child for a, b in zip(block.children[:-1], block.children[1:], strict=True) for child in range(a, b)
    ]
    assert inside == list(range(len(rack)))
    assert list(block.totals(rack.starts[1:] - rack.starts[:-1])) == [
        len(nodes) for nodes in domains("block")
    ]


def test_rack_without_a_block_is_a_block_of_its_own() -> None:
    made = tree(("n1", "rack", "r0"), ("n2", "rack", "r0"), ("n3", "block", "b0"), nodes="n1 n2 n3")
    first, second = (made.domain_of(made.index[NodeName(name)], LevelName("block")) for name in ("n1", "n2"))
    assert first == second


facts = st.lists(
    st.tuples(
        st.sampled_from([f"n{n}" for n in range(7)]),
        st.sampled_from(["block", "rack"]),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=16,
)


@settings(max_examples=300)
@given(facts, st.integers(0, 9), st.randoms(use_true_random=False))
def test_tables_are_those_of_the_plain_rule(said, count, random) -> None:
    """Facts here need not nest, and nodes may be unknown to them, or they to the cluster."""
    names = [NodeName(f"n{number}") for number in range(count)]
    found = {(n, level): d for n, level, d in said}
    made = tuple(
        TopologyFact(NodeName(n), LevelName(level), DomainName(d), "t") for (n, level), d in found.items()
    )
    evidence = Evidence(LEVELS, made)
    compiled = compile_tree(evidence, names)
    expected = addresses(evidence, names)
    assert {name: _address(compiled, name) for name in names} == expected
    for domain in compiled.domains:
        inside = set(compiled.nodes[domain.start : domain.stop])
        if domain.level not in (CLUSTER, HOST):
            assert inside == {n for n in names if (domain.level, domain.name) in expected[n]}
    for position, domain in enumerate(compiled.domains):
        assert all(compiled.domains[child].parent == position for child in domain.children)
        assert (domain.parent < position) == (domain.depth > 0) or position == 0
    shuffled = list(made)
    random.shuffle(shuffled)
    assert tables(compile_tree(Evidence(LEVELS, tuple(shuffled)), reversed(names))) == tables(compiled)


def _address(made: DomainTree, name: NodeName) -> tuple[tuple[str, str], ...]:
    path = [made.domains[position] for position in made.path[made.index[name]]]
    assert (path[0].level, path[-1].level, path[-1].name) == (CLUSTER, HOST, name)
    return tuple((domain.level, domain.name) for domain in path[1:-1])


@settings(max_examples=100)
@given(facts)
def test_layers_hold_every_level_and_the_next_domain_further_in_where_one_is_not_known(said) -> None:
    made = tree(*dict.fromkeys(said), nodes=" ".join(f"n{n}" for n in range(7)))
    for depth, (level, layer) in enumerate(zip(made.levels, made.layers, strict=True)):
        for number in range(len(made.nodes)):
            path = made.path[number]
            own = [p for p in path if made.levels.index(made.domains[p].level) >= depth]
            assert layer.positions[layer.of[number]] == own[0] == made.domain_of(number, level)
