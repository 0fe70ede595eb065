"""The effective request is the one kube-scheduler computes. Numbers are worked out by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.model.resources import Resources
from scheduler.objects.amounts import MAX_AMOUNT, filling
from scheduler.objects.errors import BadObject
from tests.objects.building import asking, pod

GI = 1024**3


def sidecar(requests: dict[str, Any]) -> dict[str, Any]:
    return asking(requests, restartPolicy="Always")


def requested(spec: dict[str, Any], status: dict[str, Any] | None = None) -> Resources:
    return pod(spec, status=status).shape.requests


def test_pod_without_requests_takes_one_place_and_nothing_else() -> None:
    assert requested({"containers": [{"name": "main"}]}) == Resources({"pods": 1})
    assert requested({"containers": None}) == Resources({"pods": 1})


def test_containers_are_summed() -> None:
    spec = {
        "containers": [asking({"cpu": "1500m", "memory": "1Gi"}), asking({"cpu": 2, "nvidia.com/gpu": "4"})]
    }
    assert requested(spec) == Resources({"cpu": 3500, "memory": GI, "nvidia.com/gpu": 4, "pods": 1})


def test_sum_is_rounded_once() -> None:
    assert requested({"containers": [asking({"cpu": "0.5m"})] * 3})["cpu"] == 2


def test_init_container_counts_only_where_it_needs_more() -> None:
    spec = {
        "containers": [asking({"cpu": "2", "memory": "1Gi"})],
        "initContainers": [asking({"cpu": "1", "memory": "4Gi"}), asking({"cpu": "1500m", "memory": "3Gi"})],
    }
    assert requested(spec) == Resources({"cpu": 2000, "memory": 4 * GI, "pods": 1})


def test_sidecars_run_beside_the_containers_and_beside_later_init_containers() -> None:
    first, second = sidecar({"cpu": "1"}), sidecar({"cpu": "2"})
    heavy = asking({"cpu": "5"})
    spec = {"containers": [asking({"cpu": "1"})], "initContainers": [first, heavy, second]}
    assert requested(spec)["cpu"] == 6000  # the heavy one beside the first sidecar; the steady state needs 4
    spec["initContainers"] = [heavy, first, second]
    assert requested(spec)["cpu"] == 5000  # the heavy one alone
    spec["initContainers"] = [first, second]
    assert requested(spec)["cpu"] == 4000


def test_pod_level_requests_stand_in_place_of_the_sum_where_they_may_be_set() -> None:
    spec = {
        "containers": [asking({"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "2"})],
        "resources": {"requests": {"cpu": "3", "hugepages-2Mi": "4Mi", "nvidia.com/gpu": "9"}},
    }
    assert requested(spec) == Resources(
        {"cpu": 3000, "memory": GI, "hugepages-2Mi": 4 * 1024**2, "nvidia.com/gpu": 2, "pods": 1}
    )


def test_overhead_comes_on_top() -> None:
    spec = {
        "containers": [asking({"cpu": "1"})],
        "initContainers": [asking({"cpu": "2"})],
        "overhead": {"cpu": "250m", "memory": "120Mi"},
    }
    assert requested(spec) == Resources({"cpu": 2250, "memory": 120 * 1024**2, "pods": 1})


def test_request_of_zero_asks_for_nothing() -> None:
    assert requested({"containers": [asking({"cpu": "0", "nvidia.com/gpu": 0})]}) == Resources({"pods": 1})


def test_container_cannot_ask_for_more_than_one_place() -> None:
    assert requested({"containers": [asking({"pods": "5"})]})["pods"] == 1


RUNNING = {"nodeName": "node-0"}


def resized(cpu: str, **more: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "main", "allocatedResources": {"cpu": cpu}}]} | more


@pytest.mark.parametrize(
    ("asked", "granted", "applied", "taken"),
    [("2", "1", "1", 2000), ("1", "2", "1", 2000), ("1", "1", "3", 3000)],
    ids=["growing", "granted-not-yet-applied", "shrinking"],
)
def test_resize_in_place_counts_at_its_largest(asked: str, granted: str, applied: str, taken: int) -> None:
    status = {
        "containerStatuses": [
            {
                "name": "main",
                "allocatedResources": {"cpu": granted},
                "resources": {"requests": {"cpu": applied}},
            }
        ]
    }
    assert requested(RUNNING | {"containers": [asking({"cpu": asked})]}, status)["cpu"] == taken


def test_resize_that_cannot_happen_does_not_count() -> None:
    conditions = [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]
    spec = RUNNING | {"containers": [asking({"cpu": "64"})]}
    assert requested(spec, resized("1", conditions=conditions))["cpu"] == 1000
    conditions[0]["reason"] = "Deferred"
    assert requested(spec, resized("1", conditions=conditions))["cpu"] == 64000


def test_status_of_a_pod_without_a_node_is_not_believed() -> None:
    assert requested({"containers": [asking({"cpu": "1"})]}, resized("8"))["cpu"] == 1000


def test_resize_of_pod_level_requests_counts_at_its_largest() -> None:
    spec = RUNNING | {"containers": [asking({"cpu": "1"})], "resources": {"requests": {"cpu": "2"}}}
    status = {"resources": {"requests": {"cpu": "3"}}, "allocatedResources": {"cpu": "4"}}
    assert requested(spec, status)["cpu"] == 4000


def test_what_the_kubelet_says_of_the_whole_pod_stands_in_place_of_its_containers() -> None:
    spec = RUNNING | {"containers": [asking({"cpu": "1"}), asking({"cpu": "1"})]}
    status = resized("9", allocatedResources={"cpu": "3"}, resources={"requests": {"cpu": "2500m"}})
    assert requested(spec, status)["cpu"] == 3000


def test_request_beyond_any_machine_stays_beyond_any_machine() -> None:
    assert requested({"containers": [asking({"memory": "7Ei"})] * 3})["memory"] == MAX_AMOUNT


@pytest.mark.parametrize("amount", ["-1", "-100m", "lots", "", "1e", -2])
def test_nonsense_in_requests_names_the_field(amount: Any) -> None:
    with pytest.raises(BadObject, match=r"requests\.cpu"):
        pod({"containers": [asking({"cpu": amount})]})


def test_hundreds_of_resource_names_are_refused() -> None:
    with pytest.raises(BadObject, match="names 257 resources"):
        pod({"containers": [asking({f"example.com/r{n}": "1" for n in range(257)})]})


def test_resources_asked_for_nothing_are_not_counted_however_many() -> None:
    zeros: dict[str, Any] = {f"example.com/r{n}": "0" for n in range(3000)}
    assert requested({"containers": [asking({"cpu": "1", **zeros})]}) == Resources({"cpu": 1000, "pods": 1})


def test_no_pod_fits_beside_one_of_unknown_size() -> None:
    node_offers = Resources({"cpu": 64_000, "pods": 110})
    taken = filling(Resources({"cpu": 1000}))
    assert taken["cpu"] == 1000
    assert not requested({"containers": []}).fits_in(node_offers - taken)


CONTAINERS = st.lists(st.tuples(st.integers(0, 5000), st.booleans()), max_size=5)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=4), CONTAINERS)
def test_request_is_the_worst_moment_of_the_pod_s_life(
    main: list[int], initial: list[tuple[int, bool]]
) -> None:
    spec = {
        "containers": [asking({"cpu": f"{cpu}m"}) for cpu in main],
        "initContainers": [(sidecar if stays else asking)({"cpu": f"{cpu}m"}) for cpu, stays in initial],
    }
    moments = [
        cpu + sum(before for before, stays in initial[:position] if stays)
        for position, (cpu, _) in enumerate(initial)
    ]
    moments.append(sum(main) + sum(cpu for cpu, stays in initial if stays))
    assert requested(spec)["cpu"] == max(moments)
