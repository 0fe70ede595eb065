"""One identity, kept fresh: token files rotate by the hour, what exec plugins gave expires. Asked before each request."""

import asyncio
from contextlib import suppress
from typing import Final

from scheduler.kube.credentials import Credentials, CredentialsError

TOKEN_LIFE_S: Final = 60.0  # token files rotate by the hour; the official clients re-read them each minute


class Bearer:
    """Owns the present value of the header, and the TLS context of new connections. Used on one event loop."""

    def __init__(self, credentials: Credentials) -> None:
        self._renew = credentials.renew
        self._value = credentials.authorization
        self.tls = credentials.tls
        self._renewed_at: float | None = None
        self._renewing = asyncio.Lock()
        self._is_refused = False

    async def value(self) -> str | None:
        """
        Return the value of the header, None for an identity without one; loaded again once a minute, in a thread.

        A failure keeps the old one: the API server is the judge of it. Who asks while it is being loaded gets the old one, too.
        """
        now = asyncio.get_running_loop().time()
        if self._renewed_at is None:
            self._renewed_at = now
        if self._renew is not None and now - self._renewed_at >= TOKEN_LIFE_S and not self._renewing.locked():
            async with self._renewing:
                self._renewed_at, is_refused, self._is_refused = now, self._is_refused, False
                with suppress(CredentialsError):
                    fresh = await asyncio.to_thread(self._renew, is_refused)
                    self._value, self.tls = fresh.authorization, fresh.tls
        return self._value

    def distrust(self) -> None:
        """The API server has refused it: load it again before the next request."""
        self._renewed_at, self._is_refused = float("-inf"), True
