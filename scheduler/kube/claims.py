"""
Writes to volume claims where their volume shall be made: the annotation by which schedulers ask for it.

Each write names the claim's resource version, so it can never land on a claim that somebody has bound or pinned meanwhile: then the claim
is read again. Safe to repeat. May not: wait for the volume; that is seen in the cache.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from scheduler.kube import errors
from scheduler.kube.transport import Transport
from scheduler.model.plan import Provision
from scheduler.objects.volumes import SELECTED_NODE, PersistentVolumeClaim

CONCURRENT: Final = 16  # claims written at once; arbitrary, bindings go first
MAX_CONFLICTS: Final = 5

_encode = msgspec.json.Encoder().encode
_claim = msgspec.json.Decoder(PersistentVolumeClaim)


class ClaimWriter:
    """Asks for volumes over one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._slots = asyncio.Semaphore(CONCURRENT)

    async def select(self, provisions: Sequence[Provision]) -> str:
        """Ask for every volume on its node. Returns why one cannot be asked for; empty when all are."""
        found = await asyncio.gather(*(self._select(each) for each in provisions))
        return next((problem for problem in found if problem), "")

    async def _select(self, wanted: Provision) -> str:
        path = f"/api/v1/namespaces/{wanted.claim.namespace}/persistentvolumeclaims/{wanted.claim.name}"
        problem = ""
        for _ in range(MAX_CONFLICTS):
            try:
                async with self._slots:
                    claim = _claim.decode(await self._transport.get(path))
                    selected = (claim.metadata.annotations or {}).get(SELECTED_NODE)
                    if claim.spec.volume_name or selected == wanted.node:
                        return ""
                    if selected:
                        return f"the volume of claim {wanted.claim} is being made for node {selected}"
                    metadata = {
                        "resourceVersion": claim.metadata.resource_version,
                        "uid": claim.metadata.uid,
                        "annotations": {SELECTED_NODE: wanted.node},
                    }
                    await self._transport.patch(path, _encode({"metadata": metadata}))
            except errors.NotFound:
                return f"the volume claim {wanted.claim} is gone"
            except (errors.Conflict, errors.OutcomeUnknown) as conflict:
                problem = str(conflict)
            except (errors.ApiError, msgspec.MsgspecError) as refused:
                return f"the node of claim {wanted.claim} cannot be written: {refused}"
            else:
                return ""
        return f"the node of claim {wanted.claim} cannot be written: {problem}"
