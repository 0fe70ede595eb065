"""The operator's process: lead by Lease, then run kopf and the board until told to stop."""

import argparse
import asyncio
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import kopf
import yaml

from scheduler.config import ConfigError, Settings, load
from scheduler.controller.board import Board
from scheduler.controller.handlers import registry, settings
from scheduler.driver.children import unless
from scheduler.kube import credentials
from scheduler.kube.cache import Cache
from scheduler.kube.feed import Feed
from scheduler.kube.leases import Elector, Term, suspended_too
from scheduler.kube.recorder import Recorder
from scheduler.kube.transport import Transport
from scheduler.telemetry import logs

COMPONENT = "tutti-operator"
SYNC_TIMEOUT_S = 120.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns 0 after a clean stop, 1 when leadership was lost, 2 for wrong input."""
    options = _parser().parse_args(argv)
    try:
        wanted = load(options.config, os.environ)
        logs.configure(wanted.log)
        with ExitStack() as stack:
            kubeconfig = _for_kopf(options.kubeconfig, options.context, stack)
            return asyncio.run(_run(wanted, kubeconfig, options.context))
    except (ConfigError, credentials.CredentialsError) as problem:
        print(f"tutti operator: {problem}", file=sys.stderr)  # noqa: T201  before there is a log
        return 2


async def _run(wanted: Settings, kubeconfig: Path | None, context: str | None) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    identity = credentials.load(kubeconfig, context)
    log = logs.get("controller")
    async with (
        Transport(identity, wanted.api) as transport,
        Transport(identity, wanted.api) as lease_transport,
    ):
        cache = Cache(scheduler_names=wanted.scheduler_names, clock=suspended_too)
        feed = Feed(transport, cache, wanted.api)
        recorder = Recorder(transport, COMPONENT, socket.gethostname(), clock=suspended_too)
        board = Board(transport, cache, recorder, wanted.scheduler_names)
        name = f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}"
        elector = Elector(
            lease_transport,
            wanted.leader,
            wanted.namespace,
            name,
            lease_name=wanted.leader.operator_lease_name,
        )
        working = [asyncio.create_task(work) for work in (feed.run(), recorder.run())]
        term: Term | None = None
        try:
            term = await unless(stop, elector.acquire())
            if term is None:
                return 0
            await feed.synced(SYNC_TIMEOUT_S)
            log.info("operator leading", epoch=term.epoch)
            working.append(asyncio.create_task(board.run()))
            return await _lead(board, term, stop, working)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            if term is not None:
                await term.release()


async def _lead(board: Board, term: Term, stop: asyncio.Event, working: Sequence[asyncio.Task[None]]) -> int:
    """Run kopf until `stop`, the end of the term, or the end of anything that must not end."""
    end = asyncio.Event()
    running = asyncio.create_task(
        kopf.operator(
            registry=registry(board), settings=settings(), clusterwide=True, standalone=True, stop_flag=end
        )
    )
    watched = [running, *working, asyncio.create_task(term.lost.wait()), asyncio.create_task(stop.wait())]
    try:
        done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    finally:
        end.set()
        await asyncio.wait({running}, timeout=2.0)
        running.cancel()
    if stop.is_set() or (
        running in done and running.exception() is None
    ):  # kopf takes the signals for itself and returns
        return 0
    if term.lost.is_set():
        logs.get("controller").error("the Lease was lost; this process ends")
        return 1
    for task in done:
        task.result()  # raises what ended it
    return 1


def _for_kopf(kubeconfig: Path | None, context: str | None, stack: ExitStack) -> Path | None:
    """Let kopf find the same identity: it reads $KUBECONFIG and uses the current context."""
    if kubeconfig is None:
        return None
    if context is not None:
        content = yaml.safe_load(kubeconfig.read_text())
        content["current-context"] = context
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tutti-operator-"))
        kubeconfig = Path(directory) / "kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(yaml.safe_dump(content))
    os.environ["KUBECONFIG"] = str(kubeconfig)
    return kubeconfig


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tutti operator", description="Tutti's operator; `tutti run` starts it."
    )
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--context")
    parser.add_argument("--config", type=Path)
    return parser
