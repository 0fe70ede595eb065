"""The extender shell: lead, listen, and let kube-scheduler live as long as both."""

import asyncio
import contextlib
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scheduler.driver.desk import VoteDesk
from scheduler.driver.term import Parts, lead
from scheduler.extender import app, kube_scheduler, pki, server
from scheduler.telemetry import logs


@dataclass(frozen=True, slots=True)
class Beside:
    """The kube-scheduler: its binary (None: it runs elsewhere), its credentials, and where keys and configuration go."""

    binary: Path | None
    kubeconfig: Path | None
    state_dir: Path | None


async def run(parts: Parts, desk: VoteDesk, beside: Beside, stop: asyncio.Event) -> None:
    """
    Serve kube-scheduler until `stop` is set.

    Raises: LeadershipLostError, server.ListenError, kube_scheduler.KubeSchedulerError.
    """
    settings = parts.settings.extender
    with contextlib.ExitStack() as stack:
        directory = beside.state_dir or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="tutti-"))
        )
        keys = pki.make(directory / "extender", settings.host)
        application = app.make(desk, settings, parts.settings.scheduler_names)
        async with server.serve(application, settings, keys) as address, asyncio.TaskGroup() as tasks:
            logs.get("extender").info("listening", host=address.host, port=address.port)
            child = (
                tasks.create_task(_beside(parts, desk, beside, keys, address.port, directory))
                if beside.binary is not None
                else None
            )
            await lead(parts, stop, desk)
            if child is not None:
                child.cancel()


async def _beside(
    parts: Parts, desk: VoteDesk, beside: Beside, keys: pki.Pki, port: int, directory: Path
) -> None:
    if beside.binary is None:
        return
    text = kube_scheduler.configuration(
        parts.settings.scheduler_names,
        parts.settings.extender,
        keys,
        port=port,
        kubeconfig=beside.kubeconfig,
        election=None,
    )
    config = directory / "kube-scheduler.yaml"
    config.write_text(text)
    await desk.opened.wait()  # before that every call would be answered 503
    await kube_scheduler.supervise(beside.binary, config, directory / "kube-scheduler.log", _free_port())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
