"""The extender shell: lead, listen, and let kube-scheduler live as long as both."""

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path

from scheduler.driver.desk import VoteDesk
from scheduler.driver.term import Parts, lead
from scheduler.extender import app, kube_scheduler, pki, private_files, server
from scheduler.telemetry import logs


@dataclass(frozen=True, slots=True)
class Beside:
    """
    The kube-scheduler: its binary (None: it runs elsewhere), its credentials, and where keys and configuration go.

    `kubeconfig` is the text of one, which is written down for it; None: the pod's own ServiceAccount.
    """

    binary: Path | None
    kubeconfig: str | None
    state_dir: Path | None


async def run(parts: Parts, desk: VoteDesk, beside: Beside, stop: asyncio.Event) -> None:
    """
    Serve kube-scheduler until `stop` is set.

    Raises: LeadershipLostError, server.ListenError, kube_scheduler.KubeSchedulerError, private_files.StateDirError.
    """
    settings = parts.settings.extender
    with private_files.kept_in(beside.state_dir) as directory:
        keys = pki.make(directory / "extender", settings.host)
        application = app.make(desk, settings, parts.settings.scheduler_names)
        async with server.serve(application, settings, keys) as address, asyncio.TaskGroup() as tasks:
            logs.get("extender").info(
                "listening", host=address.host, port=address.port, keys=str(keys.authority.parent)
            )
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
        kubeconfig=_written_down(beside.kubeconfig, directory),
        election=None,
    )
    config, log = directory / "kube-scheduler.yaml", directory / private_files.LOG
    private_files.write(config, text.encode())
    await desk.opened.wait()  # before that every call would be answered 503
    logs.get("extender").info("kube-scheduler starts", program=str(beside.binary), log=str(log))
    await kube_scheduler.supervise(beside.binary, config, log, _free_port())


def _written_down(kubeconfig: str | None, directory: Path) -> Path | None:
    if kubeconfig is None:
        return None
    path = directory / "kube-scheduler.kubeconfig"
    private_files.write(path, kubeconfig.encode())
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
