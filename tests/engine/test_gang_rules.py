"""Where one pod may stand beside those that are there, rule by rule; the examples of the Kubernetes documentation among them."""

from dataclasses import replace

import pytest

from scheduler.model.ids import AttemptId, GroupKey, NodeName, PodKey, PodUid
from scheduler.model.neighbours import PodRules, PodTerm, Selector
from scheduler.model.nodes import Taint, TaintEffect
from scheduler.model.pods import NodeSelectorTerm, Operator, PodShape, Requirement, Toleration
from scheduler.model.reservations import HeldSlot, Reservation
from scheduler.model.snapshot import NodeState, Snapshot
from tests.build import cluster, node, shape
from tests.company import (
    EVERYBODY,
    HOST,
    RACK,
    ZONE,
    apart,
    even,
    feasible,
    labelled,
    near,
    pod,
    racks,
    resident,
    stands,
)

ALL = {"n0", "n1", "n2", "n3"}


def world(*on: tuple[int, PodRules | None, dict[str, str]]) -> list[NodeState]:
    """Return nodes n0, n1 in rack r0 and n2, n3 in r1, with pods on the nodes of these numbers."""
    states = racks(2, 2)
    for number, rules, labels in on:
        states[number] = stands(states[number], resident(rules, **labels))
    return states


def where(states: list[NodeState], of: PodShape, **labels: str) -> set[str]:
    return feasible(cluster(*states), pod(of=of, **labels))


# --- anti-affinity ------------------------------------------------------------------------------------------------------


def test_pod_keeps_away_from_the_domain_of_those_it_avoids() -> None:
    states = world((0, None, {"app": "db"}))
    assert where(states, shape(rules=apart(RACK, app="db"))) == {"n2", "n3"}
    assert where(states, shape(rules=apart(HOST, app="db"))) == ALL - {"n0"}
    assert where(states, shape(rules=apart(RACK, app="web"))) == ALL


def test_pod_that_stands_keeps_others_away() -> None:
    states = world((0, apart(RACK, app="web"), {"app": "db"}))
    assert where(states, shape(), app="web") == {"n2", "n3"}
    assert where(states, shape(), app="other") == ALL


def test_one_term_that_matches_is_enough_to_keep_away() -> None:
    rules = PodRules(anti_affinity=(PodTerm(HOST, labelled(app="db")), PodTerm(RACK, labelled(app="cache"))))
    assert where(world((0, None, {"app": "db"}), (2, None, {"app": "cache"})), shape(rules=rules)) == {"n1"}


def test_node_without_the_topology_key_is_in_no_domain() -> None:
    states = world((0, apart(RACK, app="web"), {"app": "db"}))
    bare = replace(states[1], node=replace(states[1].node, labels={HOST: "n1"}))
    assert where([states[0], bare, *states[2:]], shape(), app="web") == {"n1", "n2", "n3"}
    moved = stands(bare, resident(apart(RACK, app="web"), app="db"))
    assert where([replace(states[0], residents=()), moved, *states[2:]], shape(), app="web") == ALL


def test_two_nodes_without_a_label_are_not_in_one_domain() -> None:
    states = [stands(node("n0"), resident(app="db")), node("n1")]
    assert where(states, shape(rules=apart(RACK, app="db"))) == {"n0", "n1"}


def test_pod_that_is_being_deleted_still_repels_and_attracts() -> None:
    states = world()
    states[0] = stands(states[0], resident(apart(RACK, app="web"), leaving=True, app="db"))
    assert where(states, shape(), app="web") == {"n2", "n3"}
    assert where(states, shape(rules=near(RACK, app="db"))) == {"n0", "n1"}


@pytest.mark.parametrize(
    ("term", "kept_away"),
    [
        (PodTerm(HOST, EVERYBODY), False),
        (PodTerm(HOST, EVERYBODY, ("guests",)), True),
        (PodTerm(HOST, EVERYBODY, (), labelled(kind="guest")), True),
        (PodTerm(HOST, EVERYBODY, (), labelled(kind="host")), False),
        (PodTerm(HOST, EVERYBODY, (), EVERYBODY), True),
        (PodTerm(HOST, None, (), EVERYBODY), False),
    ],
    ids=["own-namespace", "by-name", "by-label", "by-another-label", "all", "no-selector"],
)
@pytest.mark.parametrize("symmetric", [False, True], ids=["avoiding", "avoided"])
def test_namespaces_decide_who_is_meant(term: PodTerm, kept_away: bool, symmetric: bool) -> None:
    rules = PodRules(anti_affinity=(term,))
    states = world()
    there = resident(rules if symmetric else None, namespace="team" if symmetric else "guests", app="x")
    states[0] = stands(states[0], there)
    snapshot = replace(cluster(*states), namespaces={"guests": {"kind": "guest"}, "team": {"kind": "host"}})
    comes = pod(
        namespace="guests" if symmetric else "team", of=shape(rules=None if symmetric else rules), app="y"
    )
    assert feasible(snapshot, comes) == (ALL - {"n0"} if kept_away else ALL)


