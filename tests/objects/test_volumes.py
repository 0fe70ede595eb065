"""Claims, volumes and what nodes attach, from what the API server sends."""

from typing import Any, TypeVar

import msgspec
import pytest

from scheduler.model.ids import NodeName, PodUid
from scheduler.model.requirements import NodeSelectorTerm, Operator, Requirement
from scheduler.model.volumes import Attachment, Claim, ClaimKey, Handle, NodeDrivers, StorageClass, Volume
from scheduler.objects import volumes
from scheduler.objects.errors import BadObject

Wire = TypeVar("Wire")


def wire(kind: type[Wire], spec: dict[str, Any] | None = None, **more: Any) -> Wire:
    metadata = {"name": "x", **more.pop("metadata", {})}
    return msgspec.json.decode(
        msgspec.json.encode({"metadata": metadata, "spec": spec or {}, **more}), type=kind
    )


def claim(spec: dict[str, Any] | None = None, **more: Any) -> Claim:
    metadata = {"namespace": "team", **more.pop("metadata", {})}
    key, found = volumes.claim_from(
        wire(volumes.PersistentVolumeClaim, spec, metadata=metadata, status=more.pop("status", {}))
    )
    assert key == ClaimKey("team", "x")
    return found


def volume(spec: dict[str, Any], labels: dict[str, str] | None = None) -> Volume:
    return volumes.volume_from(wire(volumes.PersistentVolume, spec, metadata={"labels": labels}))[1]


def test_a_claim_is_bound_once_its_controller_says_so() -> None:
    assert claim({"volumeName": "v"}) == Claim("v")
    done = {"annotations": {"pv.kubernetes.io/bind-completed": ""}}
    assert claim({"volumeName": "v"}, metadata=done) == Claim("v", is_bound=True)
    assert claim({}, metadata=done) == Claim()


def test_a_claim_tells_class_access_owner_and_end() -> None:
    metadata = {
        "deletionTimestamp": "2026-11-24T10:00:00Z",
        "annotations": {"volume.beta.kubernetes.io/storage-class": "old"},
        "ownerReferences": [{"uid": "a"}, {"uid": "b", "controller": True}],
    }
    spec = {"storageClassName": "new", "accessModes": ["ReadWriteOncePod"]}
    found = claim(spec, metadata=metadata, status={"phase": "Lost"})
    assert found == Claim(
        storage_class="old", is_lost=True, is_deleting=True, is_exclusive=True, owner=PodUid("b")
    )


def test_a_volume_is_reached_by_its_terms_and_known_by_its_driver() -> None:
    terms = [
        {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["p"]}]},
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]},
    ]
    spec = {
        "csi": {"driver": "d", "volumeHandle": "h"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
    }
    rack = NodeSelectorTerm((Requirement("rack", Operator.IN, ("p",)),))
    assert volume(spec) == Volume(reach=(rack,), handle=Handle("d", "h"))


@pytest.mark.parametrize(
    ("label", "values"),
    [("a", ("a",)), ("b__a", ("a", "b")), ("a__", None), ("", None)],
    ids=["one", "two", "an-empty-one", "none"],
)
def test_zones_of_a_volume_are_separated_by_two_underscores(
    label: str, values: tuple[str, ...] | None
) -> None:
    found = volume({"nfs": {}}, {"topology.kubernetes.io/zone": label})
    assert found.zones == ((("topology.kubernetes.io/zone", values),) if values else ())


@pytest.mark.parametrize("kind", ["awsElasticBlockStore", "azureDisk", "cinder", "gcePersistentDisk"])
def test_a_volume_that_is_translated_before_it_is_looked_at_is_named(kind: str) -> None:
    assert volume({kind: {"any": 1}}).unevaluated == kind


def test_terms_that_cannot_be_read_are_named() -> None:
    terms = [{"matchExpressions": [{"key": "rack", "operator": "Near"}]}]
    assert volume({"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}).unevaluated == "nodeAffinity"


def test_a_class_says_who_makes_volumes_and_when() -> None:
    late = wire(volumes.StorageClass, provisioner="p", volumeBindingMode="WaitForFirstConsumer")
    assert volumes.class_from(late) == ("x", StorageClass("p", waits=True))
    assert volumes.class_from(wire(volumes.StorageClass, provisioner="p"))[1] == StorageClass("p")


def test_a_class_says_where_volumes_can_be_made() -> None:
    terms = [{"matchLabelExpressions": [{"key": "zone", "values": ["a", "b"]}]}, {}]
    found = volumes.class_from(wire(volumes.StorageClass, allowedTopologies=terms))[1]
    zone = NodeSelectorTerm((Requirement("zone", Operator.IN, ("a", "b")),))
    assert found.reach == (zone, NodeSelectorTerm())  # an empty term matches no node
    assert volumes.class_from(wire(volumes.StorageClass, allowedTopologies=[]))[1].reach is None


def test_more_topologies_than_are_looked_at_are_refused() -> None:
    with pytest.raises(BadObject, match="allowedTopologies has more than 1024"):
        volumes.class_from(wire(volumes.StorageClass, allowedTopologies=[{}] * 1025))


def test_where_a_volume_is_to_be_made_and_for_whom_is_read() -> None:
    pinned = claim({}, metadata={"annotations": {"volume.kubernetes.io/selected-node": "n1"}})
    assert pinned == Claim(selected_node=NodeName("n1"))
    taken = volume({"storageClassName": "late", "claimRef": {"namespace": "team", "name": "data"}})
    assert taken == Volume(storage_class="late", claimed_by=ClaimKey("team", "data"))


def test_a_node_has_drivers_with_and_without_a_limit() -> None:
    drivers = [{"name": "b", "allocatable": {"count": 3}}, {"name": "a", "allocatable": {}}]
    assert volumes.drivers_from(wire(volumes.CsiNode, {"drivers": drivers})) == (
        "x",
        NodeDrivers(("a", "b"), {"b": 3}),
    )


def test_more_drivers_than_any_node_has_are_refused() -> None:
    drivers = [{"name": f"d{number}"} for number in range(300)]
    with pytest.raises(BadObject, match=r"spec\.drivers has 300 entries; 256 is the limit"):
        volumes.drivers_from(wire(volumes.CsiNode, {"drivers": drivers}))


def test_an_attachment_counts_if_it_names_all_three() -> None:
    spec = {"attacher": "d", "nodeName": "n", "source": {"persistentVolumeName": "v"}}
    assert volumes.attachment_from(wire(volumes.VolumeAttachment, spec)) == (
        "x",
        Attachment(NodeName("n"), "d", "v"),
    )
    inline = {"attacher": "d", "nodeName": "n", "source": {"inlineVolumeSpec": {}}}
    assert volumes.attachment_from(wire(volumes.VolumeAttachment, inline))[1] is None
