"""A hostile object costs nobody else anything: it is set aside with a sentence, and forgotten when it can be read again."""

from typing import Any

import msgspec
import pytest

from scheduler.kube.cache import Cache
from scheduler.kube.ingest import Ingest, Resource
from scheduler.kube.reflector import Gone, Put
from scheduler.model.ids import POD_DIALECT, GroupKey, NodeName, PodKey, PodUid


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
    put(ingest, "pods", pod("x", labels={"scheduling.tutti.dev/pod-group": "g"}))
    put(ingest, "pods", pod("alone", schedulerName="other-tutti"))
    assert cache.keys() == (GroupKey("a", "alone", POD_DIALECT), GroupKey("a", "g"))


def test_pods_of_other_schedulers_count_only_where_they_run(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "nodes", node("n1"))
    put(
        ingest,
        "pods",
        pod("waits", schedulerName="default-scheduler", labels={"scheduling.tutti.dev/pod-group": "g"}),
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
