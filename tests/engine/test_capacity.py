"""What the memo keeps between cycles: nothing that has changed, and everything that the present cycle uses."""

from collections import Counter
from dataclasses import replace

from scheduler.engine.capacity import REMEMBERED, CapacityMemo
from scheduler.engine.columns import NodeColumns, Numbers
from scheduler.engine.trial import Trial
from scheduler.model.facts import Evidence
from scheduler.model.ids import NodeName
from scheduler.model.pods import PodShape
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot
from scheduler.policies.placement import preferred_nodes
from tests.build import GPU, cluster, node, shape, taken


class Counting:
    """A policy that counts how often it is asked about a shape."""

    def __init__(self) -> None:
        self.asked = Counter[PodShape]()

    def __call__(self, shape: PodShape, nodes: NodeColumns) -> Numbers:
        self.asked[shape] += 1
        return preferred_nodes(shape, nodes)


def trial(memo: CapacityMemo, *states: NodeState) -> Trial:
    snapshot = cluster(*states, racks={str(state.node.name): "r0" for state in states})
    return Trial(memo.tree(snapshot), snapshot, memo)


def test_undisturbed_nodes_are_looked_at_once() -> None:
    score = Counting()
    memo = CapacityMemo(score)
    snapshot = cluster(node("n0"), node("n1"))
    for _ in range(3):
        assert Trial(memo.tree(snapshot), snapshot, memo).copies(shape()).tolist() == [8, 8]
    busy = replace(
        snapshot,
        nodes={
            **snapshot.nodes,
            NodeName("n1"): replace(snapshot.nodes[NodeName("n1")], requested=Resources({GPU: 3})),
        },
    )
    assert Trial(memo.tree(busy), busy, memo).copies(shape()).tolist() == [8, 5]
    assert score.asked == {shape(): 1}, "amounts do not decide who may run somewhere"


def test_node_that_changed_is_looked_at_again() -> None:
    memo = CapacityMemo(preferred_nodes)
    picky = shape(node_selector=(("kind", "fast"),))
    slow, fast = node("n0", labels={"kind": "slow"}), node("n0", labels={"kind": "fast"})
    assert trial(memo, slow).copies(picky).tolist() == [0]
    assert trial(memo, fast).copies(picky).tolist() == [8]
    assert trial(memo, replace(fast, requested=Resources({GPU: 2}))).copies(picky).tolist() == [6]
    assert trial(memo).copies(picky).tolist() == []
    assert trial(memo, slow, node("n1")).copies(picky).tolist() == [0, 0]


def test_tree_is_kept_while_evidence_and_nodes_are_the_same() -> None:
    memo = CapacityMemo(preferred_nodes)
    snapshot = cluster(node("n0"), racks={"n0": "r0"})
    first = memo.tree(snapshot)
    full = replace(snapshot, nodes={NodeName("n0"): taken(node("n0"), 8)})
    assert memo.tree(full) is first
    assert memo.tree(replace(full, evidence=Evidence(full.evidence.levels))) is not first
    assert memo.tree(replace(full, nodes={})) is not first


def test_trials_that_take_turns_do_not_mix() -> None:
    memo = CapacityMemo(preferred_nodes)
    snapshot = cluster(node("n0"))
    busy = replace(snapshot, nodes={NodeName("n0"): taken(node("n0"), 8)})
    roomy, full = (Trial(memo.tree(moment), moment, memo) for moment in (snapshot, busy))
    assert roomy.copies(shape()).tolist() == [8]
    assert full.copies(shape()).tolist() == [0]
    assert roomy.free_of(GPU).tolist() == [8]
    assert full.free_of(GPU).tolist() == [0]


def test_what_a_cycle_uses_is_not_pushed_out_by_it() -> None:
    score = Counting()
    memo = CapacityMemo(score)
    many = tuple(node(f"n{number}") for number in range(4096))
    snapshot = Snapshot(nodes={state.node.name: state for state in many})
    most = REMEMBERED // len(many)
    shapes = [shape(cpu=number + 1) for number in range(most + 8)]
    tree = memo.tree(snapshot)
    for _ in range(3):
        cycle = Trial(tree, snapshot, memo)
        for each in shapes:
            cycle.scores(each)
    assert [score.asked[each] for each in shapes] == [1] * most + [3] * 8
    other = Trial(tree, snapshot, memo)
    for each in reversed(shapes):
        other.scores(each)
    last = score.asked.copy()
    for each in reversed(shapes):
        other.scores(each)
    again = score.asked - last
    assert len(again) == 8, "what this cycle asked for first has taken the place of what it did not use"


def test_resource_names_of_pods_leave_nothing_behind() -> None:
    memo = CapacityMemo(preferred_nodes)
    states = [node("n0")]
    tree = memo.tree(Snapshot(nodes={NodeName("n0"): states[0]}))
    assert memo.free(tree, states, "nobody/has").tolist() == [0]
    assert memo.free(tree, states, GPU).tolist() == [8]
    mine = memo.free(tree, states, GPU)
    mine[0] = 99
    assert memo.free(tree, states, GPU).tolist() == [8]
