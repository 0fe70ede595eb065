"""All that kopf sees: event handlers that take note and return. They persist nothing, so kopf writes nothing to anybody's object."""

from typing import Any

import kopf

from scheduler.controller.board import Board
from scheduler.dialects.own import GROUP, VERSION

KINDS = ("podgroups", "queues", "topologies")


def registry(board: Board) -> kopf.OperatorRegistry:
    """Return the handlers, bound to this board."""
    made = kopf.OperatorRegistry()

    for plural in KINDS:

        def note(event: Any, plural: str = plural, **_: Any) -> None:
            if event.get("type") == "DELETED":
                board.forget(plural, event["object"])
            else:
                board.see(plural, event["object"])

        kopf.on.event(GROUP, VERSION, plural, registry=made, id=plural)(note)

    def note_job(event: Any, **_: Any) -> None:
        if event.get("type") != "DELETED":
            board.see_job(event["object"])

    kopf.on.event("batch", "v1", "jobs", registry=made, id="jobs")(note_job)
    kopf.on.login(registry=made, id="login")(_login)
    return made


def _login(**known: Any) -> kopf.ConnectionInfo | None:
    """Log in without the client library, whose import would cost seconds and a hundred megabytes."""
    return kopf.login_with_kubeconfig(**known) or kopf.login_with_service_account(**known)


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings: no events of its own, no scanning for definitions, no peering."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.scanning.disabled = True
    made.watching.server_timeout = 290
    made.watching.client_timeout = 300
    return made
