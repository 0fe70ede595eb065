"""Our pod groups: what is asked for becomes values, what cannot be acted upon becomes a refusal, and never an exception."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.dialects import own
from scheduler.model.ids import GroupKey
from scheduler.model.podgroups import (
    DEFAULT_QUEUE,
    MemberFailure,
    PodGroup,
    Profile,
    Role,
    Slice,
    TopologyConstraint,
)
from scheduler.objects import structs
from scheduler.objects.errors import BadObject

METADATA = {
    "name": "train",
    "namespace": "team-a",
    "uid": "uid-1",
    "resourceVersion": "42",
    "generation": 3,
    "creationTimestamp": "2026-11-24T10:00:00Z",
}


def parsed(spec: Any, *, status: Any = None, metadata: Any = None) -> PodGroup:
    obj = {
        "metadata": METADATA | (metadata or {}),
        "spec": spec,
        "status": status if status is not None else {},
    }
    return own.OWN.parse(msgspec.json.encode(obj))


def test_smallest_group_gets_the_product_s_defaults() -> None:
    group = parsed({"minCount": 4})
    assert group == PodGroup(
        key=GroupKey("team-a", "train", "tutti"),
        uid=group.uid,
        min_count=4,
        resource_version="42",
        generation=3,
        created_at=1_795_514_400.0,
    )
    assert (group.uid, group.queue, group.repair_timeout_s) == ("uid-1", DEFAULT_QUEUE, 60.0)
    assert (group.on_member_failure, group.fail_on_timeout) == (MemberFailure.REPAIR, False)
    assert (group.topology, group.refusal, group.attempt) == (TopologyConstraint(), "", None)


def test_every_field_of_the_spec_is_read() -> None:
    group = parsed(
        {
            "minCount": 6,
            "maxCount": 8,
            "roles": [
                {"name": "leader", "minCount": 1, "selector": {"matchLabels": {"role": "leader"}}},
                {"name": "worker", "minCount": 5},
            ],
            "queue": "research",
            "priorityClassName": "high",
            "disruptionMode": "Pod",
            "topology": {
                "required": "block",
                "preferred": "fabric.topograph.run/tier-0",
                "profile": "AllToAll",
                "slices": [{"level": "rack", "size": 2}],
            },
            "spares": 1,
            "expectedRuntimeSeconds": 3600,
            "maxRuntimeSeconds": 7200,
            "checkpointIntervalSeconds": 600,
            "scheduleTimeoutSeconds": 300,
            "onTimeout": "Fail",
            "repairTimeoutSeconds": 0,
            "onMemberFailure": "Evict",
        },
        metadata={"deletionTimestamp": "2026-11-24T11:00:00Z"},
    )
    assert group.refusal == ""
    assert (group.min_count, group.max_count, group.spares) == (6, 8, 1)
    assert group.roles == (Role("leader", 1, {"role": "leader"}), Role("worker", 5, {}))
    assert (group.queue, group.priority_class, group.priority) == ("research", "high", 0)
    assert group.topology == TopologyConstraint(
        "block", "fabric.topograph.run/tier-0", Profile.ALL_TO_ALL, (Slice("rack", 2),)
    )
    assert (group.expected_runtime_s, group.max_runtime_s, group.schedule_timeout_s) == (3600, 7200, 300)
    assert (group.fail_on_timeout, group.repair_timeout_s, group.is_deleting) == (True, 0.0, True)
    assert group.on_member_failure is MemberFailure.EVICT


def test_roles_alone_make_the_gang() -> None:
    group = parsed({"roles": [{"name": "a", "minCount": 2}, {"name": "b", "minCount": 3}]})
    assert (group.min_count, group.refusal) == (5, "")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "spec.minCount is missing"),
        (None, "spec: expected `object`"),
        ([], "spec: expected `object`"),
        ("minCount: 4", "spec: expected `object`"),
        ({"minCount": 0}, "spec.minCount: expected `int` >= 1"),
        ({"minCount": 10_001}, "spec.minCount: expected `int` <= 10000"),
        ({"minCount": "4"}, "spec.minCount: expected `int | null`, got `str`"),
        ({"minCount": 4.5}, "spec.minCount: expected `int | null`, got `float`"),
        ({"minCount": True}, "spec.minCount: expected `int | null`, got `bool`"),
        ({"minCount": 4, "maxCount": 3}, "spec.maxCount is 3, below the 4"),
        ({"minCount": 1, "roles": [{"name": "a", "minCount": 2}]}, "spec.roles need 2 members"),
        ({"roles": [{"name": "a", "minCount": 1}] * 2}, "spec.roles names a role twice"),
        (
            {"roles": [{"name": f"r{n}", "minCount": 1} for n in range(17)]},
            "spec.roles: expected `array` of length <= 16",
        ),
        ({"roles": [{"name": f"r{n}", "minCount": 9_000} for n in range(2)]}, "spec.roles add up to 18000"),
        ({"roles": [{"minCount": 1}]}, "spec.roles[0]: object missing required field `name`"),
        (
            {"minCount": 1, "topology": {"profile": "Star"}},
            "spec.topology.profile: invalid enum value 'Star'",
        ),
        (
            {"minCount": 1, "topology": {"required": "x" * 400}},
            "spec.topology.required: expected `str` of length <= 317",
        ),
        (
            {"minCount": 1, "topology": {"slices": [{"level": "rack", "size": 0}]}},
            "spec.topology.slices[0].size",
        ),
        ({"minCount": 1, "onMemberFailure": "Panic"}, "spec.onMemberFailure: invalid enum value 'Panic'"),
        ({"minCount": 1, "repairTimeoutSeconds": -1}, "spec.repairTimeoutSeconds: expected `int` >= 0"),
        ({"minCount": 1, "queue": {"name": "x"}}, "spec.queue: expected `str | null`, got `object`"),
    ],
)
def test_spec_that_cannot_be_acted_upon_is_refused_by_field(spec: Any, words: str) -> None:
    group = parsed(spec)
    assert words in group.refusal
    assert group.refusal.endswith(".")
    assert group.min_count >= 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b"{}",
        b'{"metadata":{"name":"g","namespace":"n"}}',
        b'{"metadata":{"name":"g","uid":"u"}}',
        b'{"metadata":{"namespace":"n","uid":"u"}}',
        b'{"metadata":{"name":7,"namespace":"n","uid":"u"}}',
        b'{"metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"metadata":{"name":"g","namespace":"n","uid":"u"},"spec":'
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}",
    ],
)
def test_object_without_a_readable_identity_is_bad(raw: bytes) -> None:
    with pytest.raises(BadObject):
        own.OWN.parse(raw)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.sampled_from(["", "a", "Ring", "x" * 500, "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "minCount", "level"]), inner)
    ),
    max_leaves=8,
)
SPEC_FIELDS = st.sampled_from(
    ["minCount", "maxCount", "roles", "queue", "topology", "spares", "onTimeout", "other"]
)


@given(st.dictionaries(SPEC_FIELDS, JSON) | JSON, JSON | st.dictionaries(st.just("attempt"), JSON))
def test_any_spec_and_status_is_a_group(spec: Any, status: Any) -> None:
    group = parsed(spec, status=status)
    assert 1 <= group.min_count <= 10_000
    assert len(group.refusal) < 400


def wire_pod(labels: dict[str, str] | None) -> structs.Pod:
    return structs.Pod(metadata=structs.ObjectMeta(name="p", namespace="team-a", uid="u", labels=labels))


@pytest.mark.parametrize(
    ("labels", "group", "role"),
    [
        (None, None, None),
        ({}, None, None),
        ({own.POD_GROUP_LABEL: ""}, None, None),
        ({own.POD_GROUP_LABEL: "g"}, GroupKey("team-a", "g"), None),
        ({own.POD_GROUP_LABEL: "g", own.ROLE_LABEL: "worker"}, GroupKey("team-a", "g"), "worker"),
    ],
)
def test_pod_names_its_group_and_role_by_label(
    labels: dict[str, str] | None, group: GroupKey | None, role: str | None
) -> None:
    assert own.OWN.group_of(wire_pod(labels)) == group
    assert own.OWN.role_of(wire_pod(labels)) == role


def test_names_of_the_contract_do_not_move() -> None:
    assert (own.GROUP, own.VERSION, own.OWN.name) == ("scheduling.tutti.dev", "v1alpha1", "tutti")
    assert own.POD_GROUP_LABEL == "scheduling.tutti.dev/pod-group"
    assert own.ROLE_LABEL == "scheduling.tutti.dev/role"
    assert own.ATTEMPT_ANNOTATION == "scheduling.tutti.dev/attempt"
    assert own.EPOCH_ANNOTATION == "scheduling.tutti.dev/epoch"
    assert own.RANK_ANNOTATION == "scheduling.tutti.dev/rank"


def test_fields_that_are_kept_but_not_acted_upon_are_named() -> None:
    asked = {
        "minCount": 4,
        "queue": "research",
        "spares": 1,
        "topology": {"required": "rack", "profile": "AllToAll", "slices": [{"level": "rack", "size": 2}]},
    }
    assert set(own.unsupported(asked)) == {"queue", "spares", "topology.profile"}
    assert own.unsupported({"minCount": 4, "topology": {"required": "rack"}}) == ()
    assert own.unsupported({"minCount": 4, "topology": None, "queue": "default", "spares": 0}) == ()


def test_group_that_was_told_that_it_waited_too_long_is_known_by_its_condition() -> None:
    def parsed(**condition: str) -> bool:
        body = {
            "metadata": {"name": "g", "namespace": "team", "uid": "u"},
            "spec": {"minCount": 1, "scheduleTimeoutSeconds": 5, "onTimeout": "Fail"},
            "status": {
                "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted"}, condition]
            },
        }
        return own.OWN.parse(json.dumps(body).encode()).has_given_up

    assert parsed(type="Scheduled", status="False", reason="Timeout")
    assert not parsed(type="Scheduled", status="False", reason="InsufficientResources")
    assert not parsed(type="Scheduled", status="True", reason="Scheduled")


def test_generation_for_which_a_group_says_that_it_is_scheduled_is_known_by_its_condition() -> None:
    def told(**condition: object) -> int | None:
        body = {
            "metadata": {"name": "g", "namespace": "team", "uid": "u", "generation": 3},
            "spec": {"minCount": 1},
            "status": {
                "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 3}, condition]
            },
        }
        return own.OWN.parse(json.dumps(body).encode()).told_whole_at

    assert told(type="Scheduled", status="True", reason="Scheduled", observedGeneration=2) == 2
    assert told(type="Scheduled", status="True", reason="Scheduled") is None
    assert told(type="Scheduled", status="False", reason="Timeout", observedGeneration=3) is None
