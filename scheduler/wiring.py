"""
Builds the object graph of a running Tutti: one function per mode, no logic.

For: `tutti run`. Everything that lives long is made here and handed to a shell.
May not: decide, retry, or know what a flag is called; the command line does.
Next: `scheduler.standalone`, `scheduler.extender` and `scheduler.controller` do the work.
"""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from scheduler.config import Component, Mode, Settings
from scheduler.driver.chronicle import Chronicle
from scheduler.driver.driver import Hands
from scheduler.driver.term import LeadershipLostError, Parts
from scheduler.kube import credentials, kubeconfigs
from scheduler.kube.binder import Binder
from scheduler.kube.cache import Cache, SetAside
from scheduler.kube.claims import ClaimWriter
from scheduler.kube.feed import Feed
from scheduler.kube.leases import Elector, suspended_too
from scheduler.kube.recorder import Recorder
from scheduler.kube.status import StatusWriter
from scheduler.kube.transport import Transport
from scheduler.kube.unreadable import UnreadablePods
from scheduler.policies.registry import default_policies
from scheduler.standalone import loop
from scheduler.telemetry import delay, health, logs
from scheduler.telemetry.gpus import gpu_use
from scheduler.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class RunOptions:
    """
    What `tutti run` was asked for.

    `kube_scheduler` None: it runs elsewhere (extender mode). The other kubeconfigs default to `kubeconfig`.
    `state_dir` holds keys and generated configuration.
    """

    mode: Mode
    settings: Settings
    components: frozenset[Component] = frozenset(Component)
    kubeconfig: Path | None = None
    context: str | None = None
    config_file: Path | None = None
    operator_kubeconfig: Path | None = None
    kube_scheduler: Path | None = None
    kube_scheduler_kubeconfig: Path | None = None
    state_dir: Path | None = None


class StartError(Exception):
    """A part could not be started; one sentence that says what to do."""


