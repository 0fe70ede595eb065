"""
Who we are to the API server, and where it is: from a kubeconfig or from the pod we run in.

The `kubernetes` package reads the files and runs exec plugins; it is imported on first use, because it costs about 40 MB and a second.
Next: `transport` opens connections with what is loaded here; `kubeconfigs` hands it on to other programs.
"""

import base64
import binascii
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

MAX_KUBECONFIG_BYTES = 4 * 1024 * 1024  # arbitrary; real ones are a few KiB
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER_HOST = "KUBERNETES_SERVICE_HOST"
RENEWED_AHEAD_S = 120.0  # who asks does so once a minute


class CredentialsError(Exception):
    """The credentials cannot be used; one sentence that says which file or entry, and why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What proves who we are: the value of the Authorization header, and the TLS context that carries the client certificate, if any."""

    authorization: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


Renew = Callable[[bool], Identity]
"""Loads the identity again; told whether the API server has refused the present one. It blocks: call it in a thread."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    `server` without a trailing slash; `tls` None for plain HTTP. `authorization` is the value of that header, if any.

    `renew` loads both again: files rotate, what plugins gave expires. The context stays the same object while no certificate has changed,
    so that connections are reused. None: nothing to renew.
    """

    server: str
    tls: ssl.SSLContext | None = None
    authorization: str | None = field(default=None, repr=False)
    renew: Renew | None = field(default=None, repr=False)
    tls_server_name: str | None = None
    proxy: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """
    What the `kubernetes` package has made of its input. `configuration` is its Configuration.

    `rotates`: another load may give something else. `good_until`, in seconds since 1970: before then it would not; what a plugin gave
    without an end is good until it is refused, as for kubectl.
    """

    configuration: Any
    rotates: bool
    good_until: float = 0.0


def load(kubeconfig: Path | None, context: str | None = None) -> Credentials:
    """
    Load credentials from `kubeconfig`; without one from $KUBECONFIG, ~/.kube/config, or the pod's service account, in this order.

    Raises: CredentialsError.
    """
    paths = files(kubeconfig)
    if paths:
        return _from_kubeconfig(paths, context)
    if os.environ.get(IN_CLUSTER_HOST):
        return _from_pod()
    raise CredentialsError(
        "No kubeconfig was found: give --kubeconfig FILE, set KUBECONFIG, or run inside a cluster with a service account."
    )


def files(kubeconfig: Path | None) -> list[Path]:
    """Return the files that are read for `kubeconfig`; none where only a pod's service account is left. Raises: CredentialsError."""
    if kubeconfig is not None:
        if not kubeconfig.is_file():
            raise CredentialsError(f"The kubeconfig {kubeconfig} does not exist or is not a file.")
        return [kubeconfig]
    named = os.environ.get("KUBECONFIG", "")
    if named:
        found = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
        present = [path for path in found if path.is_file()]
        if not present:
            raise CredentialsError(f"KUBECONFIG names {named}, of which no file exists.")
        return present
    default = Path("~/.kube/config").expanduser()
    return [default] if default.is_file() else []


def _from_kubeconfig(paths: list[Path], context: str | None) -> Credentials:
    where = said(paths)

    def configure() -> _Loaded:
        from kubernetes.client import Configuration  # noqa: PLC0415  late on purpose, see the module docstring

        loader = loader_of(paths, context)
        try:
            configuration = type.__call__(Configuration)
            with _overheard() as said_of_it:
                loader.load_and_set(configuration)
        except Exception as problem:  # the package raises whatever malformed input leads to
            raise _unusable(where, problem) from problem
        user = loader._user.value if loader._user is not None else {}
        if "exec" in user and not configuration.api_key and not configuration.cert_file:
            command = user["exec"].get("command") if isinstance(user["exec"], dict) else None
            why = f" ({said_of_it[-1].rstrip('.')})" if said_of_it else ""
            raise CredentialsError(
                f"The kubeconfig {where} names the exec plugin {command}, which gave no credential{why}; run it by hand to see why."
            )
        ends = getattr(loader, "expiry", None)
        return _Loaded(
            configuration,
            rotates=bool(configuration.api_key) or "exec" in user or "client-certificate" in user,
            good_until=(ends.timestamp() if ends is not None else inf) if "exec" in user else 0.0,
        )

    return _credentials(configure, where)


def loader_of(paths: list[Path], context: str | None) -> Any:
    """Return the `kubernetes` package's KubeConfigLoader of these files, with the context in effect. Raises: CredentialsError."""
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger  # noqa: PLC0415  slow to load, for kubeconfigs only

    current = [content.get("current-context") for content in map(_checked, paths)]
    # As for kubectl, the first file that names a context wins; the package takes the last one.
    chosen = context or next(filter(None, current), None)
    try:
        merged = KubeConfigMerger(os.pathsep.join(str(path) for path in paths)).config  # type: ignore[no-untyped-call]  # the package has no types
        return KubeConfigLoader(config_dict=merged, active_context=chosen, config_base_path=None)  # type: ignore[no-untyped-call]  # likewise
    except Exception as problem:  # whatever malformed input leads to
        raise _unusable(said(paths), problem) from problem


