"""ResourceSlices and NodeResourceTopologies, from the wire to values: what is read, what is not, and what is refused."""

from typing import Any

import msgspec
import pytest

from scheduler.model.machines import DeviceSlice, ListedDevice, NumaZone
from scheduler.objects.device_slices import ResourceSlice, slice_from
from scheduler.objects.errors import BadObject
from scheduler.objects.node_zones import NodeResourceTopology, zones_from

ATTRIBUTES = {
    "type": {"string": "gpu"},
    "driverVersion": {"version": "580.1.0"},
    "resource.kubernetes.io/numaNode": {"int": 1},
    "dra.net/rdma": {"bool": False},
    "dra.net/names": {"strings": ["a", "b"]},
}


def listed(**spec: Any) -> DeviceSlice | None:
    spec = {"driver": "gpu.nvidia.com", "nodeName": "n0", "pool": {"name": "p", "generation": 3}, **spec}
    obj = {"metadata": {"name": "s"}, "spec": spec}
    return slice_from(msgspec.json.decode(msgspec.json.encode(obj), type=ResourceSlice))


def test_names_without_a_domain_get_the_drivers_and_lists_are_left_out() -> None:
    found = listed(
        devices=[{"name": "gpu-0", "attributes": ATTRIBUTES, "capacity": {"memory": {"value": "80Gi"}}}]
    )
    attributes = {
        "gpu.nvidia.com/type": "gpu",
        "gpu.nvidia.com/driverVersion": "580.1.0",
        "resource.kubernetes.io/numaNode": 1,
        "dra.net/rdma": False,
    }
    devices = (ListedDevice("gpu-0", attributes),)
    assert found == DeviceSlice("s", "n0", "gpu.nvidia.com", "p", generation=3, expected=1, devices=devices)


def test_slice_that_is_not_of_one_node_is_none() -> None:
    assert listed(nodeName="", allNodes=True) is None


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"driver": ""}, "spec.driver is missing"),
        ({"pool": {}}, "spec.pool.name is missing"),
        ({"devices": [{}]}, "name is missing"),
        ({"devices": [{"name": f"d{n}"} for n in range(129)]}, "129 entries"),
        (
            {"devices": [{"name": "d", "attributes": {f"a{n}": {"int": n} for n in range(65)}}]},
            "65 entries",
        ),
    ],
    ids=["driver", "pool", "device", "devices", "attributes"],
)
def test_what_cannot_be_is_refused(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(BadObject, match=words):
        listed(**spec)


def zones(*given: dict[str, Any]) -> tuple[str, tuple[NumaZone, ...]]:
    obj = {"metadata": {"name": "n0"}, "topologyPolicies": ["None"], "zones": list(given)}
    return zones_from(msgspec.json.decode(msgspec.json.encode(obj), type=NodeResourceTopology))


def test_numa_zones_have_their_numbers_and_distances_whatever_their_order() -> None:
    costs = [{"name": "node-1", "value": 10}, {"name": "node-0", "value": 21}]
    name, found = zones(
        {"name": "node-1", "type": "Node", "costs": costs, "resources": [{"name": "cpu", "capacity": "64"}]},
        {"name": "node-0", "type": "Node"},
        {"name": "socket-0", "type": "Socket"},
        {"name": "gpu-3", "type": "Node"},
    )
    assert name == "n0"
    assert found == (NumaZone(0), NumaZone(1, ((0, 21), (1, 10))))


def test_distances_that_none_can_be_are_left_out() -> None:
    costs = [
        {"name": "node-0", "value": 10},
        {"name": "node-1", "value": -1},
        {"name": "node-99999", "value": 10},
    ]
    assert zones({"name": "node-0", "type": "Node", "costs": costs})[1] == (NumaZone(0, ((0, 10),)),)


def test_a_thousand_zones_are_refused() -> None:
    with pytest.raises(BadObject, match="1000 entries"):
        zones(*({"name": f"node-{n}", "type": "Node"} for n in range(1000)))