def run(options: RunOptions) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP; return the exit code: 0 after a clean stop, 1 when leadership was lost."""
    logs.configure(options.settings.log)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(options))


async def _run(options: RunOptions) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    code = 0
    try:
        async with asyncio.TaskGroup() as tasks:
            if Component.OPERATOR in options.components:
                tasks.create_task(_operator(options, stop))
            if Component.SCHEDULER in options.components:
                await _scheduler(options, stop)
                stop.set()
    except* LeadershipLostError as lost:
        logs.get("wiring").error("stopped", why=str(_innermost(lost)))
        code = 1
    return code


async def _operator(options: RunOptions, stop: asyncio.Event) -> None:
    from scheduler.controller import spawn  # noqa: PLC0415  only who runs an operator needs it

    command = spawn.command(
        kubeconfig=options.operator_kubeconfig or options.kubeconfig,
        context=options.context,
        config=options.config_file,
        has_probes=Component.SCHEDULER not in options.components,
    )
    with _told(spawn.OperatorError):
        await spawn.supervise(command, stop)


async def _scheduler(options: RunOptions, stop: asyncio.Event) -> None:
    async with _parts(options) as parts:
        if options.mode is Mode.STANDALONE:
            await loop.run(parts, stop)
        else:
            from scheduler.driver.desk import VoteDesk  # noqa: PLC0415
            from scheduler.extender import kube_scheduler, private_files, server, shell  # noqa: PLC0415  FastAPI and uvicorn are heavy, and for this mode only

            desk = VoteDesk(
                parts.hands.cache, parts.clock, refused_ttl_s=options.settings.extender.refused_ttl_s
            )
            parts.chronicle.listen(desk.silence_s)
            beside = shell.Beside(
                options.kube_scheduler,
                _kubeconfig_beside(options),
                options.state_dir,
            )
            with _told(server.ListenError, kube_scheduler.KubeSchedulerError, private_files.StateDirError):
                await shell.run(parts, desk, beside, stop)


def _kubeconfig_beside(options: RunOptions) -> str | None:
    """Return what the kube-scheduler beside us is given: an identity of its own, or ours."""
    own = options.kube_scheduler_kubeconfig
    return kubeconfigs.flattened(own) if own else kubeconfigs.flattened(options.kubeconfig, options.context)


@asynccontextmanager
async def _parts(options: RunOptions) -> AsyncGenerator[Parts, None]:
    settings, clock = options.settings, suspended_too
    identity = credentials.load(options.kubeconfig, options.context)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        renewals = await stack.enter_async_context(  # of their own, so that they never queue behind bindings
            Transport(identity, settings.api, metrics.request_answered)
        )
        trouble = logs.trouble("kube")
        elector = Elector(
            renewals,
            settings.leader,
            settings.namespace,
            _identity(),
            clock,
            trouble=trouble,
            standby=logs.standby("kube"),
        )
        transport = await stack.enter_async_context(
            Transport(identity, settings.api, metrics.request_answered, may_write=elector.leads)
        )
        cache = Cache(scheduler_names=settings.scheduler_names, clock=clock)
        recorder = Recorder(transport, "tutti", socket.gethostname(), clock=clock)
        chronicle = Chronicle(metrics, recorder, cache, reporter=metrics)

        def taken_in(kind: str, count: int) -> None:
            metrics.changes_taken_in(kind, count)
            chronicle.cache_changed(clock())

        unreadable = UnreadablePods(transport, cache, elector.leads)

        def set_aside(aside: SetAside) -> None:
            _tell_what_cannot_be_read(aside)
            unreadable.heard.set()

        feed = Feed(transport, cache, settings.api, observer=taken_in, tell=set_aside, trouble=trouble)
        hands = Hands(
            cache=cache,
            binder=Binder(transport, settings.api, scheduler_names=settings.scheduler_names),
            status=StatusWriter(transport, facts=cache, events=recorder),
            claims=ClaimWriter(transport),
        )
        policies = default_policies(
            settings.policies, settings.engine, holds_unevaluated=options.mode is Mode.STANDALONE
        )
        parts = Parts(settings, clock, feed, elector, hands, policies, chronicle)
        checks = health.Checks(
            ready=lambda: "" if cache.is_synced else "the first lists are not complete",
            leading=lambda: "" if chronicle.is_leading else "not leader",
            remark=lambda: "; ".join(filter(None, (elector.remark(), chronicle.remark()))),
            prepare=lambda: _prepare(metrics, feed, cache, chronicle),
        )
        async with health.serve(settings.probes, metrics, checks) as address, asyncio.TaskGroup() as tasks:
            logs.get("wiring").info("started", mode=options.mode.value, probes=address, pid=os.getpid())
            beside = [
                tasks.create_task(work)
                for work in (recorder.run(), delay.sample(metrics.loop_delayed), unreadable.run())
            ]
            try:
                yield parts
            finally:
                for task in beside:
                    task.cancel()


@contextmanager
def _told(*kinds: type[Exception]) -> Iterator[None]:
    """Turn the first of these, also out of a group of tasks, into a StartError."""
    try:
        yield
    except* kinds as problems:
        raise StartError(str(_innermost(problems))) from problems


def _innermost(problem: BaseException) -> BaseException:
    """Return the first problem inside groups of them."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem


def _tell_what_cannot_be_read(aside: SetAside) -> None:
    logs.get("wiring").warning(
        "set aside", kind=aside.kind, name="/".join(filter(None, aside.key)), why=aside.sentence
    )


def _prepare(metrics: Metrics, feed: Feed, cache: Cache, chronicle: Chronicle) -> None:
    metrics.watches(feed.silence_s(), feed.relists)
    metrics.set_aside(aside.kind for aside in cache.set_aside)
    metrics.gpus(gpu_use(cache.snapshot().nodes.values()))
    chronicle.show_waiting()


def _identity() -> str:
    return f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}"
