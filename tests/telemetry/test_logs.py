"""JSON where nobody looks, one line per event, also for libraries."""

import io
import json
import logging

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
