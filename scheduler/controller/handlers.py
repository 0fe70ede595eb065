"""All that kopf sees: event handlers that take note and return. They persist nothing, so kopf writes nothing to anybody's object."""

from typing import Any

import kopf

from scheduler.controller.board import Board
from scheduler.controller.job_groups import JobGroups
from scheduler.controller.login import Login
from scheduler.controller.sightings import KINDS
from scheduler.dialects.own import GROUP, VERSION


def registry(board: Board, job_groups: JobGroups, login: Login) -> kopf.OperatorRegistry:
    """Return the handlers, bound to whoever takes note. Coroutines, or kopf would call them in threads."""
    made = kopf.OperatorRegistry()

    for plural in KINDS:

        async def note(event: Any, plural: str = plural, **_: Any) -> None:
            if event.get("type") == "DELETED":
                board.forget(plural, event["object"])
            else:
                board.see(plural, event["object"])

        kopf.on.event(GROUP, VERSION, plural, registry=made, id=plural)(note)

    async def note_job(event: Any, **_: Any) -> None:
        if event.get("type") == "DELETED":
            job_groups.forget(event["object"])
        else:
            job_groups.see(event["object"])

    kopf.on.event("batch", "v1", "jobs", registry=made, id="jobs")(note_job)
    kopf.on.login(registry=made, id="login")(login.log_in)
    return made


def settings() -> kopf.OperatorSettings:
    """
    Return kopf's settings: no events of its own, no peering.

    It may scan for definitions: right after they are installed a kind can be missing from what the API server says it serves, and kopf
    would never look again.
    """
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.watching.server_timeout = 290
    made.watching.client_timeout = 300
    return made
