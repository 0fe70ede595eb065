"""`tutti what-if` on a saved cluster: what would start, against what does; and what is wrong with what was asked."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scheduler.cli import app
from scheduler.kube import dump
from scheduler.model.ids import AttemptId, NodeName
from scheduler.model.podgroups import Attempt, AttemptPhase, RecordedMember, Role, TopologyConstraint
from scheduler.model.pods import PodPhase
from scheduler.model.snapshot import Snapshot
from tests.build import cluster, gang, node, shape, taken

RACKS = {"n0": "r0", "n1": "r0", "n2": "r1", "n3": "r1"}
BLOCKS = dict.fromkeys(RACKS, "b0")


def crowded() -> Snapshot:
    """Two racks of two nodes. A gang runs on n0, n3 is cordoned. `want` needs two whole nodes of one rack, `small` a third member."""
    group, pods = gang("runs", 1, pod=shape(gpus=8))
    runs = (group, (replace(pods[0], node=NodeName("n0"), phase=PodPhase.RUNNING),))
    nodes = (taken(node("n0"), 8), node("n1"), node("n2"), node("n3", unschedulable=True))
    unlike, few = gang("small", 2, created_at=9.0, pod=shape(gpus=8))
    roles = (Role("master", 1), Role("worker", 2))
    small = (
        replace(unlike, min_count=3, roles=roles),
        (replace(few[0], role="master"), replace(few[1], role="worker")),
    )
    want = gang("want", 2, pod=shape(gpus=8), topology=TopologyConstraint("rack"))
    return cluster(*nodes, racks=RACKS, blocks=BLOCKS, runs=runs, want=want, small=small)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "snapshot.json"
    dump.save(crowded(), place)
    return place


def asked(file: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = app.run(["what-if", "--snapshot", str(file), *words, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "required=block"],
        ["--set", "topology.required="],
        ["--set", "minCount=1"],
        ["--set", "requests.nvidia.com/gpu=4"],
        ["--uncordon", "n3"],
        ["--remove-group", "team/runs"],
        ["--add-nodes", "1@r0"],
        ["--add-nodes", "1=n2@rack/r1"],
        ["--add-nodes", "1=like n1"],
        ["--add-nodes", "2=n2@r0", "--cordon", "n1"],
    ],
    ids=" ".join,
)
def test_named_group_would_start(file: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, told = asked(file, capsys, "--group", "team/want", *words)
    (row,) = [row for row in told["groups"] if row["isNamed"]]
    assert (code, told["starts"]) == (0, True)
    assert (row["group"], row["before"]["state"], row["after"]["state"]) == ("team/want", "waits", "starts")
    assert row["before"]["reason"] == "NoDomainFits"
    assert row["after"]["assignments"]


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "minCount=2"],
        ["--set", "preferred=block"],
        ["--set", "required=nowhere"],
        ["--add-nodes", "1@r0", "--cordon", "n1"],
        ["--remove-group", "team/runs", "--cordon", "n0"],
        ["--remove-group", "team/want"],
    ],
    ids=" ".join,
)
def test_named_group_would_not_start(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    code, told = asked(file, capsys, "--group", "team/want", *words)
    assert (code, told["starts"]) == (1, False)


def test_role_can_be_made_smaller(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = asked(file, capsys, "--group", "team/small", "--set", "worker.minCount=1")
    assert code == 0, "master and worker take n1 and n2"
    (row,) = told["groups"]
    assert (row["before"]["reason"], row["after"]["result"]) == ("GangIncomplete", "admitted")
    code, _ = asked(
        file, capsys, "--group", "team/small", "--set", "worker.minCount=1", "--set", "worker.requests.cpu=65"
    )
    assert code == 1, "no node has 65 cores"


def test_every_named_group_must_start(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = ["--group", "team/want", "--group", "team/small"]
    assert asked(file, capsys, *both, "--set", "requests.nvidia.com/gpu=1")[0] == 1, "small lacks a member"
    assert asked(file, capsys, "--group", "team/want", "--group", "team/runs", "--uncordon", "n3")[0] == 0, (
        "runs has its nodes"
    )


def test_without_a_name_those_are_told_to_which_something_changes(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = asked(file, capsys, "--uncordon", "n3")
    assert code == 0
    assert [row["group"] for row in told["groups"]] == ["team/want"]
    assert told["unchanged"] == 2
    code, told = asked(file, capsys, "--cordon", "n3")
    assert (code, told["groups"]) == (1, []), "somebody waits, and nobody would start"


def test_people_are_told_before_and_then_in_80_columns(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["what-if", "--snapshot", str(file), "--uncordon", "n3", "--group", "team/want"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "✓ team/want: waits, then starts"
    assert "  before  No rack has room for the whole gang" in shown
    assert "  then    2 members on 1 block, 1 rack, 2 hosts" in shown
    assert "To 2 other groups nothing changes." in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
    app.run(["what-if", "--snapshot", str(file), "--cordon", "n3", "--group", "team/want"])
    assert "… team/want: waits, before and then" in capsys.readouterr().out


def test_room_of_an_attempt_under_way_is_taken_and_its_group_not_planned_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, pods = gang("other", 1, pod=shape(gpus=8))
    line = RecordedMember(pods[0].key.name, pods[0].uid, NodeName("n0"), 0)
    attempt = Attempt(AttemptId("e1-1"), 1, 1, 1, AttemptPhase.COMMITTING, (line,))
    place = tmp_path / "snapshot.json"
    held = cluster(node("n0"), other=(replace(other, attempt=attempt), pods), g=gang("g", 1))
    dump.save(held, place)
    code, told = asked(place, capsys, "--group", "team/g", "--group", "team/other", "--add-nodes", "1")
    assert code == 0
    by_name = {row["group"]: (row["before"]["state"], row["after"]["state"]) for row in told["groups"]}
    assert by_name == {"team/g": ("waits", "starts"), "team/other": ("is being bound", "is being bound")}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Say what would be different"),
        (["--group", "team/want"], "Say what would be different"),
        (["--add-nodes", "0"], "--add-nodes: '0' is not N[=NODE][@DOMAIN]"),
        (["--add-nodes", "many"], "--add-nodes: 'many' is not N"),
        (["--add-nodes", "1="], "--add-nodes: '1=' is not N"),
        (["--add-nodes", "1@"], "--add-nodes: '1@' is not N"),
        (["--add-nodes", "99999"], "with N from 1 to 10000"),
        (["--add-nodes", "1=n9"], "--add-nodes: there is no node n9; `kubectl get nodes` lists them."),
        (["--add-nodes", "1@r7"], "--add-nodes: there is no domain r7; `tutti topology show` lists them."),
        (["--cordon", "n9"], "--cordon: there is no node n9"),
        (["--uncordon", "x"], "--uncordon: there is no node x; `kubectl get nodes` lists them."),
        (["--remove-group", "runs"], "--remove-group: 'runs' is not NAMESPACE/NAME"),
        (["--remove-group", "team/run"], "--remove-group: there is no group team/run, perhaps team/runs;"),
        (["--set", "minCount=1"], "--set changes a group; name it with --group"),
        (
            ["--group", "team/wants", "--set", "minCount=1"],
            "--group: there is no group team/wants, perhaps team/want;",
        ),
        (["--group", "team/want", "--set", "minCount"], "--set: 'minCount' is not FIELD=VALUE"),
        (
            ["--group", "team/want", "--set", "minCount=0"],
            "--set: minCount='0' is not a number from 1 to 10000.",
        ),
        (["--group", "team/small", "--set", "minCount=2"], "is not a number from 3 to 10000."),
        (["--group", "team/want", "--set", "colour=red"], "--set: 'colour' is not a field that can be set"),
        (
            ["--group", "team/want", "--set", "boss.minCount=1"],
            "--set: team/want has no role 'boss': it has no roles.",
        ),
        (["--group", "team/small", "--set", "boss.minCount=1"], "has no role 'boss'; it has master, worker."),
        (
            ["--group", "team/want", "--set", "requests.cpu=lots"],
            "--set: requests.cpu: 'lots' is not a quantity",
        ),
        (["--group", "team/want", "--set", "requests.cpu=-1"], "--set: requests.cpu=-1 cannot be asked for"),
        (["--group", "team/want", "--set", "requests.pods=2"], "--set: requests.pods=2 cannot be asked for"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_one_sentence_and_code_2(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert app.run(["what-if", "--snapshot", str(file), *words]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert shown.out == ""


def test_name_that_two_domains_have_asks_for_the_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "snapshot.json"
    dump.save(cluster(node("n0"), racks={"n0": "one"}, blocks={"n0": "one"}, g=gang("g", 1)), place)
    assert app.run(["what-if", "--snapshot", str(place), "--add-nodes", "1@one"]) == 2
    assert "one is the name of 2 domains; write block/one or rack/one." in capsys.readouterr().err
    assert app.run(["what-if", "--snapshot", str(place), "--add-nodes", "1@rack/one"]) == 0
