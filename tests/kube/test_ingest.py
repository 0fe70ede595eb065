"""A hostile object costs nobody else anything: it is set aside with a sentence, and forgotten when it can be read again."""

from typing import Any

import msgspec
import pytest

from scheduler.engine.cycle import decide
from scheduler.kube.cache import Cache, SetAside
from scheduler.kube.ingest import Ingest, Resource
from scheduler.kube.reflector import Gone, Put
from scheduler.model.ids import POD_DIALECT, GroupKey, NodeName, PodKey, PodUid
from scheduler.policies.registry import default_policies

GROUP_LABEL = "scheduling.tutti.dev/pod-group"


@pytest.fixture
def cache() -> Cache:
    return Cache(scheduler_names=("tutti", "other-tutti"), clock=lambda: 0.0)


@pytest.fixture
def ingest(cache: Cache) -> Ingest:
    return Ingest(cache)


def resource(ingest: Ingest, kind: str) -> Resource:
    return next(resource for resource in ingest.resources() if resource.kind == kind)


def put(ingest: Ingest, kind: str, obj: dict[str, Any]) -> None:
    meta = obj["metadata"]
    raw = msgspec.Raw(msgspec.json.encode(obj))
    ingest.put(resource(ingest, kind), Put((meta.get("namespace", ""), meta["name"]), meta["uid"], raw))


def pod(name: str, cpu: object = "1", labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "a",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "labels": labels or {},
        },
        "spec": {"schedulerName": "tutti", "containers": [container], **spec},
        "status": {"phase": "Pending"},
    }


def node(name: str, cpu: object = "4") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}"},
        "status": {"allocatable": {"cpu": cpu, "pods": "10"}},
    }


def test_a_pod_belongs_to_the_group_of_its_label_or_is_one_of_its_own(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "pods", pod("x", labels={GROUP_LABEL: "g"}))
    put(ingest, "pods", pod("alone", schedulerName="other-tutti"))
    assert cache.keys() == (GroupKey("a", "alone", POD_DIALECT), GroupKey("a", "g"))


def test_pods_of_other_schedulers_count_only_where_they_run(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "nodes", node("n1"))
    put(
        ingest,
        "pods",
        pod("waits", schedulerName="default-scheduler", labels={GROUP_LABEL: "g"}),
    )
    put(ingest, "pods", pod("runs", schedulerName="default-scheduler", nodeName="n1"))
    assert cache.keys() == ()
    assert cache.snapshot().nodes[NodeName("n1")].requested["cpu"] == 1000
    ended = pod("runs", schedulerName="default-scheduler", nodeName="n1")
    put(ingest, "pods", {**ended, "status": {"phase": "Succeeded"}})
    assert cache.snapshot().nodes[NodeName("n1")].requested["cpu"] == 0
    assert cache.pod(PodKey("a", "runs")) is None


BAD_PODS: dict[str, dict[str, Any]] = {
    "quantity": pod("bad", cpu="lots"),
    "quantity-without-end": pod("bad", cpu="1" * 100_000),
    "wrong-type": pod("bad", containers=7),
    "labels-of-the-wrong-type": {**pod("bad"), "metadata": {**pod("bad")["metadata"], "labels": [1]}},
}


@pytest.mark.parametrize("bad", BAD_PODS.values(), ids=BAD_PODS.keys())
def test_a_pod_that_cannot_be_read_is_set_aside_and_the_others_are_not(
    ingest: Ingest, cache: Cache, bad: dict[str, Any]
) -> None:
    put(ingest, "pods", bad)
    put(ingest, "pods", pod("fine"))
    (aside,) = cache.set_aside
    assert (aside.kind, aside.key) == ("pods", ("a", "bad"))
    assert aside.sentence
    assert not cache.knows(PodUid("uid-bad"))
    assert cache.knows(PodUid("uid-fine"))
    put(ingest, "pods", pod("bad"))
    assert cache.set_aside == ()
    assert cache.knows(PodUid("uid-bad"))


