"""The cases: how many gangs of what size, one GPU per pod, on 1,000 nodes of 8 GPUs in racks of 50."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

GPU = "nvidia.com/gpu"
RACK_LABEL = "fabric.topograph.run/tier-0"  # of the local cluster's nodes


@dataclass(frozen=True, slots=True)
class Case:
    """`gangs` gangs of `size` pods each, minCount = size, created gang after gang. `in_one_rack`: each gang needs a rack to itself."""

    name: str
    gangs: int
    size: int
    in_one_rack: bool = False

    @property
    def pods(self) -> int:
        """All pods of the case."""
        return self.gangs * self.size

    def gang_names(self) -> tuple[str, ...]:
        """Names of the gangs, in the order of their creation."""
        return tuple(f"{self.name}-{number}" for number in range(self.gangs))

    def members(self) -> Iterator[tuple[str, str]]:
        """Yield (gang, pod) in the order of creation."""
        for gang in self.gang_names():
            for number in range(self.size):
                yield gang, f"{gang}-{number}"


CASES = {
    case.name: case
    for case in (
        Case("gang-1000", 1, 1000),
        Case("3x1000", 3, 1000),
        Case("8x256", 8, 256),
        Case("100x16", 100, 16),
        Case("gang-256", 1, 256),
        Case("3x256-rack", 3, 256, in_one_rack=True),
    )
}
FOUR_CASES = ("gang-1000", "3x1000", "8x256", "100x16")


def pod_manifest(namespace: str, name: str, gang: str, scheduler: str, *, run: str) -> dict[str, Any]:
    """Return a pod of one GPU. Only the marker of its gang is added by the scheduler's own way."""
    resources = {"cpu": "1", "memory": "1Gi", GPU: "1"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"bench.tutti.dev/run": run, "bench.tutti.dev/gang": gang},
        },
        "spec": {
            "schedulerName": scheduler,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "worker",
                    "image": "busybox",
                    "resources": {"requests": resources, "limits": {GPU: "1"}},
                }
            ],
        },
    }
