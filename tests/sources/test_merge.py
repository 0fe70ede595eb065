"""One hierarchy out of many labels: it always nests, does not depend on order, and says where each fact comes from."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.model.facts import Evidence, Level, TopologyFact
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.model.nodes import Node
from scheduler.model.resources import Resources
from scheduler.sources import node_labels, topograph
from scheduler.sources.merge import evidence

TIER_0, TIER_1, TIER_2 = (f"fabric.topograph.run/tier-{n}" for n in range(3))
ZONE = "topology.kubernetes.io/zone"
HOST = Level(LevelName("host"), "kubernetes.io/hostname")


def node(name: str, labels: dict[str, str] | None = None) -> Node:
    return Node(NodeName(name), Resources(), labels or {})


def domains(found: Evidence, level: str) -> dict[str, str]:
    return {fact.node: fact.domain for fact in found.facts if fact.level == level}


def names(found: Evidence) -> list[str]:
    return [level.name for level in found.levels]


def test_nodes_without_labels_are_hosts_and_nothing_more() -> None:
    found = evidence([node("b"), node("a")])
    assert found.levels == (HOST,)
    assert domains(found, "host") == {"a": "a", "b": "b"}


def test_no_nodes_give_no_facts() -> None:
    assert (evidence([]).levels, evidence([]).facts) == ((HOST,), ())


def test_topograph_tiers_are_racks_and_blocks_outermost_first() -> None:
    found = evidence(
        [
            node("n0", {TIER_0: "rack-00", TIER_1: "block-0", ZONE: "z"}),
            node("n1", {TIER_0: "rack-01", TIER_1: "block-0", ZONE: "z"}),
        ]
    )
    assert found.levels == (
        Level(LevelName("zone"), ZONE),
        Level(LevelName("block"), TIER_1),
        Level(LevelName("rack"), TIER_0),
        HOST,
    )
    assert domains(found, "rack") == {"n0": "rack-00", "n1": "rack-01"}
    assert domains(found, "block") == {"n0": "block-0", "n1": "block-0"}
    assert TopologyFact(NodeName("n0"), LevelName("rack"), DomainName("rack-00"), TIER_0) in found.facts


def test_tiers_beyond_the_named_ones_stand_outside_them() -> None:
    labels = {f"fabric.topograph.run/tier-{n}": f"d{n}" for n in range(5)}
    assert names(evidence([node("n", labels | {ZONE: "z"})])) == [
        "zone", "tier-4", "tier-3", "spine", "block", "rack", "host",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (
            {f"topology.k8s.aws/network-node-layer-{n}": f"nn-{n}" for n in (1, 2, 3)},
            {"spine": "nn-1", "block": "nn-2", "rack": "nn-3"},
        ),
        (
            {"cloud.google.com/gce-topology-block": "b", "cloud.google.com/gce-topology-subblock": "s"},
            {"block": "b", "rack": "s"},
        ),
        (
            {"oci.oraclecloud.com/host.network_block_id": "b", "oci.oraclecloud.com/host.rack_id": "r"},
            {"block": "b", "rack": "r"},
        ),
        ({"nvidia.com/gpu.clique": "cluster.1"}, {"clique": "cluster.1"}),
        (
            {
                "network.topology.nvidia.com/leaf": "l",
                "network.topology.nvidia.com/spine": "s",
                "network.topology.nvidia.com/core": "c",
            },
            {"rack": "l", "block": "s", "spine": "c"},
        ),
    ],
    ids=["aws", "gke", "oci", "gpu-clique", "old-topograph"],
)
def test_known_families_are_read(labels: dict[str, str], expected: dict[str, str]) -> None:
    found = evidence([node("n", labels)])
    assert {fact.level: fact.domain for fact in found.facts if fact.level != "host"} == expected


def test_topograph_comes_before_what_a_cloud_has_set() -> None:
    found = evidence([node("n", {TIER_0: "leaf-1", "topology.k8s.aws/network-node-layer-3": "nn-3"})])
    assert domains(found, "rack") == {"n": "leaf-1"}


def test_declared_topology_speaks_alone() -> None:
    declared = (Level(LevelName("hall"), "x/hall"), Level(LevelName("cabinet"), "x/cabinet"))
    found = evidence([node("n", {"x/hall": "h", "x/cabinet": "c", TIER_0: "rack"})], declared)
    assert found.levels == (*declared, HOST)
    assert {fact.level: fact.domain for fact in found.facts} == {"hall": "h", "cabinet": "c", "host": "n"}


def test_declared_host_level_is_the_node_whatever_its_label_says() -> None:
    host = Level(LevelName("host"), "x/machine")
    found = evidence([node("n", {"x/machine": "m"})], (host,))
    assert found.levels == (host,)
    assert domains(found, "host") == {"n": "n"}


def test_equal_racks_of_different_blocks_are_different_racks() -> None:
    found = evidence([node(f"n{n}", {TIER_0: "1", TIER_1: f"b{n}"}) for n in range(2)])
    assert domains(found, "rack") == {"n0": "b0/1", "n1": "b1/1"}


def test_parents_of_one_word_on_different_levels_are_told_apart() -> None:
    found = evidence(
        [node("n0", {TIER_0: "x", TIER_2: "a"}), node("n1", {TIER_0: "x", TIER_1: "a", TIER_2: "b"})]
    )
    assert domains(found, "rack") == {"n0": "spine=a/x", "n1": "a/x"}


def test_node_takes_the_block_that_the_rest_of_its_rack_names() -> None:
    found = evidence([node("n0", {TIER_0: "r", TIER_1: "b"}), node("n1", {TIER_0: "r"})])
    assert domains(found, "block") == {"n0": "b", "n1": "b"}
    assert TopologyFact(NodeName("n1"), LevelName("block"), DomainName("b"), "derived") in found.facts


def test_node_whose_rack_is_ambiguous_is_in_no_rack() -> None:
    found = evidence(
        [
            node("n0", {TIER_0: "r", TIER_1: "b0"}),
            node("n1", {TIER_0: "r", TIER_1: "b1"}),
            node("n2", {TIER_0: "r"}),
        ]
    )
    assert domains(found, "rack") == {"n0": "b0/r", "n1": "b1/r"}
    assert "n2" not in domains(found, "block")


def test_one_word_of_two_label_families_is_two_domains() -> None:
    aws = "topology.k8s.aws/network-node-layer-3"
    found = evidence([node("n0", {TIER_0: "7"}), node("n1", {TIER_0: "7"}), node("n2", {aws: "7"})])
    assert domains(found, "rack") == {"n0": "7", "n1": "7", "n2": f"{aws}=7"}
    assert next(level for level in found.levels if level.name == "rack").node_label == TIER_0


def test_sources_say_one_thing_per_node_and_level() -> None:
    everything = {label: "x" for _, label in node_labels.FAMILIES}
    levels, facts = node_labels.facts([node("n", everything)])
    assert len({(fact.node, fact.level) for fact in facts}) == len(facts)
    assert {fact.level for fact in facts} <= {level.name for level in levels}
    assert topograph.facts([node("n", everything)])[1] == ()


LABELS = st.dictionaries(
    st.sampled_from([TIER_0, TIER_1, TIER_2, ZONE, "topology.k8s.aws/network-node-layer-3"]),
    st.sampled_from(["a", "b", "c"]),
    max_size=5,
)


@settings(max_examples=300)
@given(st.lists(LABELS, max_size=10), st.randoms(use_true_random=False))
def test_domains_always_nest_and_do_not_depend_on_the_order_of_nodes(labels, random) -> None:
    nodes = [node(f"n{number}", each) for number, each in enumerate(labels)]
    found = evidence(nodes)
    place = {(fact.node, fact.level): fact.domain for fact in found.facts}
    assert len(place) == len(found.facts)
    for position, inner in enumerate(found.levels):
        for outer in found.levels[:position]:
            parents: dict[str, set[str | None]] = {}
            for each in nodes:
                if (each.name, inner.name) in place:
                    parent = place.get((each.name, outer.name))
                    parents.setdefault(place[each.name, inner.name], set()).add(parent)
            assert all(len(known - {None}) <= 1 for known in parents.values())
    random.shuffle(nodes)
    shuffled = evidence(nodes)
    assert (shuffled.levels, shuffled.facts) == (found.levels, found.facts)
