"""The certificate of HTTPS: the operator's own, or one that every server makes alike.

Its key comes from the heartbeat key, which all servers have and nobody else: so all of them make the very
same certificate, byte for byte, and a browser that trusts it goes on when an address moves. The signature
is deterministic (RFC 6979), and the times are fixed.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from ..site.faults import Fault, SiteError
from ..site.model.site import Site

OWN_CERTIFICATE, OWN_KEY = "secrets/tls.crt", "secrets/tls.key"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the group of P-256 (FIPS 186-4, D.1.2.3)."""
_FROM, _UNTIL = datetime.datetime(2024, 1, 1), datetime.datetime(2054, 1, 1)
_MAX_COMMON_NAME = 64
"""RFC 5280, upper bounds."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM texts: the certificate, with those that it was issued by behind it, and its key."""

    certificate: str
    key: str
    until: int = field(default=0, compare=False)
    """When the first one of them ends, seconds since 1970; 0: of one that was made here."""


def certificate_for(site: Site, config: Path) -> Certificate | None:
    """The operator's own, or the one that is made here. None: HTTPS is off, or there is no heartbeat key yet.
    SiteError as own_certificate()."""
    if not site.api.https.port:
        return None
    if (own := own_certificate(site, config)) is not None:
        return own
    try:
        secret = bytes.fromhex((config / str(site.heartbeat.keys[0])).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return made(site, secret)


def own_certificate(site: Site, config: Path) -> Certificate | None:
    """The operator's own. None: HTTPS is off, or there is none. SiteError for files that are no pair."""
    own = config / OWN_CERTIFICATE, config / OWN_KEY
    if not site.api.https.port or not any(path.exists() for path in own):
        return None
    return _own(*own)


def made(site: Site, secret: bytes) -> Certificate:
    """The same for the same site and secret. ECDSA with P-256, as every browser takes it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    # HKDF (RFC 5869): one block of its expand step is 32 bytes, two of them leave no bias
    blocks = [hmac.digest(secret, b"", "sha256")]
    for count in (1, 2):
        previous = blocks[-1] if count > 1 else b""
        blocks.append(hmac.digest(secret, previous + b"twinboot https key" + bytes([count]), "sha256"))
    scalar = int.from_bytes(blocks[1] + blocks[2], "big") % (_P256_ORDER - 1) + 1
    key = ec.derive_private_key(scalar, ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    names = list(_names(site))
    serial = hashlib.sha256(public + "\0".join(names).encode()).digest()[:16]
    whose = f"Twinboot {site.cluster}"[:_MAX_COMMON_NAME]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, whose)])
    alternatives: list[x509.GeneralName] = [x509.DNSName(one) for one in names]
    alternatives += [x509.IPAddress(one) for one in _addresses(site)]
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(int.from_bytes(serial, "big") >> 1 or 1)
        .not_valid_before(_FROM).not_valid_after(_UNTIL)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    again = key.sign(built.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    whole = _sequence(built.tbs_certificate_bytes + _ECDSA_WITH_SHA256 + _bit_string(again))
    text = x509.load_der_x509_certificate(whole).public_bytes(serialization.Encoding.PEM).decode()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(text, pem.decode())


def _own(certificate: Path, key: Path) -> Certificate:
    """Both, as they are, when they belong together."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    texts = []
    for path in (certificate, key):
        try:
            texts.append(path.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as exc:
            remedy = f"cannot be read: {exc}; HTTPS needs both {OWN_CERTIFICATE} and {OWN_KEY}, as PEM"
            raise SiteError([Fault(str(path), path.name, remedy)]) from exc
    try:
        chain = x509.load_pem_x509_certificates(texts[0].encode())
        first = chain[0]
        ends = min(one.not_valid_after_utc.timestamp() for one in chain)
        loaded = serialization.load_pem_private_key(texts[1].encode(), None)
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        same = first.public_key().public_bytes(*form) == loaded.public_key().public_bytes(*form)
    except (ValueError, TypeError, IndexError) as exc:
        remedy = f"is no certificate and key in PEM, the key without a passphrase: {exc}"
        raise SiteError([Fault(OWN_CERTIFICATE, OWN_KEY, remedy)]) from exc
    if not same:
        raise SiteError([Fault(OWN_CERTIFICATE, OWN_KEY, "the first certificate is not of this key")])
    return Certificate(texts[0], texts[1], int(ends))


def _names(site: Site) -> Iterator[str]:
    for label in (*site.servers, site.balancing.name):
        yield from (label, f"{label}.{site.domain}")
    yield "localhost"
    yield from (one for one in site.api.names if not _is_address(one))


def _addresses(site: Site) -> Iterator[IPv4Address]:
    yield from (server.address for server in site.servers.values())
    yield from (group.address for group in site.groups.values())
    yield IPv4Address("127.0.0.1")
    yield from (IPv4Address(one) for one in site.api.names if _is_address(one))


def _is_address(text: str) -> bool:
    return text.replace(".", "").isdigit()


# X.690: what DER needs of tags and lengths, for the one structure that is put together here (RFC 5280, 4.1).

_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
"""RFC 5758, 3.2: an object identifier without parameters."""


def _sequence(content: bytes) -> bytes:
    return b"\x30" + _length(len(content)) + content


def _bit_string(content: bytes) -> bytes:
    return b"\x03" + _length(len(content) + 1) + b"\0" + content


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
