"""One change after another gives what everything at once would have given, and the same object while nothing that matters changes."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scheduler.model.facts import Dispute, Level
from scheduler.model.ids import LevelName, NodeName
from scheduler.model.machines import DeviceSlice, ListedDevice, NumaZone
from scheduler.model.nodes import Node
from scheduler.model.resources import Resources
from scheduler.sources.findings import Findings
from scheduler.sources.merge import evidence
from scheduler.topology import compile_tree
from tests.sources.plain import told
from tests.topology.plain import tables

TIER_0, TIER_1, ZONE = (
    "fabric.topograph.run/tier-0",
    "fabric.topograph.run/tier-1",
    "topology.kubernetes.io/zone",
)
AWS, CLIQUE = "topology.k8s.aws/network-node-layer-3", "nvidia.com/gpu.clique"
PRODUCT, COUNT = "nvidia.com/gpu.product", "nvidia.com/gpu.count"

names = st.sampled_from([NodeName(f"n{n}") for n in range(6)])
label_sets = st.fixed_dictionaries(
    {},
    optional={
        **{key: st.sampled_from(["a", "b", "c"]) for key in (TIER_0, TIER_1, ZONE, AWS)},
        CLIQUE: st.sampled_from(["u.1", "u.2", "v.1", "broken"]),
        PRODUCT: st.just("H100"),
        COUNT: st.sampled_from(["8", "7"]),
        "team": st.sampled_from(["red", "blue"]),
    },
)
listed = st.builds(
    lambda block, kind: ListedDevice(
        f"d-{block}-{kind}",
        {"gce.dra.net/block": block, "dra.net/rdma": kind == "nic", "gpu.nvidia.com/type": kind},
    ),
    st.sampled_from(["g", "h"]),
    st.sampled_from(["gpu", "nic"]),
)
declarations = st.sampled_from(
    [
        (),
        (Level(LevelName("rack"), TIER_0),),
        (Level(LevelName("hall"), ZONE), Level(LevelName("rack"), AWS), Level(LevelName("host"), "x")),
    ]
)


class Changes(RuleBasedStateMachine):
    """Nodes join, leave and are relabelled, drivers list and forget, an operator declares; after each step both ways agree."""

    def __init__(self) -> None:
        super().__init__()
        self.findings = Findings()
        self.nodes: dict[NodeName, Node] = {}
        self.slices: dict[str, DeviceSlice] = {}
        self.zones: dict[NodeName, tuple[NumaZone, ...]] = {}
        self.declared: tuple[Level, ...] = ()

    @rule(name=names, labels=label_sets)
    def put_node(self, name: NodeName, labels: dict[str, str]) -> None:
        self.nodes[name] = Node(name, Resources(), labels)
        self.findings.put_node(self.nodes[name])

    @rule(name=names)
    def drop_node(self, name: NodeName) -> None:
        self.nodes.pop(name, None)
        self.findings.drop_node(name)

    @rule(
        name=st.sampled_from(["s0", "s1", "s2"]),
        node=names,
        generation=st.integers(0, 1),
        expected=st.integers(1, 2),
        devices=st.lists(listed, max_size=3),
    )
    def put_slice(
        self, name: str, node: NodeName, generation: int, expected: int, devices: list[ListedDevice]
    ) -> None:
        self.slices[name] = DeviceSlice(name, node, "dra.net", node, generation, expected, tuple(devices))
        self.findings.put_slice(self.slices[name])

    @rule(name=st.sampled_from(["s0", "s1", "s2"]))
    def drop_slice(self, name: str) -> None:
        self.slices.pop(name, None)
        self.findings.drop_slice(name)

    @rule(node=names, numbers=st.sets(st.integers(0, 2)))
    def put_zones(self, node: NodeName, numbers: set[int]) -> None:
        self.zones[node] = tuple(NumaZone(number) for number in sorted(numbers))
        self.findings.put_zones(node, self.zones[node])

    @rule(node=names)
    def drop_zones(self, node: NodeName) -> None:
        self.zones.pop(node, None)
        self.findings.drop_zones(node)

    @rule(levels=declarations)
    def declare(self, levels: tuple[Level, ...]) -> None:
        self.declared = levels
        self.findings.declare(levels)

    @invariant()
    def both_ways_agree(self) -> None:
        now = self.findings.evidence()
        anew = evidence(
            reversed(self.nodes.values()), self.declared, slices=self.slices.values(), zones=self.zones
        )
        assert told(now) == told(anew)
        assert tables(compile_tree(now, self.nodes)) == tables(compile_tree(anew, self.nodes))
        assert self.findings.evidence() is now


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def node(name: str, **labels: str) -> Node:
    return Node(NodeName(name), Resources(), labels)


def test_evidence_is_the_same_object_while_only_other_labels_change() -> None:
    findings = Findings()
    findings.put_node(node("n", team="red"))
    before = findings.evidence()
    findings.put_node(node("n", team="blue"))
    findings.put_node(replace(node("n", team="blue"), unschedulable=True))
    assert findings.evidence() is before


def test_what_is_inside_a_node_does_not_make_the_network_new() -> None:
    findings = Findings()
    findings.put_node(Node(NodeName("n"), Resources(), {ZONE: "z"}))
    before = findings.evidence()
    findings.put_node(Node(NodeName("n"), Resources(), {ZONE: "z", PRODUCT: "H100", COUNT: "8"}))
    after = findings.evidence()
    assert after is not before
    assert after.homes is before.homes


def test_a_thousand_words_that_nobody_uses_any_more_are_forgotten() -> None:
    findings = Findings()
    for number in range(5000):
        findings.put_node(Node(NodeName("n"), Resources(), {TIER_0: f"r{number}"}))
    assert [fact.domain for fact in findings.evidence().facts] == ["r4999", "n"]
    assert max(len(column.words) for column in findings._columns.all) < 2000


@pytest.mark.parametrize(("listed_gpus", "labelled", "conflicts"), [(8, "8", 0), (7, "8", 1), (8, "", 0)])
def test_gpu_that_the_labels_count_and_no_driver_lists_is_a_conflict(
    listed_gpus: int, labelled: str, conflicts: int
) -> None:
    gpus = tuple(ListedDevice(f"gpu-{n}", {"gpu.nvidia.com/type": "gpu"}) for n in range(listed_gpus))
    labels = {PRODUCT: "H100", COUNT: labelled}
    found = evidence(
        [Node(NodeName("n"), Resources(), labels)],
        slices=[DeviceSlice("s", "n", "gpu.nvidia.com", "n", devices=gpus)],
    )
    assert [each.why for each in found.conflicts] == [Dispute.TWO_VALUES] * conflicts
    assert found.machines[NodeName("n")].gpus == listed_gpus
