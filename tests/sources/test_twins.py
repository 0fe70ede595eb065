"""Every source, read through what its provider would put on a fabric that is known: the groups come out as they are."""

import pytest

from scheduler.model.facts import Dispute, Evidence
from scheduler.model.machines import Device, DeviceKind
from scheduler.sources.merge import evidence
from tests.sources.twins import TWINS, Host, Twin, fabric

HOSTS = fabric(2, 2, 3, 2, 2, 2)


def read(twins: list[Twin], hosts: tuple[Host, ...] = HOSTS) -> Evidence:
    nodes = []
    for host in hosts:
        labels = {key: value for twin in twins for key, value in twin.labels(host).items()}
        node = twins[0].node(host)
        nodes.append(type(node)(node.name, node.allocatable, labels))
    return evidence(nodes, slices=[each for twin in twins for host in hosts for each in twin.slices(host)])


def groups(found: Evidence, level: str) -> set[frozenset[str]]:
    domains: dict[str, set[str]] = {}
    for fact in found.facts:
        if fact.level == level:
            domains.setdefault(fact.domain, set()).add(fact.node)
    return {frozenset(names) for names in domains.values()}


def truth(level: str, hosts: tuple[Host, ...] = HOSTS) -> set[frozenset[str]]:
    domains: dict[tuple[int, ...], set[str]] = {}
    for host in hosts:
        domains.setdefault(host.place(level), set()).add(host.name)
    return {frozenset(names) for names in domains.values()}


@pytest.mark.parametrize("name", TWINS)
def test_fabric_comes_out_of_what_a_provider_says_as_it_is(name: str) -> None:
    twin = TWINS[name]
    found = read([twin])
    levels = [level.name for level in found.levels if level.name != "host"]
    assert {level: groups(found, level) for level in levels} == {lv: truth(lv) for lv in twin.levels}
    assert found.unknowns == ()
    assert [each for each in found.conflicts if each.why not in {Dispute.SPLIT, Dispute.FINER}] == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("topograph", "aws"),
        ("topograph", "gpu-clique"),
        ("topograph-0.5", "coreweave"),
        ("gcp", "gcp-dranet"),
        ("oci", "oci-dranet"),
    ],
)
def test_providers_that_mean_one_fabric_by_other_words_do_not_contradict(first: str, second: str) -> None:
    found = read([TWINS[first], TWINS[second]])
    told = [each for each in found.conflicts if each.why is not Dispute.SPLIT]
    assert [each for each in told if each.why is not Dispute.FINER or "rack" not in each.source] == []
    for level in TWINS[first].levels:
        assert groups(found, level) == truth(level)


def test_physical_racks_inside_leaf_groups_are_told_once_as_finer() -> None:
    (told,) = (each for each in read([TWINS["coreweave"]]).conflicts if each.why is Dispute.FINER)
    assert (told.level, told.source, told.node) == ("rack", "node.coreweave.cloud/rack", None)


def test_ports_of_a_fabric_know_their_leaf_the_present_one_before_the_expected() -> None:
    found = read([TWINS["coreweave"]])
    machine = found.machines[HOSTS[0].name]
    assert machine.devices == (
        Device(DeviceKind.NIC, "ibp0", leaf="S0-0-0-0", gbps=400),
        Device(DeviceKind.NIC, "ibp1", leaf="S0-0-0-1", gbps=400),
    )
