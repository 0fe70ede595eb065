"""
Who we are to the API server, and where it is: from a kubeconfig or from the pod we run in.

The `kubernetes` package reads the files and runs exec plugins; it is imported on first use, because it costs about 40 MB and a second.
Next: `transport` opens connections with what is loaded here.
"""

import base64
import binascii
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

MAX_KUBECONFIG_BYTES = 4 * 1024 * 1024  # arbitrary; real ones are a few KiB
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER_HOST = "KUBERNETES_SERVICE_HOST"


class CredentialsError(Exception):
    """The credentials cannot be used; one sentence that says which file or entry, and why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    `server` without a trailing slash; `tls` None for plain HTTP. `authorization` is the value of that header, if any.

    `renew` loads the authorization again (token files rotate, exec tokens expire). It blocks: call it in a thread. None: nothing to renew.
    """

    server: str
    tls: ssl.SSLContext | None = None
    authorization: str | None = field(default=None, repr=False)
    renew: Callable[[], str | None] | None = field(default=None, repr=False)
    tls_server_name: str | None = None
    proxy: str | None = None
    namespace: str | None = None


def load(kubeconfig: Path | None, context: str | None = None) -> Credentials:
    """
    Load credentials from `kubeconfig`; without one from $KUBECONFIG, ~/.kube/config, or the pod's service account, in this order.

    Raises: CredentialsError.
    """
    paths = _paths(kubeconfig)
    if paths:
        return _from_kubeconfig(paths, context)
    if os.environ.get(IN_CLUSTER_HOST):
        return _from_pod()
    raise CredentialsError(
        "No kubeconfig was found: give --kubeconfig FILE, set KUBECONFIG, or run inside a cluster with a service account."
    )


def _paths(kubeconfig: Path | None) -> list[Path]:
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
    for path in paths:
        _check_file(path)
    where = ", ".join(str(path) for path in paths)

    def configure() -> Any:
        from kubernetes.client import Configuration  # noqa: PLC0415  late on purpose, see the module docstring
        from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger  # noqa: PLC0415

        try:
            merged = KubeConfigMerger(os.pathsep.join(str(path) for path in paths)).config  # type: ignore[no-untyped-call]
            loader = KubeConfigLoader(config_dict=merged, active_context=context, config_base_path=None)  # type: ignore[no-untyped-call]
            configuration = type.__call__(Configuration)
            loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
        except Exception as problem:  # the package raises whatever malformed input leads to
            raise CredentialsError(
                f"The kubeconfig {where} cannot be used: {_sentence(problem)}"
            ) from problem
        user = loader._user.value if loader._user is not None else {}
        if "exec" in user and not configuration.api_key and not configuration.cert_file:
            command = user["exec"].get("command") if isinstance(user["exec"], dict) else None
            raise CredentialsError(
                f"The kubeconfig {where} names the exec plugin {command}, which gave no credential; run it by hand to see why."
            )
        return configuration

    return _credentials(configure, where, renewable=True)


def _from_pod() -> Credentials:
    def configure() -> Any:
        from kubernetes.client import Configuration  # noqa: PLC0415
        from kubernetes.config import ConfigException, load_incluster_config  # noqa: PLC0415

        configuration = type.__call__(Configuration)
        try:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError) as problem:
            raise CredentialsError(
                f"The pod's service account cannot be used: {_sentence(problem)}"
            ) from problem
        return configuration

    namespace_file = SERVICE_ACCOUNT / "namespace"
    namespace = namespace_file.read_text().strip() if namespace_file.is_file() else None
    return _credentials(configure, "the pod's service account", renewable=True, namespace=namespace)


def _credentials(
    configure: Callable[[], Any], where: str, *, renewable: bool, namespace: str | None = None
) -> Credentials:
    configuration = configure()
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
    tls = _tls(configuration, where) if parts.scheme == "https" else None
    authorization = _authorization(configuration)

    def renew() -> str | None:
        return _authorization(configure())

    return Credentials(
        server=server,
        tls=tls,
        authorization=authorization,
        renew=renew if renewable and authorization else None,
        tls_server_name=getattr(configuration, "tls_server_name", None),
        proxy=getattr(configuration, "proxy", None),
        namespace=namespace,
    )


def _authorization(configuration: Any) -> str | None:
    token = configuration.api_key.get("BearerToken")
    if not token:
        return None
    kind, _, value = str(token).strip().partition(" ")
    if any(ord(sign) < 32 for sign in value):
        raise CredentialsError("The token of the kubeconfig holds control characters; write it on one line.")
    return f"{kind.capitalize()} {value}"


def _tls(configuration: Any, where: str) -> ssl.SSLContext:
    try:
        tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
        if not configuration.verify_ssl:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if configuration.cert_file:
            tls.load_cert_chain(configuration.cert_file, configuration.key_file or None)
    except (OSError, ssl.SSLError, ValueError) as problem:
        raise CredentialsError(
            f"The certificates named by {where} cannot be used: {_sentence(problem)}"
        ) from problem
    return tls


def _check_file(path: Path) -> None:
    """Refuse what the loader would choke on in less readable ways: size, syntax, and sections of the wrong type."""
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
