"""Pods become values: identity, state, and what decides where they may run."""

import gc
import weakref
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.model.ids import GroupKey, PodKey
from scheduler.model.nodes import TaintEffect
from scheduler.model.pods import (
    HostPort,
    NodeSelectorTerm,
    Operator,
    PodPhase,
    PreferredTerm,
    Requirement,
    Toleration,
)
from scheduler.model.volumes import ClaimUse
from scheduler.objects import structs
from scheduler.objects.errors import BadObject
from scheduler.objects.pods import pod_from
from tests.objects.building import METADATA, asking, pod, wire_pod

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def test_identity_and_state_are_kept() -> None:
    group = GroupKey("team-a", "g")
    metadata = {
        "labels": {"a": "b"},
        "ownerReferences": [{"kind": "Job", "name": "j", "uid": "u", "controller": True}],
    }
    seen = pod(
        {"schedulerName": "tutti", "nodeName": "node-1", "priority": 100},
        metadata=metadata,
        status={"phase": "Running"},
        group=group,
    )
    assert (seen.key, seen.uid, seen.resource_version) == (PodKey("team-a", "p"), "uid-1", "7")
    assert (seen.group, seen.node, seen.priority, seen.phase) == (group, "node-1", 100, PodPhase.RUNNING)
    assert (seen.scheduler_name, seen.has_controller, dict(seen.labels)) == ("tutti", True, {"a": "b"})
    assert seen.created_at == 1_795_514_400.0
    assert (seen.is_gated, seen.is_deleting, seen.index) == (False, False, None)


def test_gated_and_deleting_pods_do_not_count_for_quorum() -> None:
    assert pod().counts_for_quorum
    gated = pod({"schedulingGates": [{"name": "example.com/wait"}]})
    assert gated.is_gated
    assert not gated.counts_for_quorum
    leaving = pod(metadata={"deletionTimestamp": "2026-11-24T10:00:01Z"})
    assert leaving.is_deleting
    assert not leaving.counts_for_quorum


@pytest.mark.parametrize(
    ("said", "phase"),
    [("", PodPhase.PENDING), ("Succeeded", PodPhase.SUCCEEDED), ("Resting", PodPhase.UNKNOWN)],
)
def test_phase_that_nobody_knows_counts_as_alive(said: str, phase: PodPhase) -> None:
    assert pod(status={"phase": said}).phase is phase


def test_owner_that_is_not_the_controller_recreates_nothing() -> None:
    assert not pod(metadata={"ownerReferences": [{"kind": "X", "name": "x", "uid": "u"}]}).has_controller


@pytest.mark.parametrize(
    ("metadata", "index"),
    [
        ({"labels": {"batch.kubernetes.io/job-completion-index": "7"}}, 7),
        ({"annotations": {"batch.kubernetes.io/job-completion-index": "12"}}, 12),
        ({"labels": {"apps.kubernetes.io/pod-index": "0"}}, 0),
        ({"labels": {"apps.kubernetes.io/pod-index": "-1"}}, None),
        ({"labels": {"apps.kubernetes.io/pod-index": "٣"}}, None),
        ({"labels": {"apps.kubernetes.io/pod-index": "9" * 40}}, None),
    ],
)
def test_index_is_read_where_the_owner_numbers_its_pods(metadata: dict[str, Any], index: int | None) -> None:
    assert pod(metadata=metadata).index == index


def test_equal_pods_share_one_shape() -> None:
    spec = {"containers": [asking({"cpu": "1"})], "nodeSelector": {"a": "b"}}
    first = pod(spec, metadata={"name": "p-0", "uid": "u0"})
    second = pod(spec | {"nodeName": "node-1"}, metadata={"name": "p-1", "uid": "u1"})
    otherwise_spelled = pod({"containers": [asking({"cpu": "500m"})] * 2, "nodeSelector": {"a": "b"}})
    assert first.shape is second.shape
    assert first.shape is otherwise_spelled.shape
    assert first.shape is not pod(spec | {"nodeSelector": {"a": "c"}}).shape