# --- affinity -----------------------------------------------------------------------------------------------------------


def test_pod_goes_where_those_are_that_it_must_be_near_to() -> None:
    states = world((2, None, {"app": "db"}))
    assert where(states, shape(rules=near(RACK, app="db"))) == {"n2", "n3"}
    assert where(states, shape(rules=near(HOST, app="db"))) == {"n2"}


def test_pod_that_matches_nobody_and_not_itself_goes_nowhere() -> None:
    assert where(world(), shape(rules=near(RACK, app="db")), app="web") == set()


def test_first_of_a_group_may_start_it_wherever_the_labels_are() -> None:
    states = world()
    states[3] = replace(states[3], node=replace(states[3].node, labels={HOST: "n3"}))
    assert where(states, shape(rules=near(RACK, app="db")), app="db") == {"n0", "n1", "n2"}
    assert where(world((0, None, {"app": "db"})), shape(rules=near(RACK, app="db")), app="db") == {"n0", "n1"}


def test_group_whose_pods_stand_where_the_key_is_not_known_has_not_started() -> None:
    states = world()
    states[0] = stands(replace(states[0], node=replace(states[0].node, labels={})), resident(app="db"))
    assert where(states, shape(rules=near(RACK, app="db")), app="db") == ALL - {"n0"}


def test_one_and_the_same_pod_must_match_all_terms() -> None:
    both = PodRules(affinity=(PodTerm(RACK, labelled(app="db")), PodTerm(RACK, labelled(tier="fast"))))
    apart_ = world((0, None, {"app": "db"}), (1, None, {"tier": "fast"}))
    assert where(apart_, shape(rules=both)) == set()
    assert where(world((0, None, {"app": "db", "tier": "fast"})), shape(rules=both)) == {"n0", "n1"}


def test_terms_may_be_met_by_different_pods_in_their_own_domains() -> None:
    rules = PodRules(affinity=(PodTerm(HOST, labelled(app="db")), PodTerm("room", labelled(app="db"))))
    states = [
        replace(
            state, node=replace(state.node, labels={HOST: f"n{number}", "room": "a" if number < 3 else "b"})
        )
        for number, state in enumerate(world((0, None, {"app": "db"})))
    ]
    assert where(states, shape(rules=rules)) == {"n0"}
    states[0] = replace(states[0], node=replace(states[0].node, labels={"room": "a"}))
    states[1] = stands(
        replace(states[1], node=replace(states[1].node, labels={HOST: "n1"})), resident(app="db")
    )
    states[2] = replace(states[2], node=replace(states[2].node, labels={HOST: "n1", "room": "a"}))
    assert where(states, shape(rules=rules)) == {"n2"}  # one pod shares its host, another one its room


# --- spread -------------------------------------------------------------------------------------------------------------

BAR: Selector = labelled(foo="bar")
SPREAD = shape(spreads=(even(ZONE, selector=BAR),))


def documented(*counts: int) -> list[NodeState]:
    """Return node1 and node2 in zoneA, node3 and node4 in zoneB, with so many pods foo=bar on each."""
    return [
        stands(
            node(f"node{n + 1}", labels={ZONE: "zoneA" if n < 2 else "zoneB", "node": f"node{n + 1}"}),
            *[resident(foo="bar")] * count,
        )
        for n, count in enumerate(counts)
    ]


def test_documented_example_of_one_constraint() -> None:
    assert where(documented(1, 1, 1, 0), SPREAD, foo="bar") == {"node3", "node4"}


def test_documented_example_of_two_constraints() -> None:
    both = shape(spreads=(even(ZONE, selector=BAR), even("node", selector=BAR)))
    assert where(documented(1, 1, 1, 0), both, foo="bar") == {"node4"}


def test_documented_example_of_constraints_that_conflict() -> None:
    both = shape(spreads=(even(ZONE, selector=BAR), even("node", selector=BAR)))
    assert where(documented(2, 1, 2), both, foo="bar") == set()


