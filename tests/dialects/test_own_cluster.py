"""Queues and Topologies become values, or are bad by field."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from scheduler.dialects import own, own_cluster
from scheduler.dialects.own_cluster import unsupported_in_queue
from scheduler.model.facts import Level
from scheduler.model.queues import Queue
from scheduler.model.resources import Resources
from scheduler.objects.errors import BadObject

ROOT = Path(__file__).resolve().parents[2]
# as the API server fills them in
QUEUE_DEFAULTS = {"weight": 1, "order": "WFP", "reclaim": "Enabled", "preemption": "Enabled"}


def raw(spec: Any, name: str = "default") -> bytes:
    return msgspec.json.encode({"metadata": {"name": name, "uid": "u"}, "spec": spec})


def test_queue_is_read() -> None:
    spec = {
        "parent": "root",
        "weight": 3,
        "resources": [
            {"name": "nvidia.com/gpu", "guaranteed": "16", "limit": 32},
            {"name": "cpu", "guaranteed": "500m"},
        ],
        "order": "FIFO",
        "reclaim": True,
    }
    guaranteed = Resources({"nvidia.com/gpu": 16, "cpu": 500})
    limit = Resources({"nvidia.com/gpu": 32})
    assert own.parse_queue(raw(spec, "research")) == Queue("research", "root", 3, guaranteed, limit, "FIFO")


def test_queue_without_limits_is_unlimited() -> None:
    assert own.parse_queue(raw({})) == Queue("default")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"weight": 0}, r"Queue\.spec\.weight"),
        ({"resources": [{"name": "cpu", "limit": "lots"}]}, r"Queue\.spec\.resources\[\]\.limit\.cpu"),
        ({"resources": [{"limit": "1"}]}, r"Queue\.spec\.resources\[0\]"),
        ([], r"Queue\.spec"),
    ],
)
def test_bad_queue_is_refused_by_field(spec: Any, words: str) -> None:
    with pytest.raises(BadObject, match=words):
        own.parse_queue(raw(spec))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parent", "root"),
        ("weight", 2),
        ("resources", [{"name": "cpu", "limit": "1"}]),
        ("order", "FIFO"),
        ("reclaim", "Disabled"),
        ("preemption", "Disabled"),
        ("defaultMaxRuntimeSeconds", 60),
        ("namespaceSelector", {}),
    ],
)
def test_field_of_a_queue_that_is_not_acted_upon_is_named_alone(field: str, value: Any) -> None:
    assert unsupported_in_queue({**QUEUE_DEFAULTS, field: value}) == (field,)


def test_fields_and_defaults_are_those_of_the_schema() -> None:
    definition = yaml.safe_load((ROOT / "crds" / "queue.yaml").read_text(encoding="utf-8"))
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields = schema["properties"]["spec"]["properties"]
    assert {name: field["default"] for name, field in fields.items() if "default" in field} == QUEUE_DEFAULTS
    assert set(own_cluster._NOT_ACTED_UPON) == set(fields)


def test_queue_of_defaults_asks_for_nothing_unsupported() -> None:
    assert unsupported_in_queue(QUEUE_DEFAULTS) == ()
    assert unsupported_in_queue({}) == ()


def test_topology_names_its_levels_outermost_first() -> None:
    spec = {"levels": [{"name": "block", "nodeLabel": "x/block"}, {"name": "rack", "nodeLabel": "x/rack"}]}
    assert own.parse_topology(raw(spec)) == ("default", (Level("block", "x/block"), Level("rack", "x/rack")))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "levels is empty"),
        ({"levels": [{"name": "rack"}]}, "nodeLabel"),
        ({"levels": [{"name": "a", "nodeLabel": "x"}, {"name": "a", "nodeLabel": "y"}]}, "same name twice"),
        (
            {"levels": [{"name": "a", "nodeLabel": "x"}, {"name": "b", "nodeLabel": "x"}]},
            "same nodeLabel twice",
        ),
        ({"levels": [{"name": str(n), "nodeLabel": str(n)} for n in range(17)]}, "length <= 16"),
    ],
)
def test_bad_topology_is_refused_by_field(spec: Any, words: str) -> None:
    with pytest.raises(BadObject, match=words):
        own.parse_topology(raw(spec))


@pytest.mark.parametrize("parse", [own.parse_queue, own.parse_topology])
@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b'{"metadata":{"name":""},"spec":{"levels":[]}}', b"[" * 100_000]
)
def test_object_without_a_name_is_bad(parse: Any, text: bytes) -> None:
    with pytest.raises(BadObject):
        parse(text)
