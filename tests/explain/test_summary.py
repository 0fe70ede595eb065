"""What stands in a group's status: the same while the cause stays, and within the bounds of its definition."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings

from scheduler.explain import explain
from scheduler.explain.costs import ChangeKind
from scheduler.explain.summary import UNDER_WAY, summary
from scheduler.model.ids import AttemptId, GroupKey, NodeName
from scheduler.model.podgroups import Attempt, AttemptPhase, RecordedMember, TopologyConstraint
from scheduler.model.snapshot import Snapshot
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, node, shape, taken
from tests.explain.test_truth import A, crowded

KEY = GroupKey("team", "g")
RACKS = {"n0": "r0", "n1": "r0", "n2": "r1", "n3": "r1"}
CRD = Path(__file__).resolve().parents[2] / "crds" / "podgroup.yaml"


def summed(snapshot: Snapshot, key: GroupKey = KEY) -> Any:
    return summary(explain(snapshot, key, default_policies(), now=0.0))


def test_cause_blocking_sets_and_cheapest_change_are_told_without_numbers_of_the_moment() -> None:
    rack = TopologyConstraint(required="rack")
    nodes = tuple(node(f"n{number}") for number in range(4))
    assert summed(cluster(*nodes, racks=RACKS, g=gang("g", 20, topology=rack))) == {
        "gate": "Topology",
        "message": "No rack has room for 20 members at once.",
        "blockingSets": [
            {
                "constraints": ["required level rack"],
                "message": "Without this alone the gang would start: required level rack.",
            }
        ],
        "cheapestChange": {
            "kind": "RelaxLevel",
            "message": "Make rack topology.preferred instead of required.",
        },
    }


def test_others_that_come_and_go_change_nothing_while_the_cause_stays() -> None:
    def crowd(*used: int) -> Snapshot:
        states = (taken(node(f"n{number}"), gpus) for number, gpus in enumerate(used))
        return cluster(*states, g=gang("g", 20))

    assert summed(crowd(8, 8, 4, 3)) == summed(crowd(5, 6, 7, 8)) == summed(crowd(8, 8, 8, 8))
    assert summed(crowd(0, 0, 0, 0)) is None, "it has room, and is about to start"


def test_missing_members_are_counted_by_nobody() -> None:
    group, pods = gang("g", 4)
    assert summed(cluster(node("n0"), g=(group, pods[:1]))) == summed(
        cluster(node("n0"), g=(group, pods[:3]))
    )


def test_attempts_under_way_have_no_name_there() -> None:
    def held(name: str) -> Snapshot:
        other, pods = gang(name, 1, pod=shape(gpus=8))
        line = RecordedMember(pods[0].key.name, pods[0].uid, NodeName("n0"), 0)
        attempt = Attempt(AttemptId("e1-1"), 1, 1, 1, AttemptPhase.COMMITTING, (line,))
        gangs = {name: (replace(other, attempt=attempt), pods)}
        return cluster(node("n0"), **gangs, g=gang("g", 1))

    assert summed(held("one")) == summed(held("two"))
    assert summed(held("one"))["blockingSets"][0]["constraints"] == [UNDER_WAY]


def test_gang_that_starts_or_has_started_has_no_summary() -> None:
    assert summed(cluster(node("n0"), g=gang("g", 4))) is None


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(crowded())
def test_summary_is_what_its_definition_allows(snapshot: Snapshot) -> None:
    found = summed(snapshot, A)
    if found is not None:
        _check(found, _schema(), "explanation")


def test_kinds_of_changes_are_those_that_the_definition_names() -> None:
    described = _schema()["properties"]["cheapestChange"]["properties"]["kind"]["description"]
    assert all(kind.value in described for kind in ChangeKind)


def _schema() -> dict[str, Any]:
    definition = yaml.safe_load(CRD.read_text())
    status = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    schema: dict[str, Any] = status["properties"]["explanation"]
    return schema


def _check(value: Any, schema: dict[str, Any], where: str) -> None:
    match schema["type"]:
        case "object":
            assert set(value) <= set(schema["properties"]), where
            assert set(schema.get("required", ())) <= set(value), where
            for name, each in value.items():
                _check(each, schema["properties"][name], f"{where}.{name}")
        case "array":
            assert schema.get("minItems", 0) <= len(value) <= schema["maxItems"], where
            for each in value:
                _check(each, schema["items"], where)
        case "string":
            assert schema.get("minLength", 0) <= len(value) <= schema["maxLength"], where
