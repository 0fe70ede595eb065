"""The cases that other schedulers get wrong, and whatever else is told as a file: given, when, then, and what must not be touched."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from scheduler.engine.cycle import decide
from scheduler.engine.validate import violations
from scheduler.model.ids import LevelName
from scheduler.model.plan import Admit, Hold, Plan
from scheduler.policies.registry import default_policies
from tests.checker.plans import wrongs
from tests.scenarios.reading import Scenario, permuted, read, snapshot

SCENARIOS = [read(path) for path in sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))]
COUNTER_EXAMPLES = {"K1", "K2", "K3", "K4 grows", "V1", "A1", "A2", "C1", "B1", "R1"}
PERMUTATIONS = 8

scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.id for scenario in SCENARIOS])


def decided(scenario: Scenario) -> Plan:
    """Decide it, and have the plan judged by both checkers."""
    seen = snapshot(scenario)
    plan = decide(seen, default_policies(), now=0.0)
    assert wrongs(seen, plan) == []
    assert violations(seen, plan) == ()
    return plan


def cost(plan: Plan) -> dict[str, tuple[object, ...]]:
    """Return what each gang got: pods, and domains per level; or why it waits."""
    found: dict[str, tuple[object, ...]] = {}
    for decision in plan.decisions:
        if isinstance(decision, Hold):
            found[decision.group.name] = (decision.status, decision.reason)
        else:
            racks = tuple(each for each in decision.domains_used if each[0] != LevelName("host"))
            found[decision.group.name] = (len(decision.assignments), racks)
    return found


def check(scenario: Scenario, plan: Plan) -> None:
    """Hold a plan against what the file says must come of it."""
    decisions = {decision.group.name: decision for decision in plan.decisions}
    assert set(decisions) == set(scenario.then)
    for gang, expected in scenario.then.items():
        decision = decisions[gang]
        if "held" in expected:
            assert isinstance(decision, Hold), f"{gang} starts"
            assert str(decision.reason) == expected["held"]
            assert decision.message
        else:
            assert isinstance(decision, Admit), f"{gang} waits: {decision}"
            assert len(decision.assignments) == expected["placed"]
            check_place(scenario, decision, expected)
    homes = {
        (level, scenario.host_of(slot.node).homes[at])
        for admit in plan.admitted
        for slot in admit.assignments
        for at, level in enumerate(scenario.levels)
    }
    assert not homes & {(level, name) for level, names in scenario.untouched.items() for name in names}


def check_place(scenario: Scenario, admit: Admit, expected: Mapping[str, object]) -> None:
    used = {str(level): count for level, count in admit.domains_used}
    domains = expected.get("domains", {})
    inside = expected.get("inside", {})
    roles = expected.get("roles", {})
    assert isinstance(domains, dict)
    assert isinstance(inside, dict)
    assert isinstance(roles, dict)
    assert {level: used[level] for level in domains} == domains
    for level, names in inside.items():
        at = scenario.levels.index(level)
        assert {scenario.host_of(slot.node).homes[at] for slot in admit.assignments} == set(names)
    for role, hosts in roles.items():
        mine = [slot for slot in admit.assignments if f"-{role}-" in slot.pod.name]
        assert Counter(scenario.host_of(slot.node).name for slot in mine) == hosts


def test_every_counter_example_has_a_file() -> None:
    assert {scenario.id for scenario in SCENARIOS} >= COUNTER_EXAMPLES


@scenarios
def test_the_right_answer(scenario: Scenario) -> None:
    check(scenario, decided(scenario))


@scenarios
def test_the_answer_under_other_names_and_with_roles_in_another_order(scenario: Scenario) -> None:
    expected = cost(decided(scenario))
    for seed in range(PERMUTATIONS):
        other = permuted(scenario, seed)
        plan = decided(other)
        assert cost(plan) == expected
        check(other, plan)


def test_a_misspelt_expectation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    content = (Path(__file__).parent / "scenarios" / "kai-filter.yaml").read_text()
    path.write_text(content.replace("placed: 9", "plaaced: 9"))
    with pytest.raises(ValueError, match="plaaced is not known here"):
        read(path)
