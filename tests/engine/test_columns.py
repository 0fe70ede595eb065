"""All nodes at once, and one by one: the same answer."""

from hypothesis import given
from hypothesis import strategies as st

from scheduler.engine.columns import REFUSALS, NodeColumns
from scheduler.engine.feasibility import matches, static_refusal, tolerated
from scheduler.model.nodes import TaintEffect
from scheduler.model.pods import NodeSelectorTerm, PodShape
from scheduler.model.snapshot import NodeState
from scheduler.policies.placement import preferred_nodes
from tests.build import GPU, node
from tests.engine.kinds import TERMS, shapes, states

CLUSTERS = st.integers(0, 6).flatmap(
    lambda count: st.tuples(*(states(f"n{number}") for number in range(count)))
)


@given(CLUSTERS, shapes())
def test_nodes_refuse_a_shape_together_as_they_do_alone(
    cluster: tuple[NodeState, ...], shape: PodShape
) -> None:
    refusals = NodeColumns([state.node for state in cluster]).refusals(shape)
    assert [REFUSALS[code] for code in refusals] == [static_refusal(shape, state.node) for state in cluster]


@given(CLUSTERS, TERMS)
def test_terms_match_nodes_together_as_they_do_alone(
    cluster: tuple[NodeState, ...], term: NodeSelectorTerm
) -> None:
    matching = NodeColumns([state.node for state in cluster]).matching(term)
    assert matching.tolist() == [matches(term, state.node) for state in cluster]


@given(CLUSTERS, shapes())
def test_node_is_liked_for_its_terms_and_less_for_taints_that_discourage(
    cluster: tuple[NodeState, ...], shape: PodShape
) -> None:
    def liked(state: NodeState) -> int:
        soft = [taint for taint in state.node.taints if taint.effect is TaintEffect.PREFER_NO_SCHEDULE]
        wishes = sum(wish.weight for wish in shape.preferred_terms if matches(wish.term, state.node))
        return wishes - 100 * sum(1 for taint in soft if not tolerated(shape, taint))

    scores = preferred_nodes(shape, NodeColumns([state.node for state in cluster]))
    assert scores.tolist() == [liked(state) for state in cluster]


def test_amounts_that_no_machine_has_are_cut_and_never_wrap_round() -> None:
    columns = NodeColumns([node("n0", gpus=2**70).node, node("n1", gpus=7).node])
    assert columns.allocatable(GPU).tolist() == [2**62, 7]
    assert columns.allocatable("nobody/has").tolist() == [0, 0]
    assert (columns.offers(GPU), columns.offers("nobody/has")) == (True, False)
