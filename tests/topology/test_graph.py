"""The graph holds what is known and no more: the tree of the tables, what is inside of hosts, and links with their speed."""

from hypothesis import given, settings

from scheduler.model.facts import Evidence, TopologyFact
from scheduler.model.ids import DomainName, LevelName, NodeName
from scheduler.model.machines import Device, DeviceKind, Machine, NumaZone
from scheduler.topology import Link, compile_tree, network
from scheduler.topology.graph import containers, contents, is_tree, vertices_of
from tests.topology.test_domains import LEVELS, facts

GPU, NIC = DeviceKind.GPU, DeviceKind.NIC
N0, N1 = NodeName("n0"), NodeName("n1")


def evidence(**machines: Machine) -> Evidence:
    said = tuple(TopologyFact(NodeName(n), LevelName("nvlink"), DomainName("u"), "t") for n in ("n0", "n1"))
    levels = (type(LEVELS[0])(LevelName("nvlink")),)
    return Evidence(levels, said, machines={NodeName(name): each for name, each in machines.items()})


@settings(max_examples=200)
@given(facts)
def test_containment_is_the_tree_of_the_tables(said) -> None:
    found = {(n, level): d for n, level, d in said}
    made = tuple(TopologyFact(NodeName(n), LevelName(lv), DomainName(d), "t") for (n, lv), d in found.items())
    tree = compile_tree(Evidence(LEVELS, made), [NodeName(f"n{n}") for n in range(5)])
    graph = network(Evidence(LEVELS, made), tree)
    vertices = vertices_of(tree)
    assert is_tree(graph)
    assert set(graph.nodes) == set(vertices)
    for position, vertex in enumerate(vertices):
        assert contents(graph, vertex) == [vertices[child] for child in tree.domains[position].children]


def test_devices_hang_on_their_pcie_root_in_their_numa_zone() -> None:
    machine = Machine(
        zones=(NumaZone(0), NumaZone(1)),
        devices=(
            Device(GPU, "gpu-0", "NVIDIA-H100-80GB-HBM3", numa=0, pcie_root="pci0000:17"),
            Device(NIC, "mlx5_0", numa=0, pcie_root="pci0000:17", leaf="S1", gbps=400),
            Device(GPU, "gpu-1"),
        ),
    )
    known = evidence(n0=machine)
    graph = network(known, compile_tree(known, [N0, N1]), [N0, N1])
    card, gpu = ("nic", "n0/mlx5_0"), ("gpu", "n0/gpu-0")
    assert containers(graph, card)[-3:] == [("host", "n0"), ("numa", "n0/0"), ("pcie", "n0/pci0000:17")]
    assert containers(graph, gpu) == containers(graph, card)
    assert containers(graph, ("gpu", "n0/gpu-1"))[-1] == ("host", "n0")
    assert graph.edges[card, ("switch", "S1")] == {"kind": Link.NETWORK, "gbps": 400}
    assert graph.edges[gpu, ("nvlink", "u")] == {"kind": Link.NVLINK, "gbps": 7200}
    assert graph.edges[("gpu", "n0/gpu-1"), ("nvlink", "u")]["gbps"] is None
    assert is_tree(graph)


def test_gpus_without_a_domain_of_several_nodes_share_the_nvlink_of_their_host() -> None:
    machine = Machine(model="NVIDIA-A100-SXM4-80GB", devices=(Device(GPU, "a"), Device(GPU, "b")))
    alone = Evidence(machines={N0: machine})
    graph = network(alone, compile_tree(alone, [N0]), [N0])
    assert {b for _, b, kind in graph.edges(data="kind") if kind is Link.NVLINK} == {("nvlink", "n0")}


def test_link_that_nobody_names_is_not_there() -> None:
    known = Evidence(
        machines={N0: Machine(model="NVIDIA-L40S", devices=(Device(GPU, "a"), Device(NIC, "eth0")))}
    )
    graph = network(known, compile_tree(known, [N0]), [N0])
    assert {kind for _, _, kind in graph.edges(data="kind")} == {Link.CONTAINS}


def test_hosts_that_nobody_looks_into_have_what_is_known_of_them_as_a_whole() -> None:
    cards = tuple(Device(NIC, f"ib{n}", gbps=400) for n in range(8))
    known = evidence(n0=Machine(model="NVIDIA-H100-80GB-HBM3", gpus=8, devices=cards))
    graph = network(known, compile_tree(known, [N0, N1]))
    assert graph.nodes["host", "n0"] == {"model": "NVIDIA-H100-80GB-HBM3", "gpus": 8, "speed": 3200}
    assert graph.nodes["host", "n1"] == {}
    assert not [vertex for vertex in graph if vertex[0] == "nic"]
