"""Traces are read by the names of their columns, and refused by them."""

from pathlib import Path

import pytest

from benchmarks.place.traces import FABRIC_FILE, JOBS_FILE, TraceError, read

FABRIC = "ip,DSW,PSW,ASW\nbb,G1,P1,S1\naa,G1,P2,S1\ncc,G1,P1,S2\n"
JOBS = "timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-09 07:01:55,66.0,1,66.0,vc\n2017-10-09 06:13:03,50.5,8,404.0,vc\n"


def traces(directory: Path, *, fabric: str = FABRIC, jobs: str = JOBS) -> Path:
    (directory / FABRIC_FILE).write_text(fabric)
    (directory / JOBS_FILE).write_text(jobs)
    return directory


def test_hosts_and_jobs_are_read(tmp_path: Path) -> None:
    found = read(traces(tmp_path))
    assert [(host.name, host.homes) for host in found.hosts] == [
        ("aa", ("S1",)),
        ("bb", ("S1",)),
        ("cc", ("S2",)),
    ]
    assert [(job.gpus, job.run_s) for job in found.jobs] == [(1, 66.0), (8, 50.5)]
    assert {len(each) for each in found.checksums.values()} == {64}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        pytest.param({"fabric": "ip,DSW\naa,G1\n"}, "has no column ASW", id="no-switch"),
        pytest.param({"jobs": "num_gpus\n1\n"}, "has no column duration", id="no-run-time"),
        pytest.param({"jobs": "num_gpus,duration\n"}, "empty trace", id="no-jobs"),
        pytest.param({"jobs": "num_gpus,duration\nmany,1.0\n"}, "line 2", id="no-number"),
        pytest.param({"jobs": "num_gpus,duration\n0,1.0\n"}, "line 2", id="no-gpu"),
        pytest.param({"jobs": "num_gpus,duration\n1\n"}, "line 2", id="short-line"),
        pytest.param({"fabric": "ip,ASW\naa,S1\naa,S2\n"}, "names aa twice", id="one-host-twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    with pytest.raises(TraceError, match=sentence):
        read(traces(tmp_path, **files))


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=FABRIC_FILE):
        read(tmp_path)
