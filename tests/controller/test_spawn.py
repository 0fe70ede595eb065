"""The operator as a child of `tutti run`."""

import asyncio
import sys
from pathlib import Path

import pytest

from scheduler.controller import spawn


def test_command_line_names_what_was_given_and_nothing_else() -> None:
    assert spawn.command() == [sys.executable, "-m", "scheduler.controller"]
    assert spawn.command(kubeconfig=Path("/k"), context="c", config=Path("/f"))[3:] == [
        "--kubeconfig",
        "/k",
        "--context",
        "c",
        "--config",
        "/f",
    ]


def test_operator_beside_a_scheduler_is_told_to_answer_no_probes() -> None:
    assert spawn.command(has_probes=False)[3:] == ["--no-probes"]


async def test_wrong_input_is_not_tried_again() -> None:
    child = [sys.executable, "-c", "raise SystemExit(2)"]
    with pytest.raises(spawn.OperatorError):
        await asyncio.wait_for(spawn.supervise(child, asyncio.Event()), 30)


async def test_child_that_ends_is_started_again_and_ended_with_its_parent(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    code = (
        f"import time; f = open({str(starts)!r}, 'a'); f.write('x'); f.flush();"
        f"n = len(open({str(starts)!r}).read()); raise SystemExit(1) if n < 2 else time.sleep(600)"
    )
    stop = asyncio.Event()
    supervising = asyncio.create_task(spawn.supervise([sys.executable, "-c", code], stop))
    async with asyncio.timeout(30):
        while not starts.exists() or len(starts.read_text()) < 2:
            await asyncio.sleep(0.05)
        stop.set()
        await supervising
    assert starts.read_text() == "xx"