def test_a_waiting_pod_that_becomes_unreadable_is_not_planned_and_a_bound_one_keeps_its_room(
    ingest: Ingest, cache: Cache
) -> None:
    put(ingest, "nodes", node("n1"))
    put(ingest, "pods", pod("waits"))
    put(ingest, "pods", pod("runs", nodeName="n1"))
    put(ingest, "pods", pod("waits", cpu="lots"))
    put(ingest, "pods", pod("runs", cpu="lots", nodeName="n1"))
    assert not cache.knows(PodUid("uid-waits"))
    assert cache.snapshot().nodes[NodeName("n1")].requested["cpu"] == 1000
    assert len(cache.set_aside) == 2


def free_nodes(cache: Cache) -> list[str]:
    """The nodes that a decision picks for a pod of 1 CPU: none where nothing may be planned."""
    plan = decide(cache.snapshot(), default_policies(), now=0.0)
    return [slot.node for admit in plan.admitted for slot in admit.assignments]


ZEROS = {"name": "c", "resources": {"requests": {"cpu": "4", **{f"x.io/r{n}": "0" for n in range(257)}}}}
WISH = {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
WISHES = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [WISH] * 257}}

LARGE_PODS: dict[str, dict[str, Any]] = {
    "257 resources asked for nothing": pod("big", containers=[ZEROS], nodeName="n1"),
    "1,025 labels": pod("big", cpu="4", labels={f"l{n}": "x" for n in range(1025)}, nodeName="n1"),
    "257 wishes": pod("big", cpu="4", affinity=WISHES, nodeName="n1"),
    "1,025 tolerations": pod("big", cpu="4", tolerations=[{"operator": "Exists"}] * 1025, nodeName="n1"),
}


@pytest.mark.parametrize("scheduler", ["tutti", "default-scheduler"])
@pytest.mark.parametrize("large", LARGE_PODS.values(), ids=LARGE_PODS.keys())
def test_pod_first_seen_on_a_node_counts_there_though_not_all_of_it_can_be_read(
    ingest: Ingest, cache: Cache, large: dict[str, Any], scheduler: str
) -> None:
    put(ingest, "nodes", node("n1"))
    put(ingest, "pods", {**large, "spec": {**large["spec"], "schedulerName": scheduler}})
    put(ingest, "pods", pod("waits"))
    assert cache.snapshot().nodes[NodeName("n1")].requested["cpu"] == 4000
    assert free_nodes(cache) == []
    put(ingest, "pods", {**large, "status": {"phase": "Succeeded"}})
    assert free_nodes(cache) == ["n1"]


def test_member_on_a_node_stays_a_member_when_it_grows_too_many_labels(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "pods", pod("m", labels={GROUP_LABEL: "g"}, nodeName="n1"))
    put(
        ingest,
        "pods",
        pod("m", labels={GROUP_LABEL: "g", **dict.fromkeys(map(str, range(1025)), "x")}, nodeName="n1"),
    )
    _, members = cache.view(GroupKey("a", "g"))
    assert [(member.uid, member.node) for member in members] == [("uid-m", "n1")]
    (aside,) = cache.set_aside
    assert "only what it takes from node n1 is counted" in aside.sentence


UNSIZED_PODS: dict[str, dict[str, Any]] = {
    "257 resources": pod(
        "big",
        containers=[{"name": "c", "resources": {"requests": {f"x.io/r{n}": "1" for n in range(257)}}}],
        nodeName="n1",
    ),
    "quantity": pod("big", cpu="lots", nodeName="n1"),
    "wrong type": pod("big", containers=7, nodeName="n1"),
}


@pytest.mark.parametrize("scheduler", ["tutti", "default-scheduler"])
@pytest.mark.parametrize("unsized", UNSIZED_PODS.values(), ids=UNSIZED_PODS.keys())
def test_nothing_is_planned_beside_a_pod_of_unknown_size_until_it_ends_or_is_gone(
    ingest: Ingest, cache: Cache, unsized: dict[str, Any], scheduler: str
) -> None:
    unsized = {**unsized, "spec": {**unsized["spec"], "schedulerName": scheduler}}
    put(ingest, "nodes", node("n1"))
    put(ingest, "pods", pod("waits"))
    put(ingest, "pods", unsized)
    assert free_nodes(cache) == []
    (aside,) = cache.set_aside
    assert "nothing is planned on node n1" in aside.sentence
    put(ingest, "pods", {**unsized, "status": {"phase": "Failed"}})
    assert free_nodes(cache) == ["n1"]
    put(ingest, "pods", unsized)
    ingest.gone(resource(ingest, "pods"), Gone(("a", "big"), "uid-big"))
    assert free_nodes(cache) == ["n1"]
    assert cache.set_aside == ()