def test_documented_example_with_node_affinity() -> None:
    states = [*documented(1, 1, 1, 0), node("node5", labels={ZONE: "zoneC", "node": "node5"})]
    elsewhere = NodeSelectorTerm((Requirement(ZONE, Operator.NOT_IN, ("zoneC",)),))
    choosy = replace(SPREAD, required_terms=(elsewhere,))
    assert where(states, SPREAD, foo="bar") == {"node5"}
    assert where(states, choosy, foo="bar") == {"node3", "node4"}
    ignoring = replace(choosy, spreads=(even(ZONE, selector=BAR, honours_affinity=False),))
    assert where(states, ignoring, foo="bar") == set()


def test_tainted_nodes_count_unless_taints_are_honoured() -> None:
    red = Taint("red", TaintEffect.NO_SCHEDULE)
    states = [*documented(1, 0, 1, 0), node("node5", labels={ZONE: "zoneC"}, taints=(red,))]
    assert where(states, SPREAD, foo="bar") == set()
    honouring = shape(spreads=(even(ZONE, selector=BAR, honours_taints=True),))
    assert where(states, honouring, foo="bar") == {"node1", "node2", "node3", "node4"}
    tolerant = replace(honouring, tolerations=(Toleration("red", exists=True),))
    assert where(states, tolerant, foo="bar") == {"node5"}


def test_too_few_domains_are_compared_with_an_empty_one() -> None:
    def of(min_domains: int) -> PodShape:
        return shape(spreads=(even(ZONE, selector=BAR, min_domains=min_domains),))

    assert where(documented(1, 0, 1, 0), of(2), foo="bar") == {"node1", "node2", "node3", "node4"}
    assert where(documented(1, 0, 1, 0), of(3), foo="bar") == set()
    assert where(documented(0, 0, 1, 0), of(3), foo="bar") == {"node1", "node2"}


def test_pod_that_is_not_counted_itself_may_fill_up_to_the_skew() -> None:
    states = documented(1, 0, 0, 0)
    assert where(states, SPREAD, foo="bar") == {"node3", "node4"}
    assert where(states, SPREAD, foo="other") == {"node1", "node2", "node3", "node4"}


def test_pods_that_are_leaving_or_elsewhere_are_not_counted() -> None:
    states = documented(0, 0, 0, 0)
    states[0] = stands(states[0], resident(leaving=True, foo="bar"), resident(namespace="other", foo="bar"))
    assert where(states, SPREAD, foo="bar") == {"node1", "node2", "node3", "node4"}


def test_node_without_every_key_is_out_and_its_pods_count_for_nothing() -> None:
    both = shape(spreads=(even(ZONE, selector=BAR), even("node", selector=BAR)))
    states = documented(0, 0, 0, 0)
    states[0] = stands(
        replace(states[0], node=replace(states[0].node, labels={ZONE: "zoneA"})), resident(foo="bar")
    )
    assert where(states, both, foo="bar") == {"node2", "node3", "node4"}


@pytest.mark.parametrize("selector", [None, EVERYBODY], ids=["none", "empty"])
def test_spread_without_a_selector_asks_for_the_label_only(selector: Selector) -> None:
    states = documented(2, 0, 0, 0)
    states[3] = replace(states[3], node=replace(states[3].node, labels={}))
    found = where(states, shape(spreads=(even(ZONE, selector=selector),)), foo="bar")
    assert found == {"node1", "node2", "node3"}


def test_wish_for_an_even_spread_rules_out_nothing() -> None:
    wish = shape(spreads=(even(ZONE, selector=BAR, required=False), even("nowhere", required=False)))
    assert where(documented(2, 2, 0, 0), wish, foo="bar") == {"node1", "node2", "node3", "node4"}


# --- who stands ---------------------------------------------------------------------------------------------------------


def test_member_of_an_open_attempt_is_seen_as_if_it_stood_there() -> None:
    def holding(labels: dict[str, str]) -> Snapshot:
        slot = HeldSlot(
            PodKey("team", "x"), PodUid("x"), NodeName("n0"), shape(rules=apart(RACK, app="web")), labels
        )
        held = Reservation(GroupKey("team", "held"), AttemptId("e1-1"), (slot,))
        return replace(cluster(*world()), reservations=(held,))

    assert feasible(holding({}), pod(app="web")) == {"n2", "n3"}
    avoiding = pod(of=shape(rules=apart(HOST, app="db")))
    assert feasible(holding({"app": "db"}), avoiding) == ALL - {"n0"}
