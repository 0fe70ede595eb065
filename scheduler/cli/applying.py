"""
Objects onto a cluster and off it, one after the other: server-side apply and delete over the user's own connection.

Applying twice changes nothing. What was done is known at every moment, so that a failure in the middle can say how far it came. With a dry
run only reads are sent.
"""

import asyncio
import json
from typing import Any, Final, NoReturn
from urllib.parse import quote

from scheduler.cli.errors import CommandError
from scheduler.cli.manifests import Manifest, identity
from scheduler.kube import errors
from scheduler.kube.transport import Transport

APPLY: Final = "application/apply-patch+yaml"
MANAGER: Final = "tutti-install"
SERVED_WITHIN_S: Final = 30.0
DEFINITION: Final = "CustomResourceDefinition"


class Changes:
    """What is done to one cluster. `rows` says of each object what became of it; the only owner of that list is this object."""

    def __init__(self, transport: Transport, *, dry_run: bool) -> None:
        self._transport = transport
        self._paths = _Paths(transport)
        self._dry_run = dry_run
        self._changed = 0
        self.rows: list[dict[str, str]] = []

    async def apply(self, document: Manifest, *, file: str) -> None:
        """Create or update. Raises: CommandError, which names the file, and says what is there already."""
        try:
            path = await self._paths.of(document)
            there = await self._read(path)
            self._refuse_what_is_going(document, there)
            if not self._dry_run:
                await self._patched(path, document)
        except errors.ApiError as problem:
            self._stopped(f"{file}: {_name(document)} was not applied", problem)
        words = ("would be updated", "applied") if there else ("would be created", "created")
        self._row(document, words)

    async def remove(self, document: Manifest, *, tell_absent: bool) -> None:
        """Remove if it is there; `tell_absent`: give what is not a row, too. Raises: CommandError."""
        try:
            path = await self._paths.of(document)
            is_there = path is not None and await self._read(path) is not None
            if is_there and path is not None and not self._dry_run:
                try:
                    await self._transport.delete(path)
                except errors.NotFound:  # went with its namespace
                    is_there = False
        except errors.ApiError as problem:
            self._stopped(f"{_name(document)} was not removed", problem)
        if is_there:
            self._row(document, ("would be removed", "removed"))
        elif tell_absent:
            self.rows.append(_as_row(document, "not there"))

    async def _read(self, path: str | None) -> dict[str, Any] | None:
        if path is None:
            return None
        try:
            found: dict[str, Any] = json.loads(await self._transport.get(path))
        except errors.NotFound:
            return None
        return found

    def _refuse_what_is_going(self, document: Manifest, there: dict[str, Any] | None) -> None:
        """Refuse to apply to what is being removed, above all to a namespace: its answers would be harder to read."""
        if there is not None and there["metadata"].get("deletionTimestamp"):
            name = f"{document['kind'].lower()}/{document['metadata']['name']}"
            raise CommandError(
                f"{_name(document)} is being removed; wait until it is gone (`kubectl wait --for=delete {name}`) and "
                f"run this again{self._so_far()}."
            )

    async def _patched(self, path: str | None, document: Manifest) -> None:
        if path is None:
            raise CommandError(
                f"The API server knows no {document['kind']} in {document['apiVersion']}; it may be older than Tutti needs{self._so_far()}."
            )
        await self._transport.patch(
            f"{path}?fieldManager={MANAGER}&force=true", json.dumps(document).encode(), APPLY
        )
        if document["kind"] == DEFINITION:
            await self._established(path)

    async def _established(self, path: str) -> None:
        """Wait until the server serves the kind, so that what follows may use it."""
        try:
            async with asyncio.timeout(SERVED_WITHIN_S):
                while not _is_established(json.loads(await self._transport.get(path))):  # noqa: ASYNC110  a second at most; a watch costs more code than it saves
                    await asyncio.sleep(0.1)
        except TimeoutError as problem:
            raise CommandError(
                f"The API server does not serve {path.rpartition('/')[2]} within {SERVED_WITHIN_S:.0f} s; look at its conditions."
            ) from problem

    def _stopped(self, what: str, problem: errors.ApiError) -> NoReturn:
        raise CommandError(f"{what}: {str(problem).rstrip('.')}{self._so_far()}.") from problem

    def _so_far(self) -> str:
        if self._dry_run:
            return ""
        if not self._changed:
            return "; nothing was changed"
        done = "1 object before it is" if self._changed == 1 else f"{self._changed} objects before it are"
        return f"; the {done} done, and running it again goes on from there"

    def _row(self, document: Manifest, words: tuple[str, str]) -> None:
        self._changed += not self._dry_run
        self.rows.append(_as_row(document, words[0] if self._dry_run else words[1]))


class _Paths:
    """Where objects are on the server, by discovery, asked once per API version."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, dict[str, tuple[str, bool]]] = {}

    async def of(self, document: Manifest) -> str | None:
        """Return the path of an object; None when the server does not serve its kind yet."""
        version, kind, namespace, name = identity(document)
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if version not in self._known:
            self._known[version] = await self._discovered(base)
        if kind not in self._known[version]:
            return None
        plural, is_namespaced = self._known[version][kind]
        inside = f"/namespaces/{quote(namespace or 'default')}" if is_namespaced else ""
        return f"{base}{inside}/{plural}/{quote(name)}"

    async def _discovered(self, base: str) -> dict[str, tuple[str, bool]]:
        try:
            listed = json.loads(await self._transport.get(base))["resources"]
        except errors.NotFound:
            return {}
        return {
            each["kind"]: (each["name"], each["namespaced"]) for each in listed if "/" not in each["name"]
        }


def _is_established(definition: dict[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _name(document: Manifest) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def _as_row(document: Manifest, result: str) -> dict[str, str]:
    return {"kind": document["kind"], "name": document["metadata"]["name"], "result": result}
