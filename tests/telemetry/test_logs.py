"""JSON where nobody looks, one line per event, also for libraries."""

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.config import LogSettings
from scheduler.telemetry import logs


def test_a_line_is_json_with_its_facts_as_fields() -> None:
    out = io.StringIO()
    logs.configure(LogSettings(format="auto", level="info"), out)
    logs.get("driver").info("decided", cycle=7, admitted=2)
    said = json.loads(out.getvalue())
    assert (said["event"], said["room"], said["cycle"], said["admitted"], said["level"]) == (
        "decided",
        "driver",
        7,
        2,
        "info",
    )
    assert said["timestamp"].endswith("Z")


def test_below_the_level_nothing_is_said() -> None:
    out = io.StringIO()
    logs.configure(LogSettings(format="json", level="warning"), out)
    logs.get("driver").info("decided")
    assert out.getvalue() == ""


def test_a_library_speaks_in_the_same_form() -> None:
    out = io.StringIO()
    logs.configure(LogSettings(format="json", level="info"), out)
    logging.getLogger("library").warning("slow %s", "answer")
    logging.getLogger("library").info("chatter")
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in said] == ["slow answer"]


def test_an_exception_stays_on_one_line() -> None:
    out = io.StringIO()
    logs.configure(LogSettings(format="json", level="info"), out)
    try:
        raise ValueError("why")
    except ValueError:
        logs.get("driver").exception("failed")
    (line,) = out.getvalue().splitlines()
    assert "ValueError: why" in json.loads(line)["exception"]


def test_what_stands_in_the_way_is_one_line_and_its_end_another() -> None:
    out = io.StringIO()
    logs.configure(LogSettings(format="json", level="info"), out)
    tell = logs.trouble("kube")
    tell("podgroups", "run `tutti install --crds-only`")
    tell("podgroups", "")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert (first["level"], first["event"], first["what"]) == ("warning", "cannot go on", "podgroups")
    assert first["why"] == "run `tutti install --crds-only`"
    assert (second["level"], second["event"], second["what"]) == ("info", "goes on", "podgroups")


class Full(io.StringIO):
    """A stream on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("out_format", ["json", "console"])
@pytest.mark.parametrize("kind", ["closed", "full"])
def test_line_that_cannot_be_written_is_dropped(kind: str, out_format: str) -> None:
    out = Full() if kind == "full" else io.StringIO()
    if kind == "closed":
        out.close()
    logs.configure(LogSettings(format=out_format, level="info"), out)
    logs.get("driver").info("decided", cycle=7)
    logging.getLogger("library").warning("slow answer")


def test_text_that_the_stream_cannot_spell_is_dropped_and_the_next_line_is_written() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    logs.configure(LogSettings(format="console", level="info"), out)
    logs.get("driver").info("entschieden für", cycle=7)
    logs.get("driver").info("decided", cycle=8)
    assert [b"decided" in line for line in raw.getvalue().splitlines() if line] == [True]


PROGRAM = """
import logging, os, sys
from scheduler.config import LogSettings
from scheduler.telemetry import logs
logs.configure(LogSettings(format="json", level="info"))
logs.get("driver").info("before")
print("ready", flush=True)
sys.stdin.readline()
for number in range(2000):
    logs.get("driver").info("decided", cycle=number)
    logging.getLogger("library").warning("slow answer")
print("still here", flush=True)
"""


def test_process_whose_log_reader_has_gone_lives_on_and_ends_well() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "ready\n"
        child.stderr.close()
        child.stdin.write("go\n")
        child.stdin.flush()
        assert child.stdout.readline() == "still here\n"
        assert child.wait(30) == 0


def test_process_without_a_standard_error_runs() -> None:
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, PROGRAM],
        cwd=Path(__file__).parents[2],
        input="go\n",
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout == "ready\nstill here\n"
