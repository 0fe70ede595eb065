"""The load of the demo: it must fit one gang at a time, at every size of cluster, and be the same in both halves."""

import pytest

from scheduler.cli.demo.narration import map_lines
from scheduler.cli.demo.story import GANG_LABEL, POD_BY_POD, TUTTI, Gang, load_for, pod_group, worker


@pytest.mark.parametrize("nodes", [4, 5, 7, 16, 64, 1000])
def test_each_gang_fits_alone_and_both_do_not(nodes: int):
    sizes = [gang.members for gang in load_for(nodes, 8).gangs]
    assert max(sizes) <= nodes < sum(sizes)


def test_half_of_the_cluster_is_too_little_for_either():
    for gang in load_for(64, 8).gangs:
        assert gang.members == 40
        assert gang.gpus == 320


def test_workers_arrive_one_of_each_gang_in_turn():
    load = load_for(4, 8)
    names = [(gang.name, number) for gang, number in load.arrivals()]
    assert names == [("alpha", 0), ("beta", 0), ("alpha", 1), ("beta", 1), ("alpha", 2), ("beta", 2)]


def test_both_halves_ask_for_the_same_pods_but_for_the_scheduler_and_the_group():
    gang = Gang("alpha", 3, 8)
    ours, plain = worker(gang, 1, TUTTI), worker(gang, 1, POD_BY_POD)
    assert (
        ours["metadata"]["labels"].pop("scheduling.tutti.dev/pod-group")
        == pod_group(gang)["metadata"]["name"]
    )
    assert (ours["spec"].pop("schedulerName"), plain["spec"].pop("schedulerName")) == (
        "tutti",
        "default-scheduler",
    )
    assert ours == plain
    assert plain["metadata"]["labels"] == {GANG_LABEL: "alpha"}


def test_the_map_shows_a_sign_per_node_by_rack():
    racks = {"n0": "rack-00", "n1": "rack-00", "n2": "rack-01", "n3": "rack-01"}
    assert map_lines(racks, {"n0": "alpha", "n3": "beta"}) == ["rack-00 A.  rack-01 .B"]


def test_the_map_fits_into_80_columns():
    racks = {f"node-{n:04d}": f"rack-{n // 8:02d}" for n in range(256)}
    lines = map_lines(racks, {})
    assert max(len(line) for line in lines) <= 76
    assert sum(line.count(".") for line in lines) == 256
