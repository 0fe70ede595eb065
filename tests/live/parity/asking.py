"""A kube-scheduler that is asked about pods: which nodes it finds feasible is what it sends to its extender, which lets none pass."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from scheduler.localcluster import LocalCluster

SCHEDULER = "parity"

Offered = dict[str, frozenset[str]]
"""By pod, the nodes that it found feasible. A pod for which it found none is missing: then it does not ask."""


@contextmanager
def asked(cluster: LocalCluster, directory: Path) -> Iterator[Offered]:
    """Run a kube-scheduler of its own for pods of SCHEDULER, and yield what it offers, as it comes in."""
    offered: Offered = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(offered))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = directory / "parity.yaml"
    path.write_text(yaml.safe_dump(_configuration(cluster, f"http://127.0.0.1:{server.server_port}")))
    with (directory / "parity.log").open("wb") as log:
        child = subprocess.Popen(
            [str(cluster.binaries["kube-scheduler"]), f"--config={path}", "--secure-port=0"],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield offered
        finally:
            child.terminate()
            child.wait(20)
            server.shutdown()
            server.server_close()


def _configuration(cluster: LocalCluster, extender: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(cluster.kubeconfig("tutti-kube-scheduler")),
            "qps": 1000,
            "burst": 1000,
        },
        "leaderElection": {"leaderElect": False},
        "percentageOfNodesToScore": 100,
        "profiles": [
            # No preemption: nobody could be preempted, and looking for them takes longer than the filters.
            {"schedulerName": SCHEDULER, "plugins": {"postFilter": {"disabled": [{"name": "*"}]}}}
        ],
        "extenders": [{"urlPrefix": extender, "filterVerb": "filter", "nodeCacheCapable": True}],
    }


def _handler(offered: Offered) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            args = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            names = args["NodeNames"] or []
            offered[args["Pod"]["metadata"]["name"]] = frozenset(names)
            body = json.dumps({"NodeNames": [], "FailedNodes": dict.fromkeys(names, "recorded")}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
