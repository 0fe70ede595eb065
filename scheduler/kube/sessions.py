"""
An HTTP session for a library that makes its own requests, under the identity that `transport` has.

For: kopf, which takes a session in place of credentials, so that exec plugins, token files, proxies and TLS names work for it exactly as
for everything else. May not: retry, or know what is asked.
"""

from typing import Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from scheduler.kube.bearer import Bearer
from scheduler.kube.credentials import Credentials

UNAUTHORIZED: Final = 401


def open_session(credentials: Credentials) -> aiohttp.ClientSession:
    """Return a session whose requests to this server carry this identity. Needs a running loop; the library closes it."""
    bearer, origin = Bearer(credentials), URL(credentials.server).origin()

    async def identify(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        if request.url.origin() != origin:  # a redirect: the identity is for this server alone
            return await send(request)
        request.server_hostname = credentials.tls_server_name
        authorization = await bearer.value()
        if authorization:
            request.headers["Authorization"] = authorization
        if bearer.tls is not None:
            request._ssl = (
                bearer.tls
            )  # after a renewal another one, with connections of its own; aiohttp has no public name for it
        answer = await send(request)
        if answer.status == UNAUTHORIZED:
            bearer.distrust()
        return answer

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=credentials.tls or False),
        headers={"User-Agent": "tutti"},
        proxy=credentials.proxy,
        middlewares=(identify,),
    )
