"""`tutti topology show`: what it says of a file, of doubts, of the inside of a host, and of files that are none."""

import json
import sys
from pathlib import Path

import pytest

from scheduler.cli import app
from scheduler.kube import dump
from tests.build import cluster, node, taken

FORM = """\
levels: [block, rack]
gpus: 8
tree:
  b0:
    r0: [n0, {n1: 4}]
    r1: ["m[08-11]"]
  b1: [n9]
"""

OBJECTS = """\
apiVersion: v1
kind: NodeList
items:
  - metadata: {name: n0, labels: {nvidia.com/gpu.clique: u.1, nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}}
    status: {allocatable: {nvidia.com/gpu: "8", pods: "110"}}
  - metadata: {name: n1, labels: {nvidia.com/gpu.clique: nonsense}}
    status: {allocatable: {nvidia.com/gpu: 8, pods: 110}}
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: s}
spec:
  driver: gpu.nvidia.com
  nodeName: n0
  pool: {name: n0, generation: 1, resourceSliceCount: 1}
  devices:
    - name: gpu-0
      attributes:
        type: {string: gpu}
        resource.kubernetes.io/pcieRoot: {string: pci0000:17}
        resource.kubernetes.io/numaNode: {int: 0}
---
apiVersion: topology.node.k8s.io/v1alpha2
kind: NodeResourceTopology
metadata: {name: n0}
zones:
  - {name: node-0, type: Node, costs: [{name: node-0, value: 10}, {name: node-1, value: 21}]}
"""

LINGJUN = "ip,DSW,PSW,ASW\nh0,G,P0,S0\nh1,G,P1,S0\nh2,G,P1,S1\n"
OPENB = "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\nn1,94000,262144,0,\n"


