"""A TLS certificate for the hour of an invitation: signed by itself, known by its fingerprint (RFC 5280)."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from pathlib import Path

_DAY = datetime.timedelta(days=1)


def make_certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, bytes]:
    """The server's side of TLS, and the fingerprint of its certificate. folder: one in memory, for this
    process alone: the ssl module reads keys from files only."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = datetime.datetime.now(datetime.UTC)
    # Nobody looks at its dates: its fingerprint alone is believed, and the listener ends by its own clock.
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - _DAY).not_valid_after(now + _DAY)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "invitation.pem"
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(path)
    path.unlink()
    return context, fingerprint(certificate.public_bytes(Encoding.DER))


def fingerprint(certificate: bytes) -> bytes:
    """SHA-256 of a certificate in DER."""
    return hashlib.sha256(certificate).digest()


def client_context() -> ssl.SSLContext:
    """The other side's: it believes no name and no authority; the caller compares the fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
