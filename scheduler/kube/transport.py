"""
HTTP to the API server: pages, watches, reads and writes, with limits on time and size, and every failure as one class of `errors`.

May not: retry. Who asked knows whether a repetition is safe. Connections are kept alive and not limited here: the binder bounds its own
concurrency, and a Lease renewal never waits behind bindings.
Next: `reflector` says what to list and watch; `binder`, `status` and `leases` write.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Final, Self

import aiohttp
import msgspec

from scheduler.config import ApiSettings
from scheduler.kube import errors, unreachable
from scheduler.kube.bearer import Bearer
from scheduler.kube.credentials import Credentials

MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
JSON: Final = "application/json"
MAX_EVENT_BYTES: Final = 8 * 1024 * 1024  # etcd ends objects near 1.5 MiB; a watch line above this is not one
MAX_ERROR_BYTES: Final = 64 * 1024
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

Observer = Callable[[str, int], None]
"""Told the verb and the status of every answered request; status 0 when none came."""


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct):
    """One page of a list. Items are left undecoded: they are views into the answer, to be translated soon."""

    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""


_page = msgspec.json.Decoder(Page)
_status = msgspec.json.Decoder(_Status)


class Transport:
    """One identity's connection pool to one API server. An async context manager; not usable outside it."""

    def __init__(
        self,
        credentials: Credentials,
        settings: ApiSettings,
        observer: Observer | None = None,
        *,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """`may_write` is asked directly before each write is sent, however long that has waited."""
        self._credentials = credentials
        self._settings = settings
        self._observer = observer
        self._may_write = may_write
        self._session: aiohttp.ClientSession | None = None
        self._bearer = Bearer(credentials)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=75.0, ttl_dns_cache=60)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._settings.request_timeout_s),
            # Uncompressed: gunzip of a large list would hold up the loop for longer than loopback or a LAN takes to send it.
            headers={"Accept": JSON, "Accept-Encoding": "identity", "User-Agent": "tutti"},
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """Return the body. Without a ``resourceVersion`` parameter this is a quorum read."""
        return await self._request("GET", path, params=params)

    async def post(self, path: str, body: bytes) -> bytes:
        """Create."""
        return await self._request("POST", path, body=body)

    async def put(self, path: str, body: bytes) -> bytes:
        """Replace."""
        return await self._request("PUT", path, body=body)

    async def patch(self, path: str, body: bytes, content_type: str = MERGE_PATCH) -> bytes:
        """Change parts."""
        return await self._request("PATCH", path, body=body, content_type=content_type)

    async def delete(self, path: str, body: bytes | None = None) -> bytes:
        """Delete."""
        return await self._request("DELETE", path, body=body)

    async def page(self, path: str, *, limit: int, continue_token: str = "") -> Page:
        """Return one page of a list: the most recent state, or what a token continues. Raises Gone when the token has expired."""
        params = {"limit": str(limit)}
        if continue_token:
            params["continue"] = continue_token
        body = await self._request("GET", path, params=params, limit_bytes=self._settings.max_response_bytes)
        try:
            return _page.decode(body)
        except msgspec.MsgspecError as problem:
            raise errors.Invalid(
                f"GET {self._credentials.server}{path} is not answered with a list ({problem}); check that this is an API server."
            ) from problem

    async def list_pages(self, path: str) -> AsyncGenerator[Page, None]:
        """Yield all pages of a list."""
        token = ""
        while True:
            page = await self.page(path, limit=self._settings.page_size, continue_token=token)
            yield page
            token = page.metadata.continue_
            if not token:
                return

    async def watch(
        self, path: str, *, resource_version: str, timeout_s: int, silence_s: float
    ) -> AsyncGenerator[list[bytes], None]:
        """
        Yield batches of watch events, one JSON document each, until the server closes the stream.

        Raises Unavailable when nothing at all arrives for `silence_s`: then the stream is dead, whatever TCP says.
        """
        params = {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_s),
        }
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._settings.request_timeout_s, sock_read=silence_s
        )
        rest = bytearray()
        try:
            async with self._open.get(
                self._credentials.server + path,
                params=params,
                timeout=timeout,
                headers=await self._headers(),
                ssl=self._bearer.tls or False,
                allow_redirects=False,
                server_hostname=self._credentials.tls_server_name,
                proxy=self._credentials.proxy,
            ) as response:
                if response.status != 200:
                    raise _refused(
                        "GET",
                        path,
                        response.status,
                        await _bounded(response, MAX_ERROR_BYTES),
                        response.headers,
                    )
                async for chunk in response.content.iter_any():
                    rest += chunk
                    end = rest.rfind(b"\n")
                    if end >= 0:
                        lines = bytes(rest[:end]).split(b"\n")
                        del rest[: end + 1]
                        yield lines
                    if len(rest) > MAX_EVENT_BYTES:
                        raise errors.Invalid(
                            f"A watch event of {path} is larger than {MAX_EVENT_BYTES} bytes."
                        )
        except TimeoutError as problem:
            raise errors.Unavailable(f"The watch of {path} was silent for {silence_s:g} s.") from problem
        except aiohttp.ClientConnectorError as problem:
            raise errors.Unavailable(unreachable.sentence(self._credentials, problem)) from problem
        except (aiohttp.ClientError, OSError) as problem:
            raise errors.Unavailable(f"The watch of {path} broke: {problem}.") from problem

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("Transport is used outside its `async with` block")
        return self._session

    async def _headers(self, content_type: str | None = None) -> dict[str, str]:
        headers = {"Content-Type": content_type} if content_type else {}
        authorization = await self._bearer.value()
        if authorization:
            headers["Authorization"] = authorization
        return headers

    async def _request(
        self,
        verb: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        limit_bytes: int | None = None,
    ) -> bytes:
        status = 0
        headers = await self._headers(content_type if body is not None else None)
        if verb in WRITES and not self._may_write():
            raise errors.NotLeading(f"{verb} {path} was not sent: this process does not lead any more.")
        try:
            async with self._open.request(
                verb,
                self._credentials.server + path,
                params=params,
                data=body,
                headers=headers,
                ssl=self._bearer.tls or False,  # another one has connections of its own
                allow_redirects=False,  # the token is for this server alone
                server_hostname=self._credentials.tls_server_name,
                proxy=self._credentials.proxy,
            ) as response:
                status = response.status
                if status < 300:
                    return await _bounded(response, limit_bytes or self._settings.max_response_bytes)
                refusal = _refused(
                    verb, path, status, await _bounded(response, MAX_ERROR_BYTES), response.headers
                )
                if status == 401:
                    self._bearer.distrust()
                raise refusal
        except aiohttp.ClientConnectorError as problem:  # never sent
            raise errors.Unavailable(unreachable.sentence(self._credentials, problem)) from problem
        except TimeoutError as problem:
            raise _unanswered(
                verb, path, f"no answer within {self._settings.request_timeout_s:g} s"
            ) from problem
        except (aiohttp.ClientError, OSError) as problem:
            raise _unanswered(verb, path, str(problem) or type(problem).__name__) from problem
        finally:
            if self._observer is not None:
                self._observer(verb, status)


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.content_length is not None and response.content_length <= limit:
        return await response.read()
    parts = bytearray()
    async for chunk in response.content.iter_any():
        parts += chunk
        if len(parts) > limit:
            response.close()
            raise errors.Invalid(
                f"An answer of the API server is larger than {limit} bytes.", response.status
            )
    return bytes(parts)