def test_foreign_pod_is_projected_to_what_it_takes() -> None:
    spec = {
        "nodeName": "node-1",
        "containers": [asking({"cpu": "1"}, ports=[{"containerPort": 80, "hostPort": 8080}])],
        "nodeSelector": {"a": "b"},
        "tolerations": [{"operator": "Exists"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
    }
    seen = pod(spec, full=False, metadata={"labels": {"a": "b"}})
    assert dict(seen.shape.requests) == {"cpu": 1000, "pods": 1}
    assert seen.shape.host_ports == (HostPort("TCP", 8080),)
    assert (seen.shape.node_selector, seen.shape.tolerations, seen.shape.unevaluated) == ((), (), ())
    assert seen.labels == {"a": "b"}  # rules of others look at them
    assert seen.claims == (ClaimUse("c"),)  # its volumes are attached there


def test_claims_are_the_pods_own_and_not_of_its_shape() -> None:
    volumes: list[dict[str, Any]] = [
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}},
        {"name": "again", "persistentVolumeClaim": {"claimName": "data-0", "readOnly": True}},
        {"name": "config", "configMap": {"name": "c"}},
    ]
    seen = pod({"volumes": volumes})
    assert seen.claims == (ClaimUse("data-0"), ClaimUse("p-scratch", is_ephemeral=True))
    assert seen.shape is pod().shape


def test_foreign_pod_keeps_its_rules_on_others_and_nothing_else_of_its_affinity() -> None:
    term = {"topologyKey": "zone", "labelSelector": {}}
    rules = {"podAntiAffinity": {REQUIRED: [term]}}
    spec = {
        "nodeName": "node-1",
        "affinity": {**rules, "nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}},
        "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1}],
    }
    seen = pod(spec, full=False)
    assert seen.shape.rules == pod({"affinity": rules}).shape.rules is not None
    assert (seen.shape.required_terms, seen.shape.spreads) == (None, ())


def test_foreign_pod_whose_labels_are_out_of_bounds_counts_all_the_same() -> None:
    labels = {"k": "v" * 64}
    assert pod({"nodeName": "node-1"}, full=False, metadata={"labels": labels}).labels == {}


def test_node_selector_is_in_order_of_keys() -> None:
    assert pod({"nodeSelector": {"b": "2", "a": "1"}}).shape.node_selector == (("a", "1"), ("b", "2"))


def affinity(kind: str, value: Any) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {kind: value}}}


def test_required_node_affinity_keeps_terms_labels_and_fields() -> None:
    terms = [
        {
            "matchExpressions": [
                {"key": "zone", "operator": "In", "values": ["a", "b"]},
                {"key": "gpu", "operator": "Exists"},
            ]
        },
        {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["node-0"]}]},
        {},
    ]
    shape = pod(affinity(REQUIRED, {"nodeSelectorTerms": terms})).shape
    assert shape.required_terms == (
        NodeSelectorTerm(
            labels=(Requirement("zone", Operator.IN, ("a", "b")), Requirement("gpu", Operator.EXISTS))
        ),
        NodeSelectorTerm(fields=(Requirement("metadata.name", Operator.NOT_IN, ("node-0",)),)),
        NodeSelectorTerm(),
    )
    assert shape.unevaluated == ()


def test_affinity_that_requires_nothing_is_told_from_one_that_matches_nothing() -> None:
    assert pod({"affinity": {}}).shape.required_terms is None
    assert pod(affinity(REQUIRED, {"nodeSelectorTerms": []})).shape.required_terms == ()


@pytest.mark.parametrize(
    "term",
    [
        {"matchExpressions": [{"key": "a", "operator": "Like", "values": ["b"]}]},
        {"matchFields": [{"key": "metadata.namespace", "operator": "In", "values": ["b"]}]},
        {"matchFields": [{"key": "metadata.name", "operator": "Exists"}]},
    ],
    ids=["operator", "field", "field-operator"],
)
def test_affinity_beyond_us_is_named_not_dropped(term: dict[str, Any]) -> None:
    assert pod(affinity(REQUIRED, {"nodeSelectorTerms": [term]})).shape.unevaluated == ("nodeAffinity",)


def test_preferred_affinity_is_kept_with_its_weight_and_never_holds_a_pod() -> None:
    good = {"weight": 30, "preference": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}}
    strange = {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}
    empty = {"weight": 5, "preference": {}}
    shape = pod(affinity(PREFERRED, [good, strange, empty])).shape
    wish = PreferredTerm(30, NodeSelectorTerm(labels=(Requirement("a", Operator.DOES_NOT_EXIST),)))
    assert shape.preferred_terms == (wish,)
    assert shape.unevaluated == ()


