"""
The dedicated kube-scheduler: its configuration, and its life as a child of this process.

Two extender entries, because a timeout counts for all verbs of one: a short one for /filter and /prioritize, a long one for /bind,
which is the barrier. All nodes are looked at, else the planned one may not be offered; preemption for single members is switched
off.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from scheduler.config import ExtenderSettings
from scheduler.driver.children import end, tethered
from scheduler.extender import private_files
from scheduler.extender.pki import Pki
from scheduler.telemetry import logs

RETRY_S: Final = (
    1,
    2,
)  # first and longest pause before a refused pod is tried again; a gang's wake-up is as quick as this
WORKERS: Final = 16
RESTART_S: Final = 2.0  # pause before a restart, doubled each time that it has not stood for as long as this
QUICK_ENDS: Final = 5  # in a row, then another replica may do better
QPS, BURST = 500.0, 1000


class KubeSchedulerError(Exception):
    """kube-scheduler cannot be run; one sentence that says what its log says."""


@dataclass(frozen=True, slots=True)
class Election:
    """Leader election of the kube-scheduler itself, where several replicas run (in a cluster)."""

    namespace: str = "tutti-system"
    lease: str = "tutti-kube-scheduler"


def configuration(
    scheduler_names: tuple[str, ...],
    settings: ExtenderSettings,
    pki: Pki,
    *,
    port: int,
    kubeconfig: Path | None,
    election: Election | None,
) -> str:
    """Return a KubeSchedulerConfiguration as YAML. `kubeconfig` None: the pod's own ServiceAccount."""
    tls = {
        "caFile": str(pki.authority),
        "certFile": str(pki.client_certificate),
        "keyFile": str(pki.client_key),
    }
    url = f"https://{settings.host}:{port}"
    common: dict[str, Any] = {"enableHTTPS": True, "nodeCacheCapable": True, "tlsConfig": tls}
    document: dict[str, Any] = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "qps": QPS,
            "burst": BURST,
            **({"kubeconfig": str(kubeconfig)} if kubeconfig is not None else {}),
        },
        "leaderElection": {"leaderElect": False}
        if election is None
        else {"leaderElect": True, "resourceName": election.lease, "resourceNamespace": election.namespace},
        "percentageOfNodesToScore": 100,
        "parallelism": WORKERS,
        "podInitialBackoffSeconds": RETRY_S[0],
        "podMaxBackoffSeconds": RETRY_S[1],
        "profiles": [
            {"schedulerName": name, "plugins": {"multiPoint": {"disabled": [{"name": "DefaultPreemption"}]}}}
            for name in scheduler_names
        ],
        "extenders": [
            {
                "urlPrefix": url,
                "filterVerb": "filter",
                "prioritizeVerb": "prioritize",
                "preemptVerb": "preempt",
                "weight": 10,
                "httpTimeout": f"{settings.filter_timeout_s:g}s",
                **common,
            },
            {
                "urlPrefix": f"{url}/",
                "bindVerb": "bind",
                "httpTimeout": f"{settings.http_timeout_s:g}s",
                **common,
            },
        ],
    }
    return yaml.safe_dump(document, sort_keys=False)


async def supervise(binary: Path, config: Path, log: Path, port: int) -> None:
    """
    Run kube-scheduler until cancelled; start it again when it ends by itself.

    Raises: KubeSchedulerError when it ends at once, on the first start or time after time; the sentence carries its last words, also when
    it could not be started at all.
    """
    arguments = [
        str(binary),
        f"--config={config}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        "--v=1",
    ]
    quick_ends, most = 0, 1
    while True:
        code, stood = await _run(arguments, log)
        if stood:
            quick_ends, most = 0, QUICK_ENDS  # binary and configuration are good
        else:
            quick_ends += 1
        if quick_ends >= most:
            raise KubeSchedulerError(
                f"{binary} ended at once with code {code}; {log} ends with: {_tail(log)}"
            )
        logs.get("extender").warning("kube-scheduler ended and is started again", code=code)
        await asyncio.sleep(RESTART_S * 2.0**quick_ends)


async def _run(arguments: Sequence[str], log: Path) -> tuple[int, bool]:
    """Run a program to its end; return its exit code, and whether it stood for a while."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with private_files.appended(log) as output:
        child = await asyncio.create_subprocess_exec(*tethered(arguments), stdout=output, stderr=output)
    try:
        code = await child.wait()
    finally:
        if child.returncode is None:
            await end(child)
    return code, loop.time() - begun >= RESTART_S


def _tail(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:500] if lines else "nothing"
