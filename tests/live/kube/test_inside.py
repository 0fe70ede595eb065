"""What drivers list of a node arrives from a real API server and goes again; a kind that is not installed is waited for by nobody."""

from contextlib import suppress

from scheduler.kube import errors
from scheduler.model.ids import LevelName
from scheduler.model.machines import Device
from scheduler.objects import device_slices, node_zones
from tests.live.kube.test_feed import feeding, pytestmark  # noqa: F401  the mark is for this module as well


async def test_slices_of_a_node_tell_its_devices_and_its_fabric_and_are_forgotten(world, eventually) -> None:
    node, name = world.nodes[0], f"{world.namespace}-slice"
    attributes = {
        "dra.net/rdma": {"bool": True},
        "dra.net/ifName": {"string": "rdma0"},
        "oke.dra.net/hpcIslandId": {"string": "ocid1.hpcisland.oc1"},
        "resource.kubernetes.io/pcieRoot": {"string": "pci0000:17"},
        "resource.kubernetes.io/numaNode": {"int": 1},
    }
    spec = {
        "driver": "dra.net",
        "nodeName": node,
        "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
        "devices": [{"name": "rdma0", "attributes": attributes}],
    }
    head = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name}}
    async with feeding(world.transport) as (cache, _):

        def devices() -> tuple[Device, ...]:
            machine = cache.snapshot().evidence.machines.get(node)
            return machine.devices if machine is not None else ()

        try:
            await world.create(device_slices.PATH, {**head, "spec": spec})
            await eventually(lambda: len(devices()) > 0)
            evidence, (card,) = cache.snapshot().evidence, devices()
            assert (card.name, card.pcie_root, card.numa) == ("rdma0", "pci0000:17", 1)
            spine = {fact.node: fact for fact in evidence.facts if fact.level == LevelName("spine")}
            assert {fact.domain for fact in spine.values()} == {"ocid1.hpcisland.oc1"}
            assert spine.pop(node).source == "ResourceSlice oke.dra.net/hpcIslandId"
            assert {fact.source for fact in spine.values()} <= {"derived"}, "others of its block follow"
        finally:
            with suppress(errors.NotFound):
                await world.transport.delete(f"{device_slices.PATH}/{name}")
        await eventually(lambda: not devices())
        assert "spine" not in {level.name for level in cache.snapshot().evidence.levels}


async def test_kind_that_is_not_installed_is_no_problem_and_delays_nobody(world) -> None:
    async with feeding(world.transport) as (cache, feed):
        kind = node_zones.PATH.rpartition("/")[2]
        assert cache.is_synced
        assert kind not in feed.problems
        assert feed.resource_versions()[kind] == "", "nothing was listed"
