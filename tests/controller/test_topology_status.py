"""What a Topology says of the cluster, and which levels nodes carry."""

from scheduler.controller import topology_views
from scheduler.model.facts import Level
from scheduler.model.ids import LevelName, NodeName
from scheduler.model.nodes import Node
from scheduler.model.resources import Resources
from scheduler.sources.merge import evidence

BLOCK, RACK = Level(LevelName("block"), "x/block"), Level(LevelName("rack"), "x/rack")


def node(name: str, **labels: str) -> Node:
    return Node(NodeName(name), Resources(), labels={f"x/{key}": value for key, value in labels.items()})


def test_topology_in_use_whose_labels_nodes_carry_is_accepted() -> None:
    said = topology_views.topology_condition([BLOCK, RACK], {"x/block", "x/rack"}, True)
    assert (said.holds, said.reason) == (True, "Accepted")
    assert "block, rack" in said.message


def test_topology_whose_label_no_node_carries_names_level_and_label() -> None:
    misspelt = Level(LevelName("rack"), "x/rakc")
    said = topology_views.topology_condition([BLOCK, misspelt], {"x/block"}, True)
    assert (said.holds, said.reason) == (False, "TopologyLevelNotFound")
    assert "rack (x/rakc)" in said.message
    assert "block" not in said.message


def test_topology_that_is_not_the_one_in_use_says_so() -> None:
    said = topology_views.topology_condition([RACK], {"x/rack"}, False)
    assert (said.holds, said.reason) == (True, "AcceptedNotActedUpon")
    assert "default" in said.message


def test_level_that_is_declared_and_carried_by_no_node_is_not_known() -> None:
    levels = topology_views.carried(evidence([node("n1", block="b1")], (BLOCK, RACK)))
    assert levels.know("block")
    assert levels.know("x/block")
    assert not levels.know("rack")
    assert not levels.know("x/rack")
    assert levels.names == ("block", "host")


def test_whole_cluster_and_host_are_known_also_without_nodes() -> None:
    assert topology_views.NO_LEVELS.know("cluster")
    assert topology_views.NO_LEVELS.know("host")
    assert not topology_views.NO_LEVELS.know("rack")
