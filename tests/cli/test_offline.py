"""`tutti decide` on a file, and the words of `tutti explain`, without a cluster."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from scheduler.cli import app
from scheduler.cli.answers import combined
from scheduler.cli.errors import CommandError
from scheduler.cli.explain import draw, from_engine, key_of
from scheduler.config import Settings
from scheduler.kube import dump
from scheduler.model.ids import GroupKey, GroupUid, NodeName, PodKey, PodUid
from scheduler.model.nodes import Node
from scheduler.model.podgroups import PodGroup
from scheduler.model.pods import Pod, PodShape
from scheduler.model.resources import Resources
from scheduler.model.snapshot import NodeState, Snapshot

GPU = "nvidia.com/gpu"
TRAIN = GroupKey("team-a", "train")


def cluster(*, nodes: int, members: int) -> Snapshot:
    """Nodes of 8 GPUs, and one gang whose members want 8 each."""
    room = Resources({GPU: 8, "pods": 110, "cpu": 64_000})
    names = [NodeName(f"n{number}") for number in range(nodes)]
    shape = PodShape(Resources({GPU: 8, "pods": 1}))
    pods = tuple(
        Pod(PodKey("team-a", f"train-{n}"), PodUid(f"uid-{n}"), shape, scheduler_name="tutti", group=TRAIN)
        for n in range(members)
    )
    return Snapshot(
        nodes={name: NodeState(Node(name, room)) for name in names},
        groups={TRAIN: PodGroup(TRAIN, GroupUid("group"), min_count=members)},
        members={TRAIN: pods},
    )


def saved(snapshot: Snapshot, directory: Path) -> str:
    file = directory / "snapshot.json"
    dump.save(snapshot, file)
    return str(file)


def test_a_gang_that_fits_is_planned_with_a_node_per_member(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code = app.run(["decide", saved(cluster(nodes=3, members=3), tmp_path), "--output", "json"])
    (decision,) = json.loads(capsys.readouterr().out)["decisions"]
    assert (code, decision["result"]) == (0, "admitted")
    assert sorted(slot["node"] for slot in decision["assignments"]) == ["n0", "n1", "n2"]
    assert sorted(slot["rank"] for slot in decision["assignments"]) == [0, 1, 2]


def test_a_snapshot_is_read_from_standard_input(tmp_path: Path):
    file = Path(saved(cluster(nodes=3, members=3), tmp_path))
    words = [sys.executable, "-m", "scheduler.cli", "decide", "-", "-o", "json"]
    shown = subprocess.run(words, input=file.read_bytes(), capture_output=True, timeout=60, check=True)
    assert json.loads(shown.stdout)["decisions"][0]["result"] == "admitted"


def test_a_gang_that_does_not_fit_is_held_and_the_answer_is_no(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code = app.run(["decide", saved(cluster(nodes=2, members=3), tmp_path)])
    out = capsys.readouterr().out
    assert code == 1
    assert "team-a/train" in out
    assert "InsufficientResources" in out


def test_the_same_file_gives_the_same_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = saved(cluster(nodes=5, members=4), tmp_path)
    told = []
    for _ in range(2):
        app.run(["decide", file, "--output", "yaml", "--now", "0"])
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] != ""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"nodes": 3}', '{"version": 99}'])
def test_a_file_that_is_no_snapshot_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
):
    file = tmp_path / "snapshot.json"
    file.write_text(content)
    assert app.run(["decide", str(file)]) == 2
    assert f"{file} is not a snapshot" in capsys.readouterr().err


def test_explain_draws_gates_room_and_changes_within_80_columns():
    console = Console(width=80, record=True, no_color=True)
    engine = from_engine(cluster(nodes=2, members=3), TRAIN, Settings())
    draw(console, combined(TRAIN, None, engine, at="2026-11-24T12:00:00Z"))
    told = console.export_text()
    assert "… team-a/train: 3 members need 24 nvidia.com/gpu" in told
    assert "✓ eligibility  may run on 2 of 2 nodes" in told
    assert "✗ resources    as said above" in told
    assert "· topology" in told
    assert "This is the engine's answer, from this moment." in told
    assert "host n0" in told
    assert "The gang\nis larger than the cluster." in told
    assert "11.7  Lower minCount from 3 to 2: so many members have room now." in told
    assert "tutti what-if --group team-a/train --set minCount=2" in told
    assert max(len(line.rstrip()) for line in told.splitlines()) <= 80


def test_explain_draws_what_blocks_alone_and_together():
    plain = cluster(nodes=3, members=3)
    cordoned = {
        name: replace(state, node=replace(state.node, unschedulable=number < 2))
        for number, (name, state) in enumerate(plain.nodes.items())
    }
    console = Console(width=80, record=True, no_color=True)
    engine = from_engine(replace(plain, nodes=cordoned), TRAIN, Settings())
    draw(console, combined(TRAIN, None, engine, at="2026-11-24T12:00:00Z"))
    told = " ".join(console.export_text().split())
    assert "WITHOUT THIS ALONE MEMBERS THAT FIT THEN THE GANG cordon 3 of 3 starts" in told
    assert "The gang would start without ✗ cordon." in told
    assert "Uncordon n0 and n1. tutti what-if --group team-a/train --uncordon n0 --uncordon n1" in told


def test_costs_that_changes_are_ranked_by_can_be_seen(capsys: pytest.CaptureFixture[str]):
    assert app.run(["explain", "costs", "-o", "json"]) == 0
    table = {row["kind"]: row for row in json.loads(capsys.readouterr().out)}
    assert table["Wait"]["base"] < table["RemoveGroups"]["base"] < table["AddNodes"]["base"]
    assert app.run(["explain", "costs"]) == 0
    shown = capsys.readouterr().out
    assert "others lose their work" in " ".join(shown.split())
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80


def test_decide_explains_those_that_wait_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = saved(cluster(nodes=2, members=3), tmp_path)
    assert app.run(["decide", file]) == 1
    assert "WHAT WOULD HELP" not in capsys.readouterr().out
    assert app.run(["decide", file, "--explain"]) == 1
    shown = capsys.readouterr().out
    assert "WHAT WOULD HELP, CHEAPEST FIRST" in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
    assert app.run(["decide", file, "--explain", "-o", "json"]) == 1
    (decision,) = json.loads(capsys.readouterr().out)["decisions"]
    assert decision["explanation"]["headline"] == decision["message"]
    assert app.run(["decide", saved(cluster(nodes=3, members=3), tmp_path), "--explain", "-o", "json"]) == 0
    (decision,) = json.loads(capsys.readouterr().out)["decisions"]
    assert "explanation" not in decision


@pytest.mark.parametrize(("mode", "code"), [("standalone", 1), ("extender", 0)])
def test_what_only_kube_scheduler_evaluates_is_held_in_standalone_mode_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str, code: int
):
    plain = cluster(nodes=3, members=3)
    pods = tuple(
        replace(pod, shape=replace(pod.shape, unevaluated=("pod affinity",))) for pod in plain.members[TRAIN]
    )
    file = saved(replace(plain, members={TRAIN: pods}), tmp_path)
    assert app.run(["decide", file, "--mode", mode, "-o", "json"]) == code
    (decision,) = json.loads(capsys.readouterr().out)["decisions"]
    assert decision.get("reason") == ("UnevaluatedConstraint" if code else None)


@pytest.mark.parametrize("text", ["train", "/train", "team-a/", "a/b/c", ""])
def test_a_group_is_named_by_namespace_and_name(text: str):
    with pytest.raises(CommandError, match="NAMESPACE/NAME"):
        key_of(text)