def test_tolerations_are_kept() -> None:
    wanted = [
        {"operator": "Exists"},
        {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
        {"key": "x", "operator": "Equal", "value": "1", "effect": "NoExecute", "tolerationSeconds": 300},
    ]
    assert pod({"tolerations": wanted}).shape.tolerations == (
        Toleration(exists=True),
        Toleration("gpu", value="yes", effect=TaintEffect.NO_SCHEDULE),
        Toleration("x", value="1", effect=TaintEffect.NO_EXECUTE),
    )


@pytest.mark.parametrize("strange", [{"operator": "Lt"}, {"operator": "Gt"}, {"effect": "NoBreakfast"}])
def test_toleration_beyond_us_tolerates_nothing_and_is_named(strange: dict[str, str]) -> None:
    shape = pod({"tolerations": [{"key": "a", "value": "1"} | strange]}).shape
    assert (shape.tolerations, shape.unevaluated) == ((), ("tolerations",))


def test_host_ports_of_containers_and_sidecars_count_once() -> None:
    spec = {
        "containers": [asking({}, ports=[{"hostPort": 80}, {"hostPort": 80}, {"containerPort": 90}])],
        "initContainers": [
            asking({}, ports=[{"hostPort": 70}]),
            asking(
                {}, restartPolicy="Always", ports=[{"hostPort": 60, "protocol": "UDP", "hostIP": "10.0.0.1"}]
            ),
        ],
    }
    assert pod(spec).shape.host_ports == (HostPort("TCP", 80), HostPort("UDP", 60, "10.0.0.1"))


def test_every_port_on_the_host_network_is_the_node_s() -> None:
    spec = {"hostNetwork": True, "containers": [asking({}, ports=[{"containerPort": 90}])]}
    assert pod(spec).shape.host_ports == (HostPort("TCP", 90),)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"resourceClaims": [{"name": "gpu"}]}, "resourceClaims"),
        ({"volumes": [{"gcePersistentDisk": {"pdName": "x"}}]}, "volumes.gcePersistentDisk"),
        ({"volumes": [{"iscsi": {"lun": 1}}]}, "volumes.iscsi"),
    ],
)
def test_constraint_that_no_predicate_covers_is_named(spec: dict[str, Any], field: str) -> None:
    assert pod(spec).shape.unevaluated == (field,)


@pytest.mark.parametrize(
    "spec",
    [
        {
            "volumes": [
                {"emptyDir": {}},
                {"configMap": {"name": "x"}},
                {"projected": {}},
                {"csi": {"driver": "x"}},
            ]
        },
        {"resourceClaims": []},
    ],
    ids=["volumes-of-any-node", "no-claims"],
)
def test_what_kube_scheduler_lets_pass_is_not_held(spec: dict[str, Any]) -> None:
    assert pod(spec).shape.unevaluated == ()


EXISTS = {"key": "a", "operator": "Exists"}
HALF = {"matchExpressions": [EXISTS] * 511}


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (
            affinity(REQUIRED, {"nodeSelectorTerms": [HALF, HALF, {"matchFields": []}]}),
            "more than 1024 terms and requirements of nodeAffinity",
        ),
        ({"tolerations": [{"operator": "Exists"}] * 1025}, "more than 1024 tolerations"),
    ],
    ids=["affinity", "tolerations"],
)
def test_pod_that_is_too_particular_is_held_and_still_counts_where_it_runs(
    spec: dict[str, Any], named: str
) -> None:
    seen = pod(spec | {"containers": [asking({"cpu": "1"})], "nodeName": "node-1"})
    assert seen.shape.unevaluated == (named,)
    assert (seen.shape.required_terms, seen.shape.tolerations) == (None, ())
    assert (seen.node, dict(seen.shape.requests)) == ("node-1", {"cpu": 1000, "pods": 1})


