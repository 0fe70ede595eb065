"""What is in use counts whoever uses it; what is free counts as whole only on nodes that nobody uses."""

import pytest

from scheduler.model.nodes import Taint, TaintEffect
from scheduler.telemetry.gpus import GpuUse, gpu_use
from tests.build import node, taken

NOT_READY = Taint("node.kubernetes.io/not-ready", TaintEffect.NO_SCHEDULE)
GONE = Taint("node.kubernetes.io/unreachable", TaintEffect.NO_EXECUTE)
TEAM = Taint("team", TaintEffect.NO_SCHEDULE, "red")


def test_without_gpus_nothing_is_in_use_or_in_pieces() -> None:
    for use in (gpu_use([]), gpu_use([node("n0", gpus=0)])):
        assert use == GpuUse()
        assert (use.allocation, use.fragmentation) == (0.0, 0.0)


def test_shares_are_of_all_and_of_the_free() -> None:
    use = gpu_use([node("n0"), taken(node("n1"), 6), taken(node("n2"), 8)])
    assert use == GpuUse(allocatable=24, allocated=14, in_pieces=2)
    assert use.allocation == pytest.approx(14 / 24)
    assert use.fragmentation == pytest.approx(2 / 10)


def test_full_cluster_is_not_fragmented() -> None:
    assert gpu_use([taken(node("n0"), 8)]).fragmentation == 0.0


def test_overcommitted_node_is_full_and_no_more() -> None:
    assert gpu_use([taken(node("n0", gpus=4), 6), node("n1", gpus=4)]) == GpuUse(8, 4, 0)


@pytest.mark.parametrize(
    "state",
    [
        node("n1", unschedulable=True),
        node("n1", taints=(NOT_READY,)),
        node("n1", taints=(GONE,)),
    ],
    ids=["cordoned", "not-ready", "unreachable"],
)
def test_node_that_nobody_may_use_now_does_not_count(state) -> None:
    assert gpu_use([node("n0"), taken(state, 3)]) == GpuUse(8, 0, 0)


def test_node_reserved_for_a_team_counts() -> None:
    assert gpu_use([node("n0", taints=(TEAM,))]) == GpuUse(8, 0, 0)
