"""kube-scheduler as a child: one that cannot run ends Tutti with its last words, one that dies is started again."""

import asyncio
from pathlib import Path

import pytest

from scheduler.extender import kube_scheduler

STANDS_S = 1.0  # a bare interpreter, which becomes the program, needs a part of it


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_scheduler, "RESTART_S", STANDS_S)
    monkeypatch.setattr(kube_scheduler, "QUICK_ENDS", 2)


def program(directory: Path, *lives: str) -> Path:
    """A program that does one of these each time it is started, and the last of them from then on."""
    made = directory / "kube-scheduler"
    starts = directory / "starts"
    cases = "".join(f"{number}) {life};; " for number, life in enumerate(lives[:-1], 1))
    made.write_text(
        f'#!/bin/sh\necho start >> "{starts}"\ncase $(wc -l < "{starts}" | tr -d " ") in {cases}*) {lives[-1]};; esac\n'
    )
    made.chmod(0o755)
    return made


def starts(directory: Path) -> int:
    listed = directory / "starts"
    return len(listed.read_text().splitlines()) if listed.exists() else 0


async def supervised(directory: Path, binary: Path) -> None:
    await kube_scheduler.supervise(binary, directory / "config.yaml", directory / "log", 1)


async def test_program_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = program(tmp_path, 'echo "no such flag" >&2; exit 3')
    with pytest.raises(kube_scheduler.KubeSchedulerError, match=r"code 3.*no such flag"):
        await supervised(tmp_path, broken)
    assert starts(tmp_path) == 1


async def test_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(kube_scheduler.KubeSchedulerError, match="cannot be started"):
        await supervised(tmp_path, tmp_path / "nothing")


async def test_program_that_stood_is_started_again_also_when_it_then_dies_at_once(tmp_path: Path) -> None:
    moody = program(tmp_path, f"sleep {1.5 * STANDS_S}", "kill -9 $$", "exec sleep 600")
    running = asyncio.create_task(supervised(tmp_path, moody))
    async with asyncio.timeout(60):
        while starts(tmp_path) < 3:
            assert not running.done(), running.exception()
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_program_that_dies_at_once_time_after_time_is_given_up(tmp_path: Path) -> None:
    lost = program(tmp_path, f"sleep {1.5 * STANDS_S}", "echo gone; exit 4")
    with pytest.raises(kube_scheduler.KubeSchedulerError, match="code 4"):
        await supervised(tmp_path, lost)
    assert starts(tmp_path) == 3
