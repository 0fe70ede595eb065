"""
A few requests to the API server, on the standard library alone: enough to wait for it, to create nodes and to apply YAML.

It must not grow into a client; Tutti's is in the room `kube`, which this room may not know.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from scheduler.localcluster.access import Access
from scheduler.localcluster.errors import LocalClusterError

JSON = "application/json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status code and body of one response; code 0: the server could not be reached."""

    code: int
    body: bytes

    def json(self) -> Any:
        """The body as values; LocalClusterError if the request failed."""
        if self.code not in {http.HTTPStatus.OK, http.HTTPStatus.CREATED}:
            raise LocalClusterError(f"The API server does not answer as it should: {self.message()}.")
        return json.loads(self.body)

    def message(self) -> str:
        """The server's own words, on one line."""
        try:
            return str(json.loads(self.body)["message"])
        except (ValueError, KeyError, TypeError):
            return " ".join(self.body.decode("utf-8", "replace").split())[:300] or f"HTTP {self.code}"


@dataclass(slots=True)
class ApiServer:
    """Requests as one identity; keeps one connection per thread."""

    endpoint: str
    access: Access
    identity: str = "admin"
    timeout_s: float = 30.0
    _mine: threading.local = field(default_factory=threading.local)
    _tls: ssl.SSLContext | None = None

    def request(self, method: str, path: str, body: object = None, content_type: str = JSON) -> Answer:
        """Send once; a connection that broke between two requests is opened again once."""
        content = None if body is None else json.dumps(body)
        headers = {"Accept": JSON, **({"Content-Type": content_type} if content is not None else {})}
        for attempt in (0, 1):
            reused = getattr(self._mine, "connection", None) is not None
            connection = self._connection()
            try:
                connection.request(method, path, body=content, headers=headers)
                response = connection.getresponse()
                return Answer(response.status, response.read())
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not reused or attempt:
                    return Answer(0, str(error).encode())
        raise AssertionError("unreachable")

    def wait_ready(self, *, path: str, give_up_at: float, alive: Callable[[], bool]) -> bool:
        """Ask until the answer is 200; False at the deadline or as soon as `alive()` is false: then another has answered."""
        while time.monotonic() < give_up_at:
            ready = self.request("GET", path).code == http.HTTPStatus.OK
            if not alive():
                return False
            if ready:
                return True
            time.sleep(0.05)
        return False

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._mine, "connection", None)
        self._mine.connection = None
        if connection is not None:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None and self.endpoint.startswith("http://"):  # only kwok's health, which has no TLS
            address = urlsplit(self.endpoint)
            connection = http.client.HTTPConnection(
                address.hostname or "", address.port, timeout=self.timeout_s
            )
            self._mine.connection = connection
        if connection is None:
            if self._tls is None:
                tls = ssl.create_default_context(cafile=str(self.access.authority))
                tls.load_cert_chain(self.access.certificate(self.identity), self.access.key(self.identity))
                self._tls = tls  # only now: another thread must not connect without the certificate
            address = urlsplit(self.endpoint)
            connection = http.client.HTTPSConnection(
                address.hostname or "", address.port, timeout=self.timeout_s, context=self._tls
            )
            self._mine.connection = connection
        return connection
