"""How kopf gets to the API server: with an HTTP session of ours, under the same identity as everything else in this process."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import kopf

from scheduler.kube.credentials import Credentials, CredentialsError
from scheduler.kube.sessions import open_session
from scheduler.telemetry import logs

PAUSE_S: Final = 1.0  # before credentials that were refused are loaded again: a refusal may come back at once
RETRY_S: Final = 10.0  # after they could not be loaded


class Login:
    """
    Answers kopf's question for credentials; the first time with those that are loaded already.

    kopf asks again when the API server has refused them. Tokens that merely grow old are renewed inside the session.
    """

    def __init__(self, present: Credentials, load: Callable[[], Credentials]) -> None:
        self._present: Credentials | None = present
        self._load = load

    async def log_in(self, **_: Any) -> kopf.AiohttpSession:
        """Return a session. Raises: kopf.TemporaryError when the credentials cannot be loaded now."""
        identity, self._present = self._present, None
        if identity is None:
            logs.get("controller").warning("the API server refused the credentials; they are loaded again")
            await asyncio.sleep(PAUSE_S)
            try:
                identity = await asyncio.to_thread(self._load)  # exec plugins take their time
            except CredentialsError as problem:
                raise kopf.TemporaryError(str(problem), delay=RETRY_S) from problem
        return kopf.AiohttpSession(
            server=identity.server,
            default_namespace=identity.namespace,
            aiohttp_session=open_session(identity),
        )
