"""The operator's process: answer probes, list everything once, lead by Lease, then run kopf and the board until told to stop."""

import argparse
import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import kopf

from scheduler.config import ConfigError, Settings, load
from scheduler.controller.board import Board
from scheduler.controller.explainer import Explainer
from scheduler.controller.handlers import registry, settings
from scheduler.controller.job_groups import JobGroups
from scheduler.controller.login import Login
from scheduler.driver.children import unless
from scheduler.driver.memory import settle
from scheduler.kube import credentials, errors
from scheduler.kube.cache import Cache
from scheduler.kube.credentials import Credentials
from scheduler.kube.feed import Feed
from scheduler.kube.leases import Elector, Term, suspended_too
from scheduler.kube.recorder import Recorder
from scheduler.kube.transport import Transport
from scheduler.telemetry import health, logs
from scheduler.telemetry.metrics import Metrics

COMPONENT = "tutti-operator"
SYNC_TIMEOUT_S = 120.0
KOPF_GRACE_S = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns 0 after a clean stop, 1 when it cannot go on and a restart may help, 2 for wrong input."""
    options = _parser().parse_args(argv)
    try:
        wanted = load(options.config, os.environ)
        logs.configure(wanted.log)
        load_identity = partial(credentials.load, options.kubeconfig, options.context)
        return asyncio.run(_run(wanted, load_identity, has_probes=not options.no_probes))
    except (ConfigError, credentials.CredentialsError, health.ProbeError) as problem:
        print(f"tutti operator: {problem}", file=sys.stderr)  # noqa: T201  before there is a log
        return 2


@dataclass
class _Operator:
    """The parts of one operator process. `term` is set while it leads."""

    metrics: Metrics
    cache: Cache
    feed: Feed
    recorder: Recorder
    elector: Elector
    board: Board
    job_groups: JobGroups
    explainer: Explainer
    login: Login
    term: Term | None = None

    def checks(self) -> health.Checks:
        """Return what the probes ask. A follower is ready: it can lead as soon as it must."""
        return health.Checks(
            ready=self._why_not_ready,
            leading=self._why_not_leading,
            remark=self.elector.remark,
            prepare=self._prepare,
        )

    def _why_not_ready(self) -> str:
        if self.cache.is_synced:
            return ""
        problems = "; ".join(self.feed.problems.values())
        return "the first lists are not complete" + (f": {problems}" if problems else "")

    def _why_not_leading(self) -> str:
        return "" if self.term is not None and self.term.is_held() else "not leader"

    def _prepare(self) -> None:
        self.metrics.watches(self.feed.silence_s(), self.feed.relists)
        self.metrics.set_aside(aside.kind for aside in self.cache.set_aside)


async def _run(wanted: Settings, load_identity: Callable[[], Credentials], *, has_probes: bool) -> int:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    code = 0
    async with _operator(wanted, load_identity) as operator, _probes(wanted, operator, has_probes) as address:
        logs.get("controller").info("operator started", probes=address, pid=os.getpid())
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(operator.feed.run()),
                    tasks.create_task(operator.recorder.run()),
                ]
                try:
                    code = await _serve(operator, stop)
                finally:
                    for task in background:
                        task.cancel()
        except* errors.ApiError as problems:
            logs.get("controller").error("the operator cannot go on", why=str(problems.exceptions[0]))
            code = 1
    return code


async def _serve(operator: _Operator, stop: asyncio.Event) -> int:
    """Wait for the first lists, then for the Lease, then lead. Who cannot list must not keep another from leading."""
    await unless(stop, operator.feed.synced(SYNC_TIMEOUT_S))
    settle()
    term = None if stop.is_set() else await unless(stop, operator.elector.acquire())
    if term is None:
        return 0
    operator.term = term
    operator.metrics.leading(term.epoch)
    logs.get("controller").info("operator leading", epoch=term.epoch)
    parts = (
        operator.board.run(),
        operator.job_groups.run(),
        operator.explainer.run(operator.board.explained),
    )
    working = [asyncio.create_task(part) for part in parts]
    end = asyncio.Event()
    watching = asyncio.create_task(_watch(operator, stop, end))
    try:
        return await _lead(term, stop, [watching, *working])
    finally:
        operator.term = None
        operator.metrics.leading(None)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await (
            term.release()
        )  # before kopf ends: it then cancels whatever has come into the loop since it was started
        end.set()
        await asyncio.wait({watching}, timeout=KOPF_GRACE_S)
        watching.cancel()


async def _watch(operator: _Operator, stop: asyncio.Event, end: asyncio.Event) -> None:
    """Run kopf until `end`. It takes the signals for itself when it starts, and is made to give them back."""
    ready = asyncio.Event()

    async def regain() -> None:
        await ready.wait()
        _stop_on_signals(stop)

    regaining = asyncio.create_task(regain())
    try:
        await kopf.operator(
            registry=registry(operator.board, operator.job_groups, operator.login),
            settings=settings(),
            clusterwide=True,
            standalone=True,
            ready_flag=ready,
            stop_flag=end,
        )
    finally:
        regaining.cancel()


async def _lead(term: Term, stop: asyncio.Event, work: Sequence[asyncio.Task[None]]) -> int:
    """Wait for `stop`, the end of the term, or the end of any work, none of which may end by itself; return the exit code."""
    waiting = [asyncio.create_task(term.lost.wait()), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait([*work, *waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waiting:
            wait.cancel()
    log = logs.get("controller")
    if stop.is_set():
        return 0
    if term.lost.is_set():
        log.error("the Lease was lost; this process ends")
        return 1
    for task in work:
        problem = task.exception() if task.done() and not task.cancelled() else None
        if problem is not None:
            log.error("a part of the operator has failed; this process ends", exc_info=problem)
            return 1
    return 0  # kopf was signalled while it still had the signals


def _stop_on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


@asynccontextmanager
async def _operator(
    wanted: Settings, load_identity: Callable[[], Credentials]
) -> AsyncGenerator[_Operator, None]:
    identity, metrics = load_identity(), Metrics()
    name = f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}"
    lease, trouble = wanted.leader.operator_lease_name, logs.trouble("controller")
    async with AsyncExitStack() as stack:
        renewals = await stack.enter_async_context(Transport(identity, wanted.api, metrics.request_answered))
        elector = Elector(
            renewals,
            wanted.leader,
            wanted.namespace,
            name,
            lease_name=lease,
            trouble=trouble,
            standby=logs.standby("controller"),
        )
        transport = await stack.enter_async_context(
            Transport(identity, wanted.api, metrics.request_answered, may_write=elector.leads)
        )
        cache = Cache(scheduler_names=wanted.scheduler_names, clock=suspended_too)
        recorder = Recorder(transport, COMPONENT, socket.gethostname(), clock=suspended_too)
        job_groups = JobGroups(transport, cache, recorder, wanted.scheduler_names)
        explainer = Explainer(cache, wanted)
        yield _Operator(
            metrics=metrics,
            cache=cache,
            feed=Feed(transport, cache, wanted.api, observer=metrics.changes_taken_in, trouble=trouble),
            recorder=recorder,
            elector=elector,
            board=Board(transport, cache, job_groups, explainer),
            job_groups=job_groups,
            explainer=explainer,
            login=Login(identity, load_identity),
        )


@asynccontextmanager
async def _probes(
    wanted: Settings, operator: _Operator, has_probes: bool
) -> AsyncGenerator[str | None, None]:
    """Answer probes where the settings say; beside a scheduler it is the scheduler that does, and they have one address."""
    if not has_probes:
        yield None
        return
    async with health.serve(wanted.probes, operator.metrics, operator.checks()) as address:
        yield address


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tutti operator", description="Tutti's operator; `tutti run` starts it."
    )
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--context")
    parser.add_argument("--config", type=Path)
    parser.add_argument(
        "--no-probes",
        action="store_true",
        help="Answer no probes: a scheduler beside it has their address.",
    )
    return parser
