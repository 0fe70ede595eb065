"""What sources disagree on is told with names; that they use other words for the same is not a disagreement."""

from scheduler.model.facts import Conflict, Dispute
from scheduler.model.nodes import Node
from scheduler.model.resources import Resources
from scheduler.sources.merge import evidence

OURS, THEIRS = "fabric.topograph.run/tier-0", "topology.k8s.aws/network-node-layer-3"


def conflicts(*pairs: tuple[str, str]) -> tuple[Conflict, ...]:
    """Return what is told of nodes n0, n1, … with these values of topograph's label and of the cloud's."""
    nodes = []
    for number, (ours, theirs) in enumerate(pairs):
        labels = {key: value for key, value in ((OURS, ours), (THEIRS, theirs)) if value}
        nodes.append(Node(f"n{number}", Resources(), labels))  # type: ignore[arg-type]
    return evidence(nodes).conflicts


def test_other_words_for_the_same_groups_are_no_conflict() -> None:
    assert conflicts(("a", "x"), ("a", "x"), ("b", "y"), ("b", "y")) == ()


def test_sources_that_speak_of_different_nodes_do_not_contradict() -> None:
    assert conflicts(("a", ""), ("a", ""), ("", "x"), ("", "x")) == ()


def test_node_that_a_source_puts_among_others_is_told_by_name() -> None:
    (told,) = conflicts(("a", "x"), ("a", "x"), ("b", "y"), ("b", "y"), ("a", "y"))
    assert told == Conflict("rack", THEIRS, "y", "a", OURS, Dispute.ELSEWHERE, "n4")  # type: ignore[arg-type]


def test_groups_that_are_parts_of_ours_are_told_once() -> None:
    (told,) = conflicts(("a", "x"), ("a", "y"), ("b", "z"), ("b", "z"))
    assert (told.why, told.node, told.value, told.kept) == (Dispute.FINER, None, "3 domains", "2 domains")


def test_groups_that_are_unions_of_ours_are_told_once() -> None:
    (told,) = conflicts(("a", "x"), ("b", "x"), ("c", "z"))
    assert (told.why, told.node, told.value, told.kept) == (Dispute.COARSER, None, "2 domains", "3 domains")


def test_word_that_a_cloud_uses_again_in_each_of_its_blocks_is_another_group_there() -> None:
    block = "topology.k8s.aws/network-node-layer-2"
    nodes = [
        Node(f"n{number}", Resources(), {OURS: ours, block: outer, THEIRS: "1"})  # type: ignore[arg-type]
        for number, (ours, outer) in enumerate((("a", "x"), ("a", "x"), ("b", "y"), ("b", "y")))
    ]
    assert evidence(nodes).conflicts == ()
