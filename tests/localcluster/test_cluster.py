"""One directory is one cluster: `up` completes it, whatever happened before, and `down` ends exactly what belongs to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scheduler.localcluster import LocalCluster, LocalClusterError, NodeShape, processes, state
from scheduler.localcluster.processes import Process
from tests.localcluster.conftest import FEW, Clusters
from tests.localcluster.fakes import left_over, until

ALL = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")


def recorded(cluster: LocalCluster) -> state.State:
    known = state.load(cluster.layout.state)
    assert known is not None
    return known


def ours(cluster: LocalCluster) -> dict[str, Process]:
    return dict(recorded(cluster).processes)


def command(cluster: LocalCluster, binaries: Path) -> subprocess.Popen[str]:
    """`tutti cluster up` as a process of its own."""
    words = ["cluster", "up", "--nodes", "2", "--racks", "1", "--blocks", "1", "--bare"]
    words += ["--dir", str(cluster.layout.root), "--bin-dir", str(binaries)]
    return subprocess.Popen(
        [sys.executable, "-m", "scheduler.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def half_started(clusters: Clusters, binaries: Path) -> tuple[LocalCluster, subprocess.Popen[str]]:
    """An `up` under way: etcd and the API server run, the latter is not ready, and nothing else has started."""
    (binaries / "kube-apiserver.holds").touch()
    cluster = clusters()
    parent = command(cluster, binaries)
    until(lambda: cluster.layout.state.exists() and "kube-apiserver" in ours(cluster))
    return cluster, parent


def test_up_twice_is_one_cluster(clusters: Clusters):
    cluster = clusters()
    first = cluster.up()
    assert first.running
    assert [each.name for each in first.programs] == list(ALL)
    before = recorded(cluster)
    assert clusters().up() == first
    assert recorded(cluster) == before


def test_up_starts_again_the_one_program_that_died(clusters: Clusters):
    cluster = clusters()
    cluster.up()
    before = ours(cluster)
    os.kill(before["kube-scheduler"].pid, signal.SIGKILL)
    until(lambda: not cluster.status().running)
    assert cluster.up().running
    after = ours(cluster)
    assert {name for name in ALL if after[name] != before[name]} == {"kube-scheduler"}


def test_up_with_other_nodes_is_refused_and_what_runs_is_left_alone(clusters: Clusters):
    cluster = clusters()
    cluster.up()
    before = recorded(cluster)
    with pytest.raises(LocalClusterError, match="runs with other nodes or options; take it down first"):
        clusters(nodes=NodeShape(count=3, racks=1, blocks=1)).up()
    assert recorded(cluster) == before
    assert cluster.status().running


def test_a_second_up_at_the_same_time_is_told_so_and_disturbs_nothing(clusters: Clusters, binaries: Path):
    (binaries / "etcd.holds").touch()
    cluster = clusters()
    first = threading.Thread(target=cluster.up)
    first.start()
    until(cluster.layout.state.exists)
    with pytest.raises(
        LocalClusterError, match=r"Another command works on the cluster in .*wait for it to end"
    ):
        clusters().up()
    with pytest.raises(LocalClusterError, match="Another command works"):
        clusters().down()
    (binaries / "etcd.holds").unlink()
    first.join()
    assert cluster.status().running


def test_down_ends_exactly_its_own_processes(clusters: Clusters, binaries: Path):
    one, two = clusters("one"), clusters("two")
    one.up()
    two.up()
    # The same program with nearly the same environment, but not of this cluster.
    bystander = subprocess.Popen(
        [str(binaries / "kwok"), "--server-address=127.0.0.1:0"],
        env={**os.environ, processes.TOKEN: recorded(one).token[:-1]},
    )
    try:
        gone = ours(one)
        assert one.down()
        assert not any(processes.is_alive(each) for each in gone.values())
        assert two.status().running
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert not one.down(), "there is nothing left to end"
    assert one.log("etcd").exists()
    assert not any(path.exists() for path in (one.layout.access, one.layout.config, one.layout.state))


def test_down_does_not_end_a_stranger_that_was_given_a_recycled_process_id(clusters: Clusters):
    cluster = clusters()
    cluster.up()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        known = recorded(cluster)
        kwok = known.processes["kwok"]
        state.save(cluster.layout.state, known.with_process("kwok", Process(stranger.pid, kwok.started)))
        assert cluster.down()
        assert stranger.poll() is None
        assert not processes.is_alive(kwok), "found by its token"
    finally:
        stranger.communicate()


def test_down_ends_what_a_crashed_up_has_started(clusters: Clusters, binaries: Path):
    cluster, parent = half_started(clusters, binaries)
    parent.kill()
    parent.communicate()
    started = ours(cluster)
    assert list(started) == ["etcd", "kube-apiserver"]
    assert all(processes.is_alive(each) for each in started.values())
    assert not cluster.status().running
    assert cluster.down()
    assert not any(processes.is_alive(each) for each in started.values())


def test_up_goes_on_where_a_crashed_up_has_left_off(clusters: Clusters, binaries: Path):
    cluster, parent = half_started(clusters, binaries)
    parent.kill()
    parent.communicate()
    started = ours(cluster)
    (binaries / "kube-apiserver.holds").unlink()
    assert cluster.up().running
    assert {name: ours(cluster)[name] for name in started} == started


@pytest.mark.parametrize("name", ["etcd", "kube-apiserver", "kwok"])
def test_a_program_that_a_crashed_up_could_not_write_down_is_found(clusters: Clusters, name: str):
    cluster = clusters()
    cluster.up()
    known = recorded(cluster)
    state.save(cluster.layout.state, known.without_process(name))
    assert cluster.up().running
    assert ours(cluster)[name] == known.processes[name], "not started a second time"
    state.save(cluster.layout.state, known.without_process(name))
    assert cluster.down()
    assert not processes.is_alive(known.processes[name])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_up_leaves_nothing_running(
    clusters: Clusters, binaries: Path, tmp_path: Path, number: signal.Signals
):
    cluster, parent = half_started(clusters, binaries)
    parent.send_signal(number)
    _, err = parent.communicate(timeout=60)
    assert (parent.returncode, err) == (130, "")
    assert left_over(tmp_path) == []
    assert not cluster.layout.state.exists()


@pytest.mark.parametrize("name", ["etcd", "kube-apiserver", "kube-scheduler", "kwok"])
def test_a_failed_up_ends_what_it_started_and_the_next_one_works(
    clusters: Clusters, binaries: Path, tmp_path: Path, name: str
):
    (binaries / f"{name}.says-once").write_text("started\nerror: no such flag\nusage: none\n")
    cluster = clusters()
    with pytest.raises(
        LocalClusterError, match=f"{name} ended before it was ready: error: no such flag; its log is "
    ):
        cluster.up()
    assert left_over(tmp_path) == []
    assert not cluster.layout.access.exists(), "no keys are left behind"
    assert cluster.up().running


def test_an_up_that_fails_to_complete_a_running_cluster_ends_only_what_it_started(
    clusters: Clusters, binaries: Path
):
    cluster = clusters()
    cluster.up()
    before = ours(cluster)
    for name in ("kube-scheduler", "kwok"):
        os.kill(before[name].pid, signal.SIGKILL)
    until(lambda: not any(processes.is_alive(before[name]) for name in ("kube-scheduler", "kwok")))
    (binaries / "kwok.says-once").write_text("fatal: no stages found")
    with pytest.raises(LocalClusterError, match="kwok ended before it was ready: fatal: no stages found"):
        cluster.up()
    living = {name for name, each in ours(cluster).items() if processes.is_alive(each)}
    assert living == {"etcd", "kube-apiserver", "kube-controller-manager"}
    assert cluster.up().running


@pytest.mark.parametrize("name", ["etcd", "kube-apiserver", "kube-controller-manager", "kwok"])
def test_a_port_lost_after_it_was_chosen_is_replaced_by_another(
    clusters: Clusters, binaries: Path, name: str
):
    (binaries / f"{name}.says-once").write_text(
        "listen tcp 127.0.0.1:1: bind: address already in use\nError: exit"
    )
    assert clusters().up().running


def test_a_restart_on_a_port_that_was_taken_meanwhile_names_the_port(clusters: Clusters, binaries: Path):
    cluster = clusters()
    cluster.up()
    cluster.stop("kwok")
    (binaries / "kwok.says").write_text("listen tcp: bind: address already in use")
    port = recorded(cluster).ports["kwok"]
    words = f"Another program took port {port} of kwok; end it, or take this cluster down"
    with pytest.raises(LocalClusterError, match=words):
        cluster.restart("kwok")
    with pytest.raises(LocalClusterError, match=words):
        cluster.up()
    (binaries / "kwok.says").unlink()
    assert cluster.up().running


def test_words_of_an_earlier_start_do_not_explain_a_later_failure(clusters: Clusters, binaries: Path):
    cluster = clusters()
    cluster.up()
    cluster.stop("kwok")
    with cluster.log("kwok").open("a") as log:
        log.write("error: of yesterday\n")
    (binaries / "kwok.says-once").write_text("")
    with pytest.raises(LocalClusterError, match="kwok ended before it was ready: it said nothing"):
        cluster.restart("kwok")


def test_a_folder_of_somebody_else_is_left_alone(clusters: Clusters, tmp_path: Path):
    kept = tmp_path / "one" / "logs" / "mine.log"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    cluster = clusters()
    with pytest.raises(
        LocalClusterError, match="holds something other than a local cluster; give a new or empty"
    ):
        cluster.up()
    assert not cluster.down()
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["logs"]
    assert kept.read_text() == "mine"


def test_a_cluster_that_was_taken_down_can_start_again_in_its_directory(clusters: Clusters):
    cluster = clusters()
    cluster.up()
    cluster.down()
    assert cluster.up().running


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 1}', '{"format": 99}', '{"format": 1, "processes": [7]}']
)
def test_a_damaged_state_file_is_told_and_kept(clusters: Clusters, content: str):
    cluster = clusters()
    cluster.up()
    whole = cluster.layout.state.read_text()
    cluster.layout.state.write_text(content)
    for act in (cluster.up, cluster.down, cluster.status):
        with pytest.raises(
            LocalClusterError, match=r"The state file .*state\.json (is damaged|cannot be read|was written)"
        ):
            act()
    assert cluster.layout.state.read_text() == content
    cluster.layout.state.write_text(whole)
    assert cluster.up().nodes == FEW.count