def _unanswered(verb: str, path: str, why: str) -> errors.ApiError:
    if verb in WRITES:
        return errors.OutcomeUnknown(f"{verb} {path}: {why}; it may have been carried out.")
    return errors.Unavailable(f"{verb} {path}: {why}.")


def _refused(verb: str, path: str, status: int, body: bytes, headers: Mapping[str, str]) -> errors.ApiError:
    try:
        said = _status.decode(body).message
    except msgspec.MsgspecError:
        said = body[:200].decode("utf-8", "replace")
    message = f"{verb} {path}: {status} {said}".strip()
    if status == 401:
        message += "; the credentials are missing, expired or not known to this API server."
    simple = {
        401: errors.Forbidden,
        403: errors.Forbidden,
        404: errors.NotFound,
        409: errors.Conflict,
        410: errors.Gone,
    }
    if status in simple:
        return simple[status](message, status)
    if status == 429:
        return errors.TooManyRequests(message, _retry_after_s(headers))
    if status >= 500:
        if verb in WRITES:
            return errors.OutcomeUnknown(message, status)
        return errors.Unavailable(message, status, _retry_after_s(headers, default=0.0))
    return errors.Invalid(message, status)


def _retry_after_s(headers: Mapping[str, str], default: float = 1.0) -> float:
    """Seconds from Retry-After, within reason: a broken proxy must not stop us for a day."""
    try:
        return min(60.0, max(0.0, float(headers.get("Retry-After", default))))
    except ValueError:
        return default
