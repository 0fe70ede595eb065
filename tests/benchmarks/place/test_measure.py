"""What a placement costs, and that nothing that is none passes for one."""

import numpy as np
import pytest

from benchmarks.place.measure import domains_used, faults, hosts_used, percentile
from benchmarks.place.questions import Instance, question
from tests.benchmarks.place.small import host, hosts, instance, role

TWO_BLOCKS = hosts(a__1=[8, 8], a__2=[8], b__3=[4])


def test_domains_are_counted_per_level() -> None:
    asked = question(instance(TWO_BLOCKS, role("worker", 3, 4)))
    shares = np.array([[1, 0, 1, 1]])
    assert faults(asked, shares) == []
    assert domains_used(asked, shares) == (2, 3)
    assert hosts_used(shares) == 3


@pytest.mark.parametrize(
    ("made", "shares", "fault"),
    [
        pytest.param(
            instance(TWO_BLOCKS, role("w", 3, 4)), [[1, 0, 1, 0]], "2 of 3 pods", id="one-pod-short"
        ),
        pytest.param(
            instance(TWO_BLOCKS, role("w", 3, 4)), [[3, 0, 0, 0]], "more than it has", id="too-many"
        ),
        pytest.param(
            instance(TWO_BLOCKS, role("w", 1, 8), role("x", 1, 1)),
            [[1, 0, 0, 0], [1, 0, 0, 0]],
            "more than it has",
            id="together-too-many",
        ),
        pytest.param(
            instance((host("r", 8, pool="spot"),), role("w", 1, 1, pool="fixed")),
            [[1]],
            "may not run",
            id="wrong-pool",
        ),
        pytest.param(
            instance(TWO_BLOCKS, role("w", 2, 8), required="rack"),
            [[1, 0, 1, 0]],
            "more than one domain of the required level",
            id="two-racks",
        ),
        pytest.param(
            instance(TWO_BLOCKS, role("w", 4, 4), slices=(("rack", 2),)),
            [[2, 1, 1, 0]],
            "slice of 2",
            id="broken-slice",
        ),
        pytest.param(
            instance(TWO_BLOCKS, role("w", 1, 1)), [[2, -1, 0, 0]], "fewer than no pods", id="negative"
        ),
    ],
)
def test_faults_are_named(made: Instance, shares: list[list[int]], fault: str) -> None:
    assert any(fault in each for each in faults(question(made), np.array(shares)))


def test_percentile_is_that_of_the_metrics_table() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([1.0], 0.99) == 1.0
