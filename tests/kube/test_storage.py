"""Volumes in the cache: what changes wakes whoever waits, what repeats itself does not, and snapshots hold it."""

from typing import Any

import msgspec
import pytest

from scheduler.kube.cache import Cache
from scheduler.kube.ingest import Ingest
from scheduler.kube.reflector import Gone, Put
from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.pods import PodShape
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.resources import NOTHING
from scheduler.model.volumes import NO_STORAGE, Claim, ClaimKey, ClaimUse
from tests.kube.test_ingest import node, pod, put, resource

DATA = ClaimKey("a", "data")
CLAIM = {"metadata": {"namespace": "a", "name": "data", "uid": "1"}, "spec": {"storageClassName": "late"}}
OBJECTS: dict[str, dict[str, Any]] = {
    "persistentvolumeclaims": CLAIM,
    "persistentvolumes": {"metadata": {"name": "pv", "uid": "2"}, "spec": {"nfs": {}}},
    "storageclasses": {"metadata": {"name": "late", "uid": "3"}, "provisioner": "p"},
    "csinodes": {"metadata": {"name": "n1", "uid": "4"}, "spec": {"drivers": [{"name": "d"}]}},
    "csidrivers": {
        "metadata": {"name": "d", "uid": "5"},
        "spec": {"preventPodSchedulingIfMissing": True},
    },
    "volumeattachments": {
        "metadata": {"name": "va", "uid": "6"},
        "spec": {"attacher": "d", "nodeName": "n1", "source": {"persistentVolumeName": "pv"}},
    },
}


@pytest.fixture
def cache() -> Cache:
    return Cache(scheduler_names=("tutti",), clock=lambda: 0.0)


@pytest.fixture
def ingest(cache: Cache) -> Ingest:
    return Ingest(cache)


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_comes_and_goes_is_in_the_snapshot_and_wakes_who_waits(
    ingest: Ingest, cache: Cache, kind: str
) -> None:
    cache.drain()
    put(ingest, kind, OBJECTS[kind])
    there = cache.snapshot().storage
    assert there != NO_STORAGE
    assert cache.drain().capacity
    put(ingest, kind, OBJECTS[kind])
    assert not cache.drain().capacity  # nothing is as it was not before
    meta = OBJECTS[kind]["metadata"]
    ingest.gone(resource(ingest, kind), Gone((meta.get("namespace", ""), meta["name"]), meta["uid"]))
    assert cache.snapshot().storage == NO_STORAGE
    assert cache.drain().capacity
    assert there != NO_STORAGE  # a snapshot does not change


def test_a_claim_that_cannot_be_read_is_set_aside_and_absent(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "persistentvolumeclaims", CLAIM)
    assert cache.snapshot().storage.claims == {DATA: Claim(storage_class="late")}
    raw = msgspec.Raw(msgspec.json.encode({**CLAIM, "spec": {"volumeName": 7}}))
    ingest.put(resource(ingest, "persistentvolumeclaims"), Put(("a", "data"), "1", raw))
    assert not cache.snapshot().storage.claims
    assert [(aside.kind, aside.key) for aside in cache.set_aside] == [
        ("persistentvolumeclaims", ("a", "data"))
    ]


def test_a_volume_that_is_lost_while_a_plan_is_carried_out_stands_in_the_way(
    ingest: Ingest, cache: Cache
) -> None:
    labelled = node("n1")
    labelled["metadata"]["labels"] = {"rack": "p"}
    put(ingest, "nodes", labelled)
    put(ingest, "pods", pod("x"))
    bound = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}, **CLAIM["metadata"]}
    put(ingest, "persistentvolumeclaims", {"metadata": bound, "spec": {"volumeName": "pv"}})
    term = {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["p"]}]}
    reach = {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}
    put(ingest, "persistentvolumes", {"metadata": {"name": "pv", "uid": "2"}, "spec": reach})
    uid, n1 = PodUid("uid-x"), NodeName("n1")
    slot = HeldSlot(PodKey("a", "x"), uid, n1, PodShape(NOTHING), claims=(ClaimUse("data"),))
    cache.reserve(Reservation(GroupKey("a", "g"), AttemptId("e1-1"), (slot,)))
    assert cache.obstacle(uid, n1) == ""
    labelled["metadata"]["labels"] = {"rack": "q"}
    put(ingest, "nodes", labelled)
    assert cache.obstacle(uid, n1) == "node n1 does not reach the volume pv of claim a/data any more"
    ingest.gone(resource(ingest, "persistentvolumeclaims"), Gone(DATA, "1"))
    assert cache.obstacle(uid, n1) == "the volume claim a/data is gone or being deleted"


def test_nodes_know_the_claims_in_use_whoever_uses_them(ingest: Ingest, cache: Cache) -> None:
    put(ingest, "nodes", node("n1"))
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    for name, scheduler in (("x", "tutti"), ("y", "default-scheduler")):
        put(ingest, "pods", pod(name, schedulerName=scheduler, nodeName="n1", volumes=volumes))
    assert cache.snapshot().nodes[NodeName("n1")].claims == (DATA,)
    for name in ("x", "y"):
        assert cache.snapshot().nodes[NodeName("n1")].claims == (DATA,)
        cache.drain()
        ingest.gone(resource(ingest, "pods"), Gone(("a", name), f"uid-{name}"))
        assert cache.drain().capacity
    assert cache.snapshot().nodes[NodeName("n1")].claims == ()
