"""Fill a fresh control plane with nodes, and wait until a pod could be created and bound there."""

from __future__ import annotations

import http
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from scheduler.localcluster.apiserver import ApiServer
from scheduler.localcluster.errors import LocalClusterError
from scheduler.localcluster.nodes import Manifest

_CONNECTIONS = 8
"""Enough to keep two cores of API server busy; more connections only queue there."""

_STARTUP_TAINT = "node.kubernetes.io/not-ready"


def create_nodes(server: ApiServer, wanted: Sequence[Manifest]) -> None:
    """Create every node that is not there yet."""

    def create(part: Sequence[Manifest]) -> None:
        for node in part:
            answer = server.request("POST", "/api/v1/nodes", node)
            if answer.code not in {http.HTTPStatus.CREATED, http.HTTPStatus.CONFLICT}:
                raise LocalClusterError(
                    f"The node {node['metadata']['name']} was refused: {answer.message()}"
                )
        server.close()

    parts = [wanted[start::_CONNECTIONS] for start in range(_CONNECTIONS)]
    with ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="create-nodes") as pool:
        for done in [pool.submit(create, part) for part in parts if part]:
            done.result()


def wait_settled(server: ApiServer, names: set[str], *, give_up_after_s: float) -> None:
    """
    Until the node lifecycle controller has taken the start-up taint off every node, and pods may be created.

    The API server taints each new node as not ready; that the taint goes is the sign that the controller works.
    """
    give_up_at = time.monotonic() + give_up_after_s
    missing = "the default ServiceAccount"
    while time.monotonic() < give_up_at:
        if (
            server.request("GET", "/api/v1/namespaces/default/serviceaccounts/default").code
            == http.HTTPStatus.OK
        ):
            left = names & _not_ready(server) if names else set()
            if not left:
                return
            missing = f"{len(left)} nodes, {min(left)} the first, which stay tainted"
        time.sleep(0.1)
    raise LocalClusterError(
        f"The control plane did not settle within {give_up_after_s:.0f} s: it lacks {missing}; see the logs."
    )


def _not_ready(server: ApiServer) -> set[str]:
    # resourceVersion=0 answers from the watch cache: no read of etcd per poll.
    listed = server.request("GET", "/api/v1/nodes?resourceVersion=0").json()["items"]
    return {
        node["metadata"]["name"]
        for node in listed
        if any(taint["key"] == _STARTUP_TAINT for taint in node["spec"].get("taints", ()))
    }
