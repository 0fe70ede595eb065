"""Each rule does what its description says: on the counter-examples it gives the peer's answer."""

import numpy as np
import pytest

from benchmarks.place.generate import instances
from benchmarks.place.measure import domains_used, faults
from benchmarks.place.questions import Instance, Shares, question
from benchmarks.place.rules import RULES
from tests.benchmarks.place.small import host, hosts, instance, role

BY_NAME = {rule.name: rule for rule in RULES}
SMALL_FIRST = instance(hosts(r=[8, 4, 4]), role("small", 8, 1), role("big", 1, 8), required="rack")
BIG_FIRST = instance(hosts(r=[8, 4, 4]), role("big", 1, 8), role("small", 8, 1), required="rack")
TWO_RESOURCES = instance(
    (host("r", 8, 200, number=1), host("r", 8, 100, number=2)),
    role("worker", 1, 8, 96),
    role("master", 1, 0, 150),
    required="rack",
)
ONE_LARGE_POD = instance(hosts(r=[8, 8]), role("big", 1, 8), role("small", 8, 1), required="rack")
FOUR_RACKS_OR_TWO = instance(
    hosts(a__1=[8] * 3, a__2=[8] * 3, a__3=[8] * 3, a__4=[8] * 3, b__5=[8] * 8, b__6=[8] * 5),
    role("worker", 12, 8),
)
LARGE_BEFORE_TIGHT = instance(hosts(eight=[8] * 8, four=[8] * 4), role("worker", 4, 8), required="rack")
A_BUSY_RACK = instance(hosts(a=[8] * 3 + [0] * 5, b=[8] * 8), role("worker", 4, 8))


def answer(rule: str, asked: Instance) -> Shares | None:
    return BY_NAME[rule].place(question(asked))


def racks_of(rule: str, asked: Instance) -> set[str]:
    shares = answer(rule, asked)
    assert shares is not None
    assert faults(question(asked), shares) == []
    return {asked.hosts[at].homes[-1] for at in np.flatnonzero(shares.sum(axis=0)).tolist()}


@pytest.mark.parametrize(
    ("rule", "asked", "is_placed"),
    [
        pytest.param(
            "tightest-then-largest", SMALL_FIRST, False, id="role-by-role-in-spec-order-loses-the-big-pod"
        ),
        pytest.param("tightest-then-largest", BIG_FIRST, True, id="and-keeps-it-when-it-is-listed-first"),
        pytest.param("pod-by-pod-spread", SMALL_FIRST, False, id="the-emptiest-host-is-used-up-first"),
        pytest.param("pod-by-pod-pack", SMALL_FIRST, True, id="the-fullest-hosts-are-used-up-first"),
        pytest.param("pod-by-pod-spread", TWO_RESOURCES, False, id="the-host-with-many-cores-is-gone"),
        pytest.param("tightest-then-largest", TWO_RESOURCES, False, id="no-choice-is-taken-back"),
        pytest.param("largest-pod-filter", ONE_LARGE_POD, False, id="two-largest-pods-stand-for-nine"),
        pytest.param("largest-pod-filter", TWO_RESOURCES, True, id="sums-are-compared-when-some-use-gpus"),
        pytest.param("dry-run-by-tier", ONE_LARGE_POD, True, id="a-dry-run-finds-it"),
        pytest.param("first-value-of-label", ONE_LARGE_POD, True, id="so-does-the-first-value"),
    ],
)
def test_what_is_placed_and_what_is_refused(rule: str, asked: Instance, is_placed: bool) -> None:
    assert (answer(rule, asked) is not None) == is_placed


def test_tightest_block_is_taken_with_its_four_racks() -> None:
    shares = answer("tightest-then-largest", FOUR_RACKS_OR_TWO)
    assert shares is not None
    assert domains_used(question(FOUR_RACKS_OR_TWO), shares) == (1, 4)


def test_first_value_is_taken_though_another_is_tighter() -> None:
    assert racks_of("first-value-of-label", LARGE_BEFORE_TIGHT) == {"eight"}
    assert racks_of("dry-run-by-tier", LARGE_BEFORE_TIGHT) == {"four"}
    assert racks_of("pod-by-pod-pack", LARGE_BEFORE_TIGHT) == {"four"}
    assert racks_of("tightest-then-largest", LARGE_BEFORE_TIGHT) == {"four"}


def test_pods_one_by_one_do_not_stay_together_without_a_required_level() -> None:
    assert racks_of("pod-by-pod-pack", A_BUSY_RACK) == {"a", "b"}
    assert racks_of("tightest-then-largest", A_BUSY_RACK) == {"b"}
    assert racks_of("largest-pod-filter", A_BUSY_RACK) == {"b"}


def test_racks_are_liked_in_ten_steps() -> None:
    racks = {f"r{number:02}": [8] * 2 for number in range(20)} | {"r99": [8] * 3}
    asked = instance(hosts(**racks), role("worker", 5, 8))
    shares = answer("largest-pod-filter", asked)
    assert shares is not None
    assert "r99" in racks_of("largest-pod-filter", asked), "the roomiest rack alone is in the last step"


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_whatever_a_rule_places_is_a_placement(rule: object) -> None:
    for asked in instances(3, 96):
        if asked.slices or asked.family == "equal-large":
            continue
        numbers = question(asked)
        shares = rule.place(numbers)  # type: ignore[attr-defined]
        assert shares is None or faults(numbers, shares) == [], asked.name