def test_member_whose_size_cannot_be_read_any_more_stays_a_member_and_keeps_others_off_its_node(
    ingest: Ingest, cache: Cache
) -> None:
    put(ingest, "nodes", node("n1"))
    put(ingest, "pods", pod("m", labels={GROUP_LABEL: "g"}, nodeName="n1"))
    put(ingest, "pods", pod("waits"))
    put(ingest, "pods", pod("m", cpu="lots", labels={GROUP_LABEL: "g"}, nodeName="n1"))
    assert free_nodes(cache) == []
    _, members = cache.view(GroupKey("a", "g"))
    assert [member.uid for member in members] == ["uid-m"]
    put(ingest, "pods", pod("m", labels={GROUP_LABEL: "g"}, nodeName="n1"))
    assert free_nodes(cache) == ["n1"]


def test_each_problem_is_told_once(cache: Cache) -> None:
    told: list[SetAside] = []
    ingest = Ingest(cache, tell=told.append)
    put(ingest, "pods", pod("bad", cpu="lots"))
    put(ingest, "pods", pod("bad", cpu="lots"))
    assert [(aside.kind, aside.key) for aside in told] == [("pods", ("a", "bad"))]
    put(ingest, "pods", pod("bad", cpu="heaps"))
    assert len(told) == 2
    put(ingest, "pods", pod("bad"))
    put(ingest, "pods", pod("bad", cpu="heaps"))
    assert len(told) == 3


def test_a_node_that_cannot_be_read_offers_nothing(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "nodes", node("n1"))
    put(ingest, "nodes", node("n1", cpu=[]))
    assert cache.snapshot().nodes == {}


def test_what_is_gone_is_not_set_aside_any_more(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "pods", pod("bad", cpu="lots"))
    ingest.gone(resource(ingest, "pods"), Gone(("a", "bad"), "uid-bad"))
    assert cache.set_aside == ()


def test_a_group_with_a_spec_that_cannot_be_acted_upon_is_kept_with_its_refusal(
    ingest: Ingest, cache: Cache
) -> None:
    put(
        ingest,
        "podgroups",
        {"metadata": {"name": "g", "namespace": "a", "uid": "u"}, "spec": {"minCount": "many"}},
    )
    group, _ = cache.view(GroupKey("a", "g"))
    assert group is not None
    assert group.refusal


def test_foreign_pod_is_kept_with_what_rules_on_others_need(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "nodes", node("n1"))
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}
    repels = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    foreign = pod(
        "f", labels={"app": "db"}, schedulerName="default-scheduler", nodeName="n1", affinity=repels
    )
    put(ingest, "pods", foreign)
    (resident,) = cache.snapshot().nodes[NodeName("n1")].residents
    assert (resident.namespace, resident.labels) == ("a", {"app": "db"})
    assert resident.rules is not None
    assert [each.topology_key for each in resident.rules.anti_affinity] == ["zone"]
    assert not resident.is_leaving
    put(
        ingest,
        "pods",
        foreign | {"metadata": foreign["metadata"] | {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
    )
    (resident,) = cache.snapshot().nodes[NodeName("n1")].residents
    assert resident.is_leaving


def test_namespaces_are_followed(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "namespaces", {"metadata": {"name": "a", "uid": "u", "labels": {"team": "red"}}})
    assert cache.snapshot().namespaces == {"a": {"team": "red"}}
    ingest.gone(resource(ingest, "namespaces"), Gone(("", "a"), "u"))
    assert cache.snapshot().namespaces == {}
