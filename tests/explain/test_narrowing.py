"""Nodes are left out of a question only where nothing on them can speak against a place."""

from scheduler.explain import explain
from scheduler.explain.narrowing import may_be_narrowed, narrowed
from scheduler.explain.oracle import Oracle, Verdict
from scheduler.explain.surroundings import Uncordoned
from scheduler.model.ids import GroupKey, NodeName
from scheduler.model.podgroups import TopologyConstraint
from scheduler.policies.registry import default_policies
from tests.build import cluster, gang, node, shape

KEY = GroupKey("team", "g")
N0, N1, N2 = (NodeName(f"n{number}") for number in range(3))


def test_pods_that_ask_for_more_than_is_counted_keep_every_node_in() -> None:
    plain = cluster(node("n0"), other=gang("other", 1), g=gang("g", 1))
    assert may_be_narrowed(plain)
    particular = cluster(
        node("n0"), other=gang("other", 1, pod=shape(unevaluated=("podAffinity",))), g=gang("g", 1)
    )
    assert not may_be_narrowed(particular)


def test_place_on_some_nodes_is_a_place() -> None:
    snapshot = cluster(
        node("n0"), node("n1"), node("n2", unschedulable=True), g=gang("g", 2, pod=shape(gpus=8))
    )
    assert set(narrowed(snapshot, [N0, N2]).nodes) == {"n0", "n2"}
    oracle = Oracle(snapshot, KEY, default_policies(), 0.0)
    answer = oracle.ask(Uncordoned((N2,)), within=[N0, N2])
    assert (answer.verdict, answer.is_partial, oracle.asked) == (Verdict.STARTS, True, 1)
    assert not oracle.ask(Uncordoned((N2,)), where=True).is_partial


def test_no_place_on_some_nodes_proves_nothing() -> None:
    snapshot = cluster(node("n0"), node("n1"), g=gang("g", 2, pod=shape(gpus=8)))
    oracle = Oracle(snapshot, KEY, default_policies(), 0.0)
    answer = oracle.ask(Uncordoned((N1,)), within=[N0])
    assert (answer.verdict, answer.is_partial, oracle.asked) == (Verdict.STARTS, False, 2)


def test_where_a_gang_would_start_is_told_from_all_nodes() -> None:
    racks = {"n0": "r0", "n1": "r0", "n2": "r1", "n3": "r1", "n4": "r2"}
    nodes = (node("n0", gpus=4), *(node(f"n{number}") for number in range(1, 5)))
    snapshot = cluster(
        *nodes, racks=racks, g=gang("g", 3, pod=shape(gpus=8), topology=TopologyConstraint("rack"))
    )
    (relax,) = [
        c for c in explain(snapshot, KEY, default_policies(), now=0.0).changes if c.kind == "RelaxLevel"
    ]
    assert relax.text.endswith("the gang then starts in 2 racks.")
