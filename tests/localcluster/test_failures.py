"""The last words of real programs, as their logs hold them, become a sentence that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.localcluster import LocalClusterError, failures

ETCD = (
    '{"level":"warn","ts":"2026-11-20T10:00:00Z","msg":"closing"}\n'
    '{"level":"fatal","ts":"2026-11-20T10:00:00Z","msg":"discovery failed","error":"listen tcp 127.0.0.1:7: bind: address already in use",'
    f'"stacktrace":"{"main.main" * 1200}"}}\n'
)
KWOK = '{"time":"2026-11-20T10:00:00Z","level":"ERROR","msg":"Failed to run server","err":"listen tcp: bind: address already in use"}\n'
KUBE = (
    "I1120 10:00:00.000000       1 server.go:1] Starting\n"
    'E1120 10:00:00.000000       1 run.go:72] "command failed" err="listen tcp 127.0.0.1:7: bind: address already in use"\n'
)


def told(tmp_path: Path, text: str, *, code: int | None = 1) -> LocalClusterError:
    log = tmp_path / "x.log"
    log.write_text(text)
    return failures.ended_early("x", log, failures.last_words(log), code=code, port=7)


@pytest.mark.parametrize("text", [ETCD, KWOK, KUBE], ids=["etcd", "kwok", "kubernetes"])
def test_a_taken_port_is_recognised_in_the_words_of_every_program(tmp_path: Path, text: str):
    error = told(tmp_path, text)
    assert isinstance(error, failures.PortLostError)
    assert (
        str(error)
        == "Another program took port 7 of x; end it, or take this cluster down and start it again."
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"msg":"failed to write","error":"write wal: No space left on device"}',
        "x: Disk quota exceeded\nerror: exit",
    ],
)
def test_a_full_disk_is_recognised(tmp_path: Path, text: str):
    assert str(told(tmp_path, text)) == (
        f"The disk of {tmp_path} is full: x cannot write; free some space and run it again."
    )


def test_anything_else_is_quoted_without_what_only_machines_read(tmp_path: Path):
    text = '{"level":"fatal","msg":"bad   flag","error":"no such file","stacktrace":"a\\nb"}\ngoodbye\n'
    assert str(told(tmp_path, text)) == (
        f"x ended before it was ready: bad flag: no such file; its log is {tmp_path / 'x.log'}."
    )


@pytest.mark.parametrize("text", ["[1]\n", '"fatal"\n', "7\n", "\x00\xff\n", "{\n"])
def test_any_words_can_be_quoted(tmp_path: Path, text: str):
    assert "x ended before it was ready: " in str(told(tmp_path, text))


def test_a_program_without_a_log_said_nothing(tmp_path: Path):
    assert failures.last_words(tmp_path / "nowhere") == ""


def test_a_signal_that_has_no_name_is_told_by_its_number(tmp_path: Path):
    assert "was ended by signal 99 before" in str(told(tmp_path, "", code=-99))
