"""
Public traces as values: the hosts of a real fabric, and how large real jobs are and how long they run.

The files are no part of the project; a directory is given. A file that lacks a column is refused by name. Text that a file holds is data:
names of hosts and switches are used as they are, numbers are read strictly.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.place.fabrics import GPUS
from benchmarks.place.questions import CPU, GPU, PODS, Host

FABRIC_FILE, JOBS_FILE = "lingjun_topo.csv", "philly.csv"
CORES = 96  # the fabric's file gives neither GPUs nor cores; assumed
ROOM_FOR_PODS = 110
LONGEST_S = 1e9  # thirty years; a longer run is a broken line


class TraceError(ValueError):
    """A trace cannot be used; one sentence that names the file."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a trace: its GPUs, and how long it ran, in seconds."""

    gpus: int
    run_s: float


@dataclass(frozen=True, slots=True)
class Traces:
    """A fabric of one level, the jobs, and the checksum of each file."""

    hosts: tuple[Host, ...]
    jobs: tuple[Job, ...]
    checksums: dict[str, str]


def read(directory: Path) -> Traces:
    """
    Return the traces of a directory. Raises: TraceError.

    Reading "asw" of the fabric: its access switches under one root. They are not nested in the switches above, which are left out.
    """
    hosts = _hosts(directory / FABRIC_FILE)
    jobs = tuple(_jobs(directory / JOBS_FILE))
    if not hosts or not jobs:
        raise TraceError(f"{directory} holds an empty trace; get {FABRIC_FILE} and {JOBS_FILE} anew.")
    names = (FABRIC_FILE, JOBS_FILE)
    return Traces(hosts, jobs, {name: sha256((directory / name).read_bytes()).hexdigest() for name in names})


def _hosts(path: Path) -> tuple[Host, ...]:
    switches: dict[str, str] = {}
    for row in _rows(path, ("ip", "ASW")):
        if row["ip"] in switches:
            raise TraceError(f"The trace {path} names {row['ip']} twice.")
        switches[row["ip"]] = row["ASW"]
    whole = {GPU: GPUS, CPU: CORES * 1000, PODS: ROOM_FOR_PODS}
    return tuple(Host(name, (switch,), whole, whole) for name, switch in sorted(switches.items()))


def _jobs(path: Path) -> Iterator[Job]:
    for line, row in enumerate(_rows(path, ("num_gpus", "duration")), start=2):
        try:
            job = Job(int(row["num_gpus"]), float(row["duration"]))
        except (TypeError, ValueError) as problem:
            raise TraceError(f"The trace {path}, line {line}, is not read: {problem}.") from problem
        if job.gpus < 1 or not 0 <= job.run_s < LONGEST_S:
            raise TraceError(f"The trace {path}, line {line}, has no GPU, or no run time that could be.")
        yield job


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise TraceError(f"The trace {path} cannot be read: {problem}.") from problem
    reader = csv.DictReader(text.splitlines())
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise TraceError(f"The trace {path} has no column {missing[0]}; it has {reader.fieldnames}.")
    yield from reader
