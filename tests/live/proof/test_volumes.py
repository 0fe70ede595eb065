"""
Volumes on the real API server, in both modes: bound ones narrow where a gang goes, new ones are made on the planned nodes before anybody is
bound, also when the scheduler is killed in between.
"""

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.proof.team import Team

if TYPE_CHECKING:
    from tests.live.proof.conftest import Tutti

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

DATA = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
HOSTNAME = "kubernetes.io/hostname"
SELECTED_NODE = "volume.kubernetes.io/selected-node"


async def test_pods_whose_volume_is_on_one_node(team: Team, nodes: dict[str, Any]) -> None:
    home = sorted(nodes)[-1]
    volume = f"pv-{team.namespace}"
    await local_volume(team, volume, home)
    try:
        await team.gang("ring", 2, volumes=[DATA])
        assert set((await team.until_whole("ring", 2)).values()) == {home}
    finally:
        await team.api.delete(f"/api/v1/persistentvolumes/{volume}")


async def test_gang_starts_once_its_claim_is_bound(team: Team, nodes: dict[str, Any]) -> None:
    await team.gang("ring", 2, volumes=[DATA])
    message = await team.until_reason("ring", "VolumeNotReady")
    assert message == f"The volume claim {team.namespace}/data does not exist; create it."
    await team.stays_unbound("ring")
    home, volume = sorted(nodes)[0], f"pv-{team.namespace}"
    await local_volume(team, volume, home)
    try:
        assert set((await team.until_whole("ring", 2)).values()) == {home}
    finally:
        await team.api.delete(f"/api/v1/persistentvolumes/{volume}")


@pytest.mark.parametrize("is_killed", [False, True], ids=["undisturbed", "killed-meanwhile"])
async def test_nobody_is_bound_before_the_volumes_are_made_on_the_planned_nodes(
    tutti: "Tutti", team: Team, is_killed: bool
) -> None:
    """Whoever makes volumes is played here: it makes each where its claim says, and binds it."""
    kind = f"late-{team.namespace}"
    await team.api.create("/apis/storage.k8s.io/v1/storageclasses", storage_class(kind))
    claims = f"/api/v1/namespaces/{team.namespace}/persistentvolumeclaims"
    for number in range(2):
        await team.api.create(claims, unbound_claim(f"data-{number}", kind))
    await team.group("ring", 2)
    for number in range(2):
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{number}"}}
        await team.pod(f"ring-{number}", "ring", gpus=8, volumes=[volume])
    await team.until("both claims name a node", lambda: _selected_nodes(team, 2))
    selected = await _selected_nodes(team, 2)
    if tutti.mode == "standalone":
        assert "2 volumes are being made" in await team.until_reason("ring", "VolumeBeingMade")
    await team.stays_unbound("ring")
    if is_killed:
        await asyncio.to_thread(tutti.end, signal.SIGKILL)
        await asyncio.to_thread(tutti.start)
    try:
        for name, node in selected.items():
            await make_volume(team, name, f"pv-{team.namespace}-{name}", node)
        placed = await team.until_whole("ring", 2)
        assert {f"data-{name[-1]}": node for name, node in placed.items()} == selected
    finally:
        for name in selected:
            await team.api.delete(f"/api/v1/persistentvolumes/pv-{team.namespace}-{name}")
        await team.api.delete(f"/apis/storage.k8s.io/v1/storageclasses/{kind}")


async def _selected_nodes(team: Team, count: int) -> dict[str, str]:
    """Return the node that each claim names; nothing while fewer do."""
    listing = await team.api.get(f"/api/v1/namespaces/{team.namespace}/persistentvolumeclaims")
    found = {
        each["metadata"]["name"]: each["metadata"].get("annotations", {}).get(SELECTED_NODE)
        for each in listing["items"]
    }
    named = {name: node for name, node in found.items() if node}
    return named if len(named) == count else {}


def storage_class(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "played.example.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def unbound_claim(name: str, of_class: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": of_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


async def make_volume(team: Team, claim: str, volume: str, node: str) -> None:
    """Make a volume on one node and bind it to a claim that waits."""
    path = f"/api/v1/namespaces/{team.namespace}/persistentvolumeclaims/{claim}"
    made = await team.api.get(path)
    here = {"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [node]}]}
    await team.api.create(
        "/api/v1/persistentvolumes",
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": made["spec"]["storageClassName"],
                "local": {"path": "/data"},
                "claimRef": {
                    "kind": "PersistentVolumeClaim",
                    "namespace": team.namespace,
                    "name": claim,
                    "uid": made["metadata"]["uid"],
                },
                "nodeAffinity": {"required": {"nodeSelectorTerms": [here]}},
            },
        },
    )
    bound = {
        "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"volumeName": volume},
    }
    await team.api.patch(path, bound)
    await team.api.patch(f"{path}/status", {"status": {"phase": "Bound"}})


async def local_volume(team: Team, volume: str, node: str) -> None:
    """A volume on one node, bound to the claim `data` as the volume controller leaves it."""
    claims = f"/api/v1/namespaces/{team.namespace}/persistentvolumeclaims"
    size, modes = {"storage": "1Gi"}, ["ReadWriteMany"]
    claim = await team.api.create(
        claims,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {
                "accessModes": modes,
                "storageClassName": "",
                "volumeName": volume,
                "resources": {"requests": size},
            },
        },
    )
    here = {"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [node]}]}
    reference = {
        "kind": "PersistentVolumeClaim",
        "namespace": team.namespace,
        "name": "data",
        "uid": claim["metadata"]["uid"],
    }
    await team.api.create(
        "/api/v1/persistentvolumes",
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "capacity": size,
                "accessModes": modes,
                "local": {"path": "/data"},
                "claimRef": reference,
                "nodeAffinity": {"required": {"nodeSelectorTerms": [here]}},
            },
        },
    )
    await team.api.patch(
        f"{claims}/data/status", {"status": {"phase": "Bound", "accessModes": modes, "capacity": size}}
    )
    await team.api.patch(f"/api/v1/persistentvolumes/{volume}/status", {"status": {"phase": "Bound"}})
