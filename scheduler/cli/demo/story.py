"""
The load as data: two gangs, each more than half of the cluster, whose pods arrive in turn.

Each gang fits alone, both together do not. Pod by pod they take half of the cluster each, and neither can ever start: a worker of
distributed training waits for its peers. That rule holds in both halves of the demo: only when all members of a gang run do they work,
and end.
"""

from dataclasses import dataclass
from typing import Any, Final

from scheduler.dialects import own

TUTTI: Final = "tutti"
POD_BY_POD: Final = "default-scheduler"
GPU: Final = "nvidia.com/gpu"
GANG_LABEL: Final = "demo.tutti.dev/gang"
DURATION: Final = "simulation.tutti.dev/duration"
WORK_S: Final = 6
"""How long a whole gang trains. Arbitrary: long enough to read why the other one waits."""

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gang:
    """So many workers, each with all GPUs of one node."""

    name: str
    members: int
    gpus_each: int

    @property
    def gpus(self) -> int:
        """What the whole gang needs."""
        return self.members * self.gpus_each

    @property
    def letter(self) -> str:
        """How the map of the cluster shows it."""
        return self.name[0].upper()


@dataclass(frozen=True, slots=True)
class Load:
    """The gangs in the order in which they are asked for."""

    gangs: tuple[Gang, ...]

    def gang(self, name: str) -> Gang:
        """Return one gang by name."""
        return next(each for each in self.gangs if each.name == name)

    def arrivals(self) -> list[tuple[Gang, int]]:
        """Return every worker in order of arrival: one of each gang in turn."""
        most = max(gang.members for gang in self.gangs)
        return [(gang, number) for number in range(most) for gang in self.gangs if number < gang.members]


def load_for(nodes: int, gpus_per_node: int) -> Load:
    """Return two gangs of five eighths of the nodes each: one fits, two do not."""
    members = nodes // 2 + max(1, nodes // 8)
    return Load((Gang("alpha", members, gpus_per_node), Gang("beta", members, gpus_per_node)))


def pod_group(gang: Gang) -> Manifest:
    """Return the PodGroup of a gang."""
    return {
        "apiVersion": f"{own.GROUP}/{own.VERSION}",
        "kind": "PodGroup",
        "metadata": {"name": gang.name},
        "spec": {"minCount": gang.members, "topology": {"preferred": "block"}},
    }


def worker(gang: Gang, number: int, scheduler: str) -> Manifest:
    """Return one worker. For the plain scheduler it is the same pod, without a group to belong to."""
    labels = {GANG_LABEL: gang.name}
    if scheduler == TUTTI:
        labels[own.POD_GROUP_LABEL] = gang.name
    amounts = {"cpu": "8", "memory": "64Gi", GPU: str(gang.gpus_each)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{gang.name}-{number}", "labels": labels},
        "spec": {
            "schedulerName": scheduler,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "worker",
                    "image": "registry.example/train:1",
                    "resources": {"requests": amounts, "limits": amounts},
                }
            ],
        },
    }
