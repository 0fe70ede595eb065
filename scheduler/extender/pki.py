"""
Keys for the loopback between kube-scheduler and the extender: an authority, a server and a client certificate, made on the spot.

A kube-scheduler extender can send no token, so a client certificate is the only way to know who asks. The keys never leave the
directory; it is readable by its owner only.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scheduler.extender.private_files import make_folder, write

LIFETIME = timedelta(days=365)
BACKDATED = timedelta(minutes=5)  # clocks differ
CLIENT_NAME = "tutti-kube-scheduler"


@dataclass(frozen=True, slots=True)
class Pki:
    """Where the files are."""

    authority: Path
    server_certificate: Path
    server_key: Path
    client_certificate: Path
    client_key: Path


def paths(directory: Path) -> Pki:
    """Return where the files are, or will be, in a directory."""
    return Pki(
        *(directory / name for name in ("ca.crt", "server.crt", "server.key", "client.crt", "client.key"))
    )


def make(directory: Path, host: str) -> Pki:
    """
    Make keys in `directory` for a server at `host`, and return their paths.

    What an earlier start has left there is kept while half of its life is ahead: a kube-scheduler that runs on, in a container of its
    own or elsewhere, reads the authority once. Raises: private_files.StateDirError when the directory cannot be written.
    """
    now = datetime.now(UTC)
    if _is_good(paths(directory), host, until=now + LIFETIME / 2):
        return paths(directory)
    make_folder(directory)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(
        "tutti extender authority", authority_key, None, authority_key, now, host=None, usage=None
    )
    pki = paths(directory)
    write(pki.authority, authority.public_bytes(serialization.Encoding.PEM))
    for name, usage, address, certificate_path, key_path in (
        ("tutti-extender", ExtendedKeyUsageOID.SERVER_AUTH, host, pki.server_certificate, pki.server_key),
        (CLIENT_NAME, ExtendedKeyUsageOID.CLIENT_AUTH, None, pki.client_certificate, pki.client_key),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key, authority, authority_key, now, host=address, usage=usage)
        write(key_path, _pem(key))
        write(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    return pki


def _is_good(pki: Pki, host: str, *, until: datetime) -> bool:
    """Whether all files are there, belong together and are for this host until then."""
    try:
        authority = x509.load_pem_x509_certificate(pki.authority.read_bytes())
        for certificate_path, key_path in (
            (pki.server_certificate, pki.server_key),
            (pki.client_certificate, pki.client_key),
        ):
            certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
            certificate.verify_directly_issued_by(authority)
            key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
            if certificate.public_key() != key.public_key() or certificate.not_valid_after_utc < until:
                return False
        server = x509.load_pem_x509_certificate(pki.server_certificate.read_bytes())
        names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False  # what cannot be read or does not fit is made anew
    return _alternative(host) in names and authority.not_valid_after_utc >= until


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    host: str | None,
    usage: x509.ObjectIdentifier | None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(
            x509.BasicConstraints(ca=issuer is None, path_length=0 if issuer is None else None), critical=True
        )
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
