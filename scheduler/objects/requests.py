"""
The effective request of a pod: how much of a node it takes.

The sum over containers and sidecars, or what the init phase needs at its worst moment if that is more; then pod-level requests in place
of it where they are set; then overhead. For a pod that runs, a resize in place counts at its largest: what the spec asks for, what the
kubelet has granted, what it has applied. A resize that the kubelet called infeasible counts as not asked for.
Source: k8s.io/component-helpers resource/helpers.go (PodRequests), KEP-753, KEP-1287.
"""

from collections.abc import Callable, Mapping
from typing import Final

from scheduler.model.resources import CPU, MEMORY, Resources
from scheduler.objects import structs
from scheduler.objects.amounts import Exact, add, exact, raise_to, requested

SIDECAR: Final = "Always"

Reading = Callable[[structs.Container], structs.Quantities | None]


def effective_request(spec: structs.PodSpec, status: structs.PodStatus) -> Resources:
    """Return what the pod takes from a node. Raises: BadObject."""
    infeasible = _is_resize_infeasible(status)
    total: Exact = {} if infeasible else _aggregate(spec, _asked)
    for said in _said_by_kubelet(spec, status, infeasible):
        raise_to(total, said)
    total |= _pod_level(spec, status, infeasible)
    add(total, exact(spec.overhead, "spec.overhead"))
    return requested(total)


def _said_by_kubelet(spec: structs.PodSpec, status: structs.PodStatus, infeasible: bool) -> tuple[Exact, ...]:
    """Return what the kubelet has granted and what it has applied: for the whole pod where it says so, else added up."""
    granted, applied = status.allocated_resources, status.resources
    if granted is not None and applied is not None and applied.requests is not None:
        return (
            exact(granted, "status.allocatedResources"),
            exact(applied.requests, "status.resources.requests"),
        )
    by_name = {
        container.name: container
        for container in (*(status.init_container_statuses or ()), *(status.container_statuses or ()))
        if container.allocated_resources is not None or container.resources is not None
    }
    if not by_name:
        return ()
    return (
        _aggregate(spec, _granted(by_name, infeasible)),
        _aggregate(spec, _applied(by_name, infeasible)),
    )


def _aggregate(spec: structs.PodSpec, reading: Reading) -> Exact:
    total: Exact = {}
    for container in spec.containers or ():
        add(total, exact(reading(container), "spec.containers[].resources.requests"))
    sidecars: Exact = {}
    initial: Exact = {}
    for container in spec.init_containers or ():
        asked = exact(reading(container), "spec.initContainers[].resources.requests")
        if container.restart_policy == SIDECAR:
            add(total, asked)
            add(sidecars, asked)
            raise_to(initial, sidecars)
        else:
            add(asked, sidecars)
            raise_to(initial, asked)
    raise_to(total, initial)
    return total


def _asked(container: structs.Container) -> structs.Quantities | None:
    return container.resources.requests if container.resources is not None else None


def _granted(by_name: Mapping[str, structs.ContainerStatus], infeasible: bool) -> Reading:
    def reading(container: structs.Container) -> structs.Quantities | None:
        status = by_name.get(container.name)
        if status is not None and status.allocated_resources is not None:
            return status.allocated_resources
        return None if infeasible else _asked(container)

    return reading


def _applied(by_name: Mapping[str, structs.ContainerStatus], infeasible: bool) -> Reading:
    granted = _granted(by_name, infeasible)

    def reading(container: structs.Container) -> structs.Quantities | None:
        status = by_name.get(container.name)
        if status is not None and status.resources is not None and status.resources.requests is not None:
            return status.resources.requests
        return granted(container)

    return reading


def _pod_level(spec: structs.PodSpec, status: structs.PodStatus, infeasible: bool) -> Exact:
    """Return pod-level requests, for the resources that may have them. A resize of them counts at its largest as well."""
    asked = exact(spec.resources.requests, "spec.resources.requests") if spec.resources is not None else {}
    if not any(_may_be_pod_level(name) for name in asked):
        return {}
    total = dict(asked)
    if status.resources is not None:
        total = {} if infeasible else total
        raise_to(total, exact(status.resources.requests, "status.resources.requests"))
        raise_to(total, exact(status.allocated_resources, "status.allocatedResources"))
    return {name: number for name, number in total.items() if _may_be_pod_level(name)}


def _may_be_pod_level(name: str) -> bool:
    return name in {CPU, MEMORY} or name.startswith("hugepages-")


def _is_resize_infeasible(status: structs.PodStatus) -> bool:
    for condition in status.conditions or ():
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return False