def said(paths: list[Path]) -> str:
    """Return how sentences name the files."""
    return ", ".join(str(path) for path in paths)


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Collect what the `kubernetes` package logs in this thread, the only place where it says why a plugin gave nothing."""
    heard: list[str] = []
    here, root = threading.get_ident(), logging.getLogger()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here:
                heard.append(record.getMessage())

    ear = Ear()
    root.addHandler(
        ear
    )  # with a handler there, the package does not set one up that writes to standard error
    try:
        yield heard
    finally:
        root.removeHandler(ear)


def _unusable(where: str, problem: BaseException) -> CredentialsError:
    return CredentialsError(f"The kubeconfig {where} cannot be used: {_sentence(problem)}")


def _from_pod() -> Credentials:
    def configure() -> _Loaded:
        from kubernetes.client import Configuration  # noqa: PLC0415  as above
        from kubernetes.config import ConfigException  # noqa: PLC0415  as above
        from kubernetes.config.incluster_config import InClusterConfigLoader  # noqa: PLC0415  as above

        configuration = type.__call__(Configuration)
        try:
            InClusterConfigLoader(  # type: ignore[no-untyped-call]
                token_filename=str(SERVICE_ACCOUNT / "token"), cert_filename=str(SERVICE_ACCOUNT / "ca.crt")
            ).load_and_set(configuration)
        except (ConfigException, OSError, ValueError) as problem:
            raise CredentialsError(
                f"The pod's service account cannot be used: {_sentence(problem)}"
            ) from problem
        return _Loaded(configuration, rotates=True)

    namespace_file = SERVICE_ACCOUNT / "namespace"
    namespace = namespace_file.read_text().strip() if namespace_file.is_file() else None
    return _credentials(configure, "the pod's service account", namespace)


def _credentials(configure: Callable[[], _Loaded], where: str, namespace: str | None = None) -> Credentials:
    loaded = configure()
    configuration = loaded.configuration
    server = str(configuration.host).rstrip("/")
    try:
        parts = urlsplit(server)
        _ = parts.port
    except ValueError as problem:
        raise CredentialsError(
            f"The server address {server!r} in {where} is not a URL: {_sentence(problem)}"
        ) from problem
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CredentialsError(
            f"The server address {server!r} in {where} must start with https:// and name a host."
        )
    is_secure = parts.scheme == "https"
    pairs = _Contexts(where)
    present = Identity(_authorization(configuration), pairs.context(configuration) if is_secure else None)
    good_until = loaded.good_until
    one_at_a_time = (
        threading.Lock()
    )  # several connections share these credentials, each asks from a thread of its own

    def renew(is_refused: bool) -> Identity:
        nonlocal present, good_until
        with one_at_a_time:
            if is_refused or time.time() > good_until - RENEWED_AHEAD_S:
                fresh = configure()
                tls = pairs.context(fresh.configuration) if is_secure else None
                present, good_until = Identity(_authorization(fresh.configuration), tls), fresh.good_until
            return present

    return Credentials(
        server=server,
        tls=present.tls,
        authorization=present.authorization,
        renew=renew if loaded.rotates else None,
        tls_server_name=getattr(configuration, "tls_server_name", None),
        proxy=getattr(configuration, "proxy", None),
        namespace=namespace,
    )


class _Contexts:
    """Makes TLS contexts, a new one only for other certificates. A used context is never changed: connections are made meanwhile."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._made_from: tuple[object, ...] | None = None
        self._context: ssl.SSLContext | None = None

    def context(self, configuration: Any) -> ssl.SSLContext:
        """Return the context for these certificates. Raises: CredentialsError."""
        files = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
        try:
            content = (
                configuration.verify_ssl,
                *(Path(name).read_bytes() if name else None for name in files),
            )
            if self._context is None or content != self._made_from:
                self._context = _tls(configuration)
                self._made_from = content
        except (OSError, ssl.SSLError, ValueError) as problem:
            raise CredentialsError(
                f"The certificates named by {self._where} cannot be used: {_sentence(problem)}"
            ) from problem
        return self._context


def _authorization(configuration: Any) -> str | None:
    token = configuration.api_key.get("BearerToken")
    if not token:
        return None
    kind, _, value = str(token).strip().partition(" ")
    if any(ord(sign) < 32 for sign in value):
        raise CredentialsError("The token holds control characters; write it on one line.")
    return f"{kind.capitalize()} {value}"


def _tls(configuration: Any) -> ssl.SSLContext:
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file or None)
    return tls


def _checked(path: Path) -> dict[str, Any]:
    """Return a file's content; refuse what the loader chokes on in less readable ways: size, syntax, sections of the wrong type."""
    try:
        if path.stat().st_size > MAX_KUBECONFIG_BYTES:
            raise CredentialsError(
                f"The kubeconfig {path} is larger than {MAX_KUBECONFIG_BYTES // 2**20} MiB."
            )
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise CredentialsError(f"The kubeconfig {path} cannot be read: {_sentence(problem)}") from problem
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as problem:
        raise CredentialsError(f"The kubeconfig {path} is not YAML: {_sentence(problem)}") from problem
    if not isinstance(content, dict):
        raise CredentialsError(f"The kubeconfig {path} is not a mapping with clusters, users and contexts.")
    for section, inner in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
        for entry in _entries(content, section, path):
            if not isinstance(entry.get(inner) or {}, dict):
                raise CredentialsError(
                    f"The kubeconfig {path} has an entry in {section} whose {inner} is not a mapping."
                )
            for key, value in (entry.get(inner) or {}).items():
                if isinstance(key, str) and key.endswith("-data"):
                    _check_base64(value, f"{section}/{entry.get('name')}/{key}", path)
    return content


def _entries(content: dict[str, Any], section: str, path: Path) -> list[dict[str, Any]]:
    entries = content.get(section) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CredentialsError(f"The kubeconfig {path} has {section} that are not a list of mappings.")
    return entries


def _check_base64(value: object, name: str, path: Path) -> None:
    try:
        base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise CredentialsError(f"The kubeconfig {path} has {name} that is not base64.") from problem


def _sentence(problem: BaseException) -> str:
    """The first line of what went wrong, bounded: a file's content never ends up in a log whole."""
    text = str(problem).strip().splitlines()
    return (text[0][:200] if text else type(problem).__name__).rstrip(".") + "."
