"""One hierarchy out of many labels: it always nests, does not depend on order, and says where each fact comes from."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.model.facts import Dispute, Doubt, Evidence, Level, TopologyFact, Unknown
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.model.nodes import Node
from scheduler.model.resources import Resources
from scheduler.sources.merge import evidence
from scheduler.sources.precedence import PRECEDENCE
from tests.sources.plain import plain_domains, told

TIER_0, TIER_1, TIER_2 = (f"fabric.topograph.run/tier-{n}" for n in range(3))
CLIQUE = "nvidia.com/gpu.clique"
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
        ({CLIQUE: "cluster.1"}, {"nvlink": "cluster", "clique": "cluster.1"}),
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


def test_one_thing_is_said_per_node_and_level_and_the_first_carrier_counts() -> None:
    everything = {carrier.key: "x.1" for carrier in PRECEDENCE if carrier.is_label}
    found = evidence([node("n", everything)])
    assert len({(fact.node, fact.level) for fact in found.facts}) == len(found.facts)
    firsts: dict[str, str] = {}
    for carrier in PRECEDENCE:
        firsts.setdefault(carrier.level, carrier.source)
    assert {fact.level: fact.source for fact in found.facts if fact.level != "host"} == firsts
    assert found.conflicts == ()


def test_clique_is_a_partition_of_an_nvlink_domain() -> None:
    found = evidence([node("n0", {CLIQUE: "u.1"}), node("n1", {CLIQUE: "u.2"}), node("n2", {CLIQUE: "v.1"})])
    assert domains(found, "nvlink") == {"n0": "u", "n1": "u", "n2": "v"}
    assert domains(found, "clique") == {"n0": "u.1", "n1": "u.2", "n2": "v.1"}
    labels = {level.name: level.node_label for level in found.levels}
    assert (labels["nvlink"], labels["clique"]) == ("", CLIQUE)


@pytest.mark.parametrize("value", ["nothing", ".1", "u.", "u.x"])
def test_clique_that_is_none_is_an_unknown_with_its_source(value: str) -> None:
    found = evidence([node("n0", {CLIQUE: value}), node("n1", {CLIQUE: "u.1"})])
    assert "n0" not in domains(found, "nvlink")
    assert Unknown(LevelName("clique"), Doubt.UNUSABLE, (NodeName("n0"),), CLIQUE) in found.unknowns


def test_level_of_which_only_unusable_things_are_said_is_unknown_and_not_there() -> None:
    found = evidence([node("n0", {CLIQUE: "nothing"})])
    assert found.levels == (HOST,)
    assert [(each.level, each.why) for each in found.unknowns] == [
        ("nvlink", Doubt.UNUSABLE),
        ("clique", Doubt.UNUSABLE),
    ]


def test_devices_come_before_topograph_where_both_speak_of_nvlink() -> None:
    said = {
        "accelerator.topograph.run/domain": "d-7",
        "accelerator.topograph.run/sub-domain": "s",
        CLIQUE: "u.1",
    }
    found = evidence([node("n", said)])
    assert (domains(found, "nvlink"), domains(found, "clique")) == ({"n": "u"}, {"n": "u.1"})
    only = evidence([node("n", {key: said[key] for key in said if key != CLIQUE})])
    assert (domains(only, "nvlink"), domains(only, "clique")) == ({"n": "d-7"}, {"n": "s"})


def test_node_of_which_nobody_speaks_is_an_unknown() -> None:
    found = evidence([node("n0", {TIER_0: "r"}), node("n1")])
    assert found.unknowns == (Unknown(LevelName("rack"), Doubt.SILENT, (NodeName("n1"),)),)


def test_rack_that_nothing_places_is_an_unknown_with_its_source() -> None:
    found = evidence(
        [
            node("n0", {TIER_0: "r", TIER_1: "b0"}),
            node("n1", {TIER_0: "r", TIER_1: "b1"}),
            node("n2", {TIER_0: "r"}),
        ]
    )
    assert Unknown(LevelName("rack"), Doubt.AMBIGUOUS, (NodeName("n2"),), TIER_0) in found.unknowns
    assert Unknown(LevelName("block"), Doubt.SILENT, (NodeName("n2"),)) in found.unknowns


def test_one_word_that_is_several_racks_is_told_as_a_conflict() -> None:
    found = evidence([node(f"n{n}", {TIER_0: "1", TIER_1: f"b{n}"}) for n in range(6)])
    (told,) = found.conflicts
    assert (told.level, told.source, told.value, told.why, told.node) == (
        "rack",
        TIER_0,
        "1",
        Dispute.SPLIT,
        None,
    )
    assert told.kept == "b0/1, b1/1, b2/1, b3/1 and 2 more"


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
    assert told(shuffled) == told(found)


@settings(max_examples=300)
@given(st.lists(LABELS, max_size=10))
def test_domains_are_those_of_the_plain_rule(labels) -> None:
    nodes = [node(f"n{number}", each) for number, each in enumerate(labels)]
    found = evidence(nodes)
    assert {(f.node, f.level): f.domain for f in found.facts} == plain_domains(nodes)