def test_as_much_as_the_bounds_allow_is_kept() -> None:
    spec = affinity(REQUIRED, {"nodeSelectorTerms": [HALF, HALF]}) | {
        "tolerations": [{"operator": "Exists"}] * 1024
    }
    shape = pod(spec).shape
    assert (len(shape.required_terms or ()), len(shape.tolerations), shape.unevaluated) == (2, 1024, ())


def test_too_many_wishes_are_none_and_hold_nobody() -> None:
    wish = {"weight": 1, "preference": HALF}
    assert len(pod(affinity(PREFERRED, [wish, wish])).shape.preferred_terms) == 2
    shape = pod(affinity(PREFERRED, [wish, wish, {"weight": 1, "preference": {}}])).shape
    assert (shape.preferred_terms, shape.unevaluated) == ((), ())


def long_affinity(value: str) -> dict[str, Any]:
    requirement = {
        "key": "a",
        "operator": "NotIn",
        "values": [f"{value}{number}" for number in range(10_000)],
    }
    return affinity(REQUIRED, {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]})


def test_pods_of_unusual_length_share_one_shape_too() -> None:
    first, second = (pod(long_affinity("x"), metadata={"name": name, "uid": name}) for name in ("p-0", "p-1"))
    assert first.shape is second.shape
    assert first.shape != pod(long_affinity("y")).shape


def test_shape_of_unusual_length_is_forgotten_with_its_last_pod() -> None:
    seen = pod(long_affinity("z"))
    shape = weakref.ref(seen.shape)
    assert shape() is not None
    del seen
    gc.collect()
    assert shape() is None


@pytest.mark.parametrize("field", ["name", "namespace", "uid"])
def test_pod_without_identity_is_refused(field: str) -> None:
    with pytest.raises(BadObject, match=rf"metadata\.{field} is missing"):
        pod(metadata={field: ""})


@pytest.mark.parametrize(
    ("metadata", "spec", "field"),
    [
        ({"labels": {f"k{n}": "v" for n in range(1025)}}, {}, "metadata.labels"),
        ({"labels": {"k": "v" * 64}}, {}, "metadata.labels"),
        ({"uid": "u" * 129}, {}, "metadata.uid"),
        ({}, {"containers": [{"ports": [{"hostPort": 65536}]}]}, "hostPort"),
        ({}, {"containers": [{"ports": [{"hostPort": -1}]}]}, "hostPort"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_field(
    metadata: dict[str, Any], spec: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadObject, match=field.replace(".", r"\.")) as caught:
        pod(spec, metadata=metadata)
    assert len(str(caught.value)) < 300


def test_nulls_of_the_extender_s_copy_are_accepted() -> None:
    raw = (
        b'{"metadata":{"name":"p","namespace":"n","uid":"u","creationTimestamp":null,"labels":null},'
        b'"spec":{"containers":null,"affinity":null,"tolerations":null,"priority":null},"status":{}}'
    )
    seen = pod_from(msgspec.json.decode(raw, type=structs.Pod), group=None, role=None, full=True)
    assert (seen.created_at, seen.priority) == (0.0, 0)


WORDS = st.sampled_from(
    [
        "",
        "a",
        "In",
        "1",
        "-1",
        "1e9999",
        "\x00",
        "é",
        "x" * 400,
        "metadata.name",
        "NoSchedule",
        "Always",
        "Exists",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(sorted(field.encode_name for field in msgspec.structs.fields(structs.PodSpec)))


def whole_numbers(value: Any) -> list[int]:
    if isinstance(value, dict):
        return whole_numbers(list(value.values()))
    if isinstance(value, list):
        return [number for each in value for number in whole_numbers(each)]
    return [value] if isinstance(value, int) else []


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(FIELDS, JSON, max_size=4),
    st.dictionaries(st.sampled_from(sorted(METADATA)), JSON, max_size=2),
)
def test_any_json_is_a_pod_or_refused(spec: dict[str, Any], metadata: dict[str, Any]) -> None:
    try:
        seen = pod_from(wire_pod(spec, metadata=metadata), group=None, role=None, full=True)
    except (BadObject, msgspec.ValidationError) as problem:
        assert str(problem)
    except OverflowError:  # a whole number that this test cannot spell as JSON
        assert any(abs(number) >= 2**63 for number in whole_numbers([spec, metadata]))
    else:
        assert seen.shape.requests["pods"] == 1
