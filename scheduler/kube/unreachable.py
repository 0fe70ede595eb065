"""Why no connection to the API server came about, as one sentence that says where to look."""

import os
import ssl

import aiohttp

from scheduler.kube.credentials import Credentials


def sentence(credentials: Credentials, problem: aiohttp.ClientConnectorError) -> str:
    """Return what to tell of a connection that was not made."""
    server = credentials.server
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        refused = problem.certificate_error
        why = refused.verify_message if isinstance(refused, ssl.SSLCertVerificationError) else str(refused)
        return (
            f"The certificate of the API server at {server} is not accepted ({why.rstrip('.')}); "
            "check certificate-authority and tls-server-name of the cluster in the kubeconfig."
        )
    if isinstance(problem, aiohttp.ClientProxyConnectionError):
        return (
            f"The proxy at {credentials.proxy}, through which the API server at {server} is asked, cannot be reached "
            f"({_cause(problem.os_error)}); check proxy-url in the kubeconfig."
        )
    return (
        f"The API server at {server} cannot be reached ({_cause(problem.os_error)}); check that it runs, and that the kubeconfig "
        "names its address."
    )


def _cause(problem: OSError) -> str:
    """Return the system's word for it: asyncio puts its own words and the address in the place of "Connection refused"."""
    if problem.errno is not None and problem.errno > 0 and not isinstance(problem, ssl.SSLError):
        return os.strerror(problem.errno)
    return problem.strerror or str(problem) or type(problem).__name__
