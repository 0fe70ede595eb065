"""Snapshots survive being written and read; what is no snapshot is refused by the path of what is wrong."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from scheduler.engine.cycle import decide
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodUid
from scheduler.model.machines import DeviceSlice, ListedDevice, NumaZone
from scheduler.model.neighbours import PodRules, PodTerm, Resident, Spread, WeightedPodTerm
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.podgroups import Attempt, AttemptPhase, RecordedMember, TopologyConstraint
from scheduler.model.pods import Operator, Requirement
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.serial import BadSnapshot, from_dict, to_dict
from scheduler.model.snapshot import Snapshot
from scheduler.model.volumes import (
    Attachment,
    Claim,
    ClaimKey,
    ClaimUse,
    Handle,
    NodeDrivers,
    Storage,
    StorageClass,
    Volume,
)
from scheduler.policies.registry import default_policies
from scheduler.sources.merge import evidence
from scheduler.topology import compile_tree
from tests.build import cluster, gang, members, node, shape
from tests.properties.test_decide import snapshots
from tests.sources.plain import told
from tests.topology.plain import tables


def rich() -> Snapshot:
    attempt = Attempt(
        AttemptId("e1-1"),
        1,
        1,
        2,
        AttemptPhase.COMMITTING,
        (RecordedMember("g-0", PodUid("g-0"), NodeName("n0"), 0),),
    )
    term = PodTerm("rack", (Requirement("app", Operator.IN, ("db",)),), ("b",), ())
    rules = PodRules((term,), (PodTerm("zone", None),), (WeightedPodTerm(-3, term),))
    minding = shape(rules=rules, spreads=(Spread("zone", 2, False, (), honours_taints=True),))
    group, pods = gang("g", 2, pod=minding, topology=TopologyConstraint(required="rack"), attempt=attempt)
    there = node("n0", taints=(Taint("a", TaintEffect.NO_EXECUTE),), labels={"k": "v"})
    base = cluster(
        replace(
            there,
            residents=(Resident("b", {"app": "db"}, rules, True), Resident("b")),
            claims=(ClaimKey("b", "c"),),
        ),
        racks={"n0": "r0"},
        g=(group, pods),
    )
    slots = tuple(
        HeldSlot(pod.key, pod.uid, NodeName("n0"), pod.shape, {"app": "db"}, (ClaimUse("data"),))
        for pod in members("z", 2)
    )
    reservation = Reservation(GroupKey("team", "z"), AttemptId("e1-2"), slots)
    return replace(
        base,
        reservations=(reservation,),
        refused={PodUid("g-1"): frozenset({NodeName("n0")})},
        namespaces={"b": {"kind": "guest"}},
        storage=Storage(
            {
                ClaimKey("team", "data"): Claim(
                    "pv", is_bound=True, owner=PodUid("g-0"), selected_node=NodeName("n0")
                )
            },
            {"pv": Volume((), (("zone", ("a", "b")),), Handle("d", "h"))},
            {"late": StorageClass("d", True, ())},
            {NodeName("n0"): NodeDrivers(("d",), {"d": 3})},
            frozenset({"d"}),
            frozenset({"m"}),
            {"va": Attachment(NodeName("n0"), "d", "pv")},
        ),
    )


def through_json(snapshot: Snapshot) -> Snapshot:
    return from_dict(json.loads(json.dumps(to_dict(snapshot))))


def test_everything_comes_back() -> None:
    snapshot = rich()
    back = through_json(snapshot)
    assert to_dict(back) == to_dict(snapshot)
    assert (back.nodes, back.groups, back.members) == (snapshot.nodes, snapshot.groups, snapshot.members)
    assert (back.namespaces, back.storage) == (snapshot.namespaces, snapshot.storage)
    assert (back.reservations, back.refused, back.evidence.facts) == (
        snapshot.reservations,
        snapshot.refused,
        snapshot.evidence.facts,
    )


def test_equal_shapes_are_written_once() -> None:
    assert len(to_dict(rich())["shapes"]) == 2  # that of the gang, and that of the slots


@settings(max_examples=60)
@given(snapshots())
def test_a_saved_snapshot_gives_the_same_plan(snapshot: Snapshot) -> None:
    assert decide(through_json(snapshot), default_policies(), now=0.0) == decide(
        snapshot, default_policies(), now=0.0
    )


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        pytest.param(["format"], 99, "format 1", id="other-format"),
        pytest.param(["snapshot"], [], "snapshot must be an object", id="list"),
        pytest.param(["snapshot", "colour"], 1, "colour is not a field", id="unknown-field"),
        pytest.param(
            ["snapshot", "nodes", "n0", "node", "allocatable", "cpu"], "many", "must be int", id="wrong-type"
        ),
        pytest.param(
            ["snapshot", "nodes", "n0", "node", "unschedulable"], 1, "must be bool", id="number-for-bool"
        ),
        pytest.param(["shapes"], {}, "shapes must be a list", id="shapes"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(path: list[str], value: Any, words: str) -> None:
    data = copy.deepcopy(json.loads(json.dumps(to_dict(rich()))))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(BadSnapshot, match=words):
        from_dict(data)


@pytest.mark.parametrize("data", [None, [], "x", 7, {}])
def test_anything_else_is_refused(data: object) -> None:
    with pytest.raises(BadSnapshot):
        from_dict(data)


NAMES = [NodeName(f"n{number}") for number in range(3)]


def test_evidence_comes_back_with_its_doubts_and_the_inside_of_nodes() -> None:
    labels = [
        {
            "fabric.topograph.run/tier-0": "r",
            "nvidia.com/gpu.clique": "u.1",
            "nvidia.com/gpu.product": "H100",
        },
        {"fabric.topograph.run/tier-0": "r", "topology.k8s.aws/network-node-layer-3": "x"},
        {"fabric.topograph.run/tier-0": "q", "topology.k8s.aws/network-node-layer-3": "x"},
    ]
    states = [node(f"n{number}", labels=each) for number, each in enumerate(labels)]
    slices = [DeviceSlice("s", "n0", "d", "n0", devices=(ListedDevice("g", {"gpu.nvidia.com/type": "gpu"}),))]
    zones = {NodeName("n1"): (NumaZone(0, ((0, 10), (1, 21))),)}
    found = evidence([state.node for state in states], slices=slices, zones=zones)
    back = through_json(replace(cluster(*states), evidence=found)).evidence
    assert told(back) == told(found)
    assert back.conflicts
    assert back.unknowns
    assert len(back.machines) == 2
    assert tables(compile_tree(back, NAMES)) == tables(compile_tree(found, NAMES))