def saved(directory: Path, content: str, name: str = "cluster") -> str:
    file = directory / name
    file.write_text(content)
    return str(file)


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert app.run(["topology", "show", *words, "-o", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def names(document: dict, level: str) -> dict[str, int]:
    return {each["name"]: each["nodes"] for each in document["domains"] if each["level"] == level}


def test_nested_form_is_read_with_ranges_and_ragged_ends(tmp_path: Path, capsys) -> None:
    document = shown(capsys, "--file", saved(tmp_path, FORM))
    assert names(document, "block") == {"b0": 6, "b1": 1}
    assert names(document, "rack") == {"r0": 2, "r1": 4}
    assert {"m08", "m11", "n9"} <= names(document, "host").keys()
    assert document["domains"][0]["allocatable"] == 6 * 8 + 4
    (unknown,) = document["unknown"]
    assert (unknown["level"], unknown["nodes"], unknown["why"]) == ("rack", ["n9"], "silent")


def test_kubernetes_objects_are_read_as_the_scheduler_reads_them(tmp_path: Path, capsys) -> None:
    document = shown(capsys, "--file", saved(tmp_path, OBJECTS))
    assert names(document, "clique") == {"u.1": 1}
    assert [(each["why"], each["source"], each["nodes"]) for each in document["unknown"]] == [
        ("unusable", "nvidia.com/gpu.clique (cluster)", ["n1"]),
        ("unusable", "nvidia.com/gpu.clique", ["n1"]),
    ]


def test_objects_are_read_from_json_as_well(tmp_path: Path, capsys) -> None:
    labels = {"topology.kubernetes.io/zone": "z"}
    items = [{"kind": "Node", "metadata": {"name": f"n{n}", "labels": labels}} for n in range(3)]
    file = saved(tmp_path, json.dumps({"kind": "List", "items": items}))
    assert names(shown(capsys, "--file", file), "zone") == {"z": 3}


def test_inside_of_a_host_is_shown_with_its_links(tmp_path: Path, capsys) -> None:
    file = saved(tmp_path, OBJECTS)
    document = shown(capsys, "--file", file, "--host", "n0")
    assert document["where"] == [{"level": "nvlink", "name": "u"}, {"level": "clique", "name": "u.1"}]
    assert document["numaDistances"] == {"0": {"0": 10, "1": 21}}
    (zone,) = document["parts"]
    (root,) = zone["parts"]
    (gpu,) = root["parts"]
    assert (zone["kind"], root["name"], gpu["name"]) == ("numa", "pci0000:17", "gpu-0")
    assert gpu["links"] == [{"kind": "nvlink", "to": "clique u.1", "gbps": 7200}]
    assert app.run(["topology", "show", "--file", file, "--host", "n0"]) == 0
    told = capsys.readouterr().out
    assert "gpu gpu-0, nvlink to clique u.1 at 7200 Gbit/s" in told
    assert "NUMA distances of zone 0: 10 to 0, 21 to 1." in told
    assert app.run(["topology", "show", "--file", file, "--host", "nobody"]) == 1


@pytest.mark.parametrize(
    ("reading", "racks"), [("asw", {"S0": 2, "S1": 1}), ("pair", {"P0/S0": 1, "P1/S0": 1, "S1": 1})]
)
def test_lingjun_list_is_read_in_two_ways(
    tmp_path: Path, capsys, reading: str, racks: dict[str, int]
) -> None:
    file = saved(tmp_path, LINGJUN)
    document = shown(capsys, "--file", file, "--reading", reading)
    assert names(document, "rack") == racks
    assert app.run(["topology", "show", "--file", file, "--reading", reading]) == 0
    told = capsys.readouterr().out
    assert "8 per host are assumed" in told
    assert ("rack S0 of ASW is in several places" in told) == (reading == "pair")


def test_openb_list_says_what_hosts_have_and_nothing_of_the_network(tmp_path: Path, capsys) -> None:
    document = shown(capsys, "--file", saved(tmp_path, OPENB))
    assert [level["name"] for level in document["levels"]] == ["cluster", "host"]
    assert document["domains"][0]["allocatable"] == 2


def test_snapshot_is_shown_with_what_is_free(tmp_path: Path, capsys) -> None:
    file = tmp_path / "snapshot.json"
    dump.save(cluster(taken(node("n0"), 3), node("n1"), racks={"n0": "r0", "n1": "r0"}), file)
    document = shown(capsys, "--file", str(file))
    rack = next(each for each in document["domains"] if each["level"] == "rack")
    assert (rack["free"], rack["allocatable"]) == (13, 16)


BAD = {
    "empty": ("", "is empty; name a file of nodes"),
    "not-text": ("levels: [a]\n\x00", "line 2: this is not text"),
    "not-yaml": ("a: [1,\n", "line 2: this is not YAML"),
    "list": ("- 1\n", "line 1: a Kubernetes object is expected"),
    "other-kind": ("kind: Pod\n", "line 1: kind Pod is not read"),
    "no-node": ("kind: NodeList\nitems: []\n", "line 1: there is no object of kind Node"),
    "second-node": (
        "kind: Node\nmetadata: {name: a}\n---\nkind: Node\nmetadata: {}\n",
        "line 4: metadata.name is missing",
    ),
    "label": ("kind: Node\nmetadata: {name: a, labels: {b: 1}}\n", "line 1: Node.metadata.labels"),
    "quantity": (
        '{"kind": "NodeList", "items": [\n{"metadata": {"name": "a"},\n"status": {"allocatable": {"cpu": "x"}}}]}',
        "line 2: ",
    ),
    "no-levels": ("tree: {}\n", "line 1: levels is missing"),
    "level-twice": ("levels: [a, a]\ntree: {x: [n]}\n", "line 1: levels has a name twice"),
    "unknown-key": ("levels: [a]\nlevel: 3\ntree: {x: [n]}\n", "line 2: level is not known"),
    "too-deep": ("levels: [a]\ntree:\n  x:\n    y: [n]\n", "line 4: a list of hosts is expected: a are all"),
    "number-for-hosts": ("levels: [a]\ntree:\n  x: 7\n", "line 3: a list of hosts is expected, not '7'"),
    "host-twice": ("levels: [a]\ntree:\n  x: [n]\n  y:\n    - n\n", "line 5: the host n is there twice"),
    "host-name": ("levels: [a]\ntree:\n  x: [N_1]\n", "line 3: 'N_1' is not a name of a host"),
    "range": ("levels: [a]\ntree:\n  x: ['n[5-1]']\n", "line 3: 'n[5-1]' is no range"),
    "gpus": ("levels: [a]\ngpus: many\ntree: {x: [n]}\n", "line 2: a number of GPUs"),
    "no-host": ("levels: [a]\ntree: {x: []}\n", "line 2: there is no host"),
    "csv-heading": ("a,b\n1,2\n", "line 1: the heading must name"),
    "csv-short-line": ("ip,DSW,PSW,ASW\nh0,G,P,S\n\nh1,G\n", "line 4: the line has 2 fields"),
    "csv-twice": ("ip,DSW,PSW,ASW\nh0,G,P,S\nh0,G,P,S\n", "line 3: the host h0 is there twice"),
    "csv-no-switch": ("ip,DSW,PSW,ASW\nh0,G,P,\n", "line 2: the field ASW is empty"),
    "csv-number": ("sn,cpu_milli,memory_mib,gpu,model\nn,1,2,x,m\n", "line 2: gpu is 'x'"),
    "csv-quote": ('ip,DSW,PSW,ASW\n"h0,G,P,S\n', "line 2: the line is not CSV"),
    "csv-alone": ("ip,DSW,PSW,ASW\n", "line 1: there is no host"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_with_a_file_is_one_sentence_with_its_line(
    tmp_path: Path, capsys, content: str, words: str
) -> None:
    file = saved(tmp_path, content)
    assert app.run(["topology", "show", "--file", file]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"tutti: {file}")
    assert words in told
    assert told.count("\n") == 1


def test_file_that_is_not_there_or_not_utf8_is_named(tmp_path: Path, capsys) -> None:
    assert app.run(["topology", "show", "--file", str(tmp_path / "none")]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err
    file = tmp_path / "latin"
    file.write_bytes(b"levels: [a]\ntree: {\xe9: [n]}\n")
    assert app.run(["topology", "show", "--file", str(file)]) == 2
    assert f"{file}, line 2: this is not text in UTF-8; write it again as such." in capsys.readouterr().err


def test_file_that_repeats_itself_by_aliases_is_no_bomb(tmp_path: Path, capsys) -> None:
    lines = ["kind: Node", "metadata: {name: a}", "x0: &x0 [y, y, y, y, y, y, y, y, y, y]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert names(shown(capsys, "--file", saved(tmp_path, "\n".join(lines))), "host") == {"a": 1}


def test_picture_without_matplotlib_names_the_extra(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    words = ["topology", "show", "--file", saved(tmp_path, FORM), "--png", str(tmp_path / "p.png")]
    assert app.run(words) == 2
    assert "pip install 'tutti-scheduler[reports]'" in capsys.readouterr().err
    assert not (tmp_path / "p.png").exists()


def test_picture_is_written_and_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys) -> None:
    file, png = saved(tmp_path, FORM), tmp_path / "p.png"
    assert app.run(["topology", "show", "--file", file, "--png", str(png)]) == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    assert f"The picture is in {png}." in capsys.readouterr().out
    assert app.run(["topology", "show", "--file", file, "--png", str(tmp_path / "none" / "p.png")]) == 2
    assert "; make it, or name another file." in capsys.readouterr().err
