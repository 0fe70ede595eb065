"""Nodes and priority classes become values; absurd ones are refused."""

from typing import Any

import msgspec
import pytest

from scheduler.model.nodes import Taint, TaintEffect
from scheduler.objects import structs
from scheduler.objects.errors import BadObject
from scheduler.objects.nodes import node_from
from scheduler.objects.priorities import priority_from
from tests.objects.building import node


def test_node_offers_its_allocatable() -> None:
    seen = node(
        {"cpu": "63500m", "memory": "1Gi", "pods": "110", "nvidia.com/gpu": "8"}, labels={"zone": "a"}
    )
    assert seen.name == "node-0"
    assert dict(seen.allocatable) == {"cpu": 63500, "memory": 1024**3, "pods": 110, "nvidia.com/gpu": 8}
    assert dict(seen.labels) == {"zone": "a"}
    assert not seen.unschedulable


def test_taints_and_cordon_are_kept() -> None:
    taints = [
        {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2026-11-24T10:00:00Z"},
    ]
    seen = node(spec={"unschedulable": True, "taints": taints})
    assert seen.unschedulable
    assert seen.taints == (
        Taint("gpu", TaintEffect.NO_SCHEDULE, "yes"),
        Taint("node.kubernetes.io/not-ready", TaintEffect.NO_EXECUTE),
    )


@pytest.mark.parametrize(
    ("allocatable", "spec", "labels", "field"),
    [
        ({"memory": "8Pi"}, {}, {}, r"status\.allocatable\.memory"),
        ({"nvidia.com/gpu": "1e30"}, {}, {}, r"status\.allocatable\.nvidia\.com/gpu"),
        ({"cpu": "-1"}, {}, {}, r"status\.allocatable\.cpu"),
        ({"cpu": "many"}, {}, {}, r"status\.allocatable\.cpu"),
        ({"": "1"}, {}, {}, r"status\.allocatable"),
        ({}, {"taints": [{"key": "a", "effect": "Sometimes"}]}, {}, r"spec\.taints\[\]\.effect"),
        ({}, {"taints": [{"key": "a", "effect": "NoSchedule"}] * 1025}, {}, r"spec\.taints"),
        ({}, {}, {"": "x"}, r"metadata\.labels"),
    ],
)
def test_absurd_node_is_refused_by_field(
    allocatable: dict[str, Any], spec: dict[str, Any], labels: dict[str, str], field: str
) -> None:
    with pytest.raises(BadObject, match=field):
        node(allocatable, spec, labels)


def test_node_without_a_name_is_refused() -> None:
    with pytest.raises(BadObject, match=r"metadata\.name"):
        node_from(structs.Node())


def test_node_that_offers_nothing_yet_is_a_node() -> None:
    assert not node().allocatable


def test_priority_class_is_name_value_and_default() -> None:
    raw = b'{"metadata":{"name":"high"},"value":1000,"globalDefault":true,"description":"x"}'
    assert priority_from(msgspec.json.decode(raw, type=structs.PriorityClass)) == ("high", 1000, True)
    with pytest.raises(BadObject, match=r"metadata\.name"):
        priority_from(structs.PriorityClass())
