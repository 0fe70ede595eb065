"""
Throw-away keys, certificates and kubeconfigs: one authority per cluster, one client certificate per identity.

Everything listens on 127.0.0.1 only and every connection is TLS with a client certificate, etcd's too, since any user
of the machine can reach loopback. The files are readable by their owner only and die with the cluster.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scheduler.localcluster.identities import Identity

SERVICE_RANGE = "10.96.0.0/16"
_LIFETIME = datetime.timedelta(days=365)
_SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
_SERVER_ADDRESSES = ("127.0.0.1", "10.96.0.1")


@dataclass(frozen=True, slots=True)
class Access:
    """Where the key material of one cluster lies."""

    directory: Path

    def certificate(self, name: str) -> Path:
        return self.directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.directory / f"{name}.key"

    @property
    def authority(self) -> Path:
        return self.certificate("ca")

    def kubeconfig(self, identity: str) -> Path:
        return self.directory / f"{identity}.kubeconfig"


def make(directory: Path, identities: tuple[Identity, ...], *, endpoint: str) -> Access:
    """Create authority, server and client certificates and one self-contained kubeconfig per identity."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    access = Access(directory)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("tutti-local-cluster", ())
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    _write(access.authority, authority.public_bytes(serialization.Encoding.PEM))

    def issue(name: str, subject: x509.Name, *, server: bool) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if server else [])]
        builder = (
            _builder(subject, authority_name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )
        if server:
            names = [x509.DNSName(each) for each in _SERVER_NAMES]
            addresses = [x509.IPAddress(ipaddress.ip_address(each)) for each in _SERVER_ADDRESSES]
            builder = builder.add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        _write(
            access.certificate(name),
            builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        )
        _write(access.key(name), _pem(key))

    for server in ("etcd", "kube-apiserver"):
        issue(server, _name(server, ()), server=True)
    issue("service-accounts", _name("service-accounts", ()), server=False)
    for identity in identities:
        issue(identity.name, _name(identity.user, identity.groups), server=False)
        _write(access.kubeconfig(identity.name), _kubeconfig(access, identity.name, endpoint).encode())
    return access


def _name(common_name: str, organisations: tuple[str, ...]) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organisations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))  # a clock set back a little does no harm
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _kubeconfig(access: Access, name: str, endpoint: str) -> str:
    def text(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {
                "name": "local",
                "cluster": {"server": endpoint, "certificate-authority-data": text(access.authority)},
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": text(access.certificate(name)),
                    "client-key-data": text(access.key(name)),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": "local", "user": name, "namespace": "default"}}],
    }
    return yaml.safe_dump(document, sort_keys=False)
