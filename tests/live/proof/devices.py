"""
Devices that a driver lists and pods claim: what kube-scheduler's filters know and Tutti's do not.

    async with Devices(team) as devices:
        spec = await devices.claim("worker-0")      # kube-scheduler finds no node for a pod of this spec
        await devices.list_on("node-0001")          # and now one
"""

from types import TracebackType
from typing import Self

from tests.live.proof.team import Json, Team

RESOURCES = "/apis/resource.k8s.io/v1"


class Devices:
    """The devices of one driver of the team's own. On leaving, they and the claims are taken away."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self._driver = f"{team.namespace}.devices.test"
        self._claims = f"{RESOURCES}/namespaces/{team.namespace}/resourceclaims"
        self._slices: list[str] = []

    async def __aenter__(self) -> Self:
        selector = {"cel": {"expression": f"device.driver == '{self._driver}'"}}
        await self._team.api.create(
            f"{RESOURCES}/deviceclasses",
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "DeviceClass",
                "metadata": {"name": self._driver},
                "spec": {"selectors": [selector]},
            },
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in self._slices:
            await self._team.api.delete(f"{RESOURCES}/resourceslices/{name}")
        await self._team.api.delete(f"{RESOURCES}/deviceclasses/{self._driver}")

    async def claim(self, name: str) -> Json:
        """Create a claim of one device, and return what a pod's spec says to use it."""
        request = {"name": "device", "exactly": {"deviceClassName": self._driver}}
        await self._team.api.create(
            self._claims,
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceClaim",
                "metadata": {"name": name},
                "spec": {"devices": {"requests": [request]}},
            },
        )
        return {"resourceClaims": [{"name": "device", "resourceClaimName": name}]}

    async def list_on(self, node: str) -> None:
        """List one device on a node, as a driver does."""
        name = f"{self._driver}-{node}"
        self._slices.append(name)
        await self._team.api.create(
            f"{RESOURCES}/resourceslices",
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceSlice",
                "metadata": {"name": name},
                "spec": {
                    "driver": self._driver,
                    "nodeName": node,
                    "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
                    "devices": [{"name": "device-0"}],
                },
            },
        )
