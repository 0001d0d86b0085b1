"""EFI programs as small as they can be, signed by names alone: for what reads headers and signatures."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_CODE, _LONG_NAME = b"code and data", b".vendor_cert\0"
_OID_COMMON_NAME, _OID_SIGNED_DATA = bytes.fromhex("0603550403"), bytes.fromhex("06092a864886f70d010702")


def program(
    machine: int = 0x8664, *, signed_by: Sequence[str] = (), brings: Sequence[str] = (), holds: bytes = b""
) -> bytes:
    """machine: of the COFF header. brings: names of certificates of a shim. holds: more of its data."""
    data = _CODE + holds
    certificates = b"".join(name(one) for one in brings)
    sections = [(b".text", data), *([(b"/4", certificates)] if brings else [])]
    head = 64 + 24 + 240 + 40 * len(sections)
    table, bodies = b"", b""
    for title, body in sections:
        table += struct.pack("<8sIIII16x", title, len(body), 0, len(body), head + len(bodies))
        bodies += body
    strings_at = head + len(bodies)
    bodies += struct.pack("<I", 4 + len(_LONG_NAME)) + _LONG_NAME
    bodies += bytes(-(head + len(bodies)) % 8)
    signatures = b"".join(entry(signature(one)) for one in signed_by)
    where = (head + len(bodies), len(signatures)) if signatures else (0, 0)
    optional = struct.pack("<H106xI", 0x20B, 16) + bytes(32) + struct.pack("<II", *where)
    optional = optional.ljust(240, b"\0")
    coff = b"PE\0\0" + struct.pack("<HH4xIIHH", machine, len(sections), strings_at, 0, 240, 0)
    return b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + coff + optional + table + bodies + signatures


def entry(pkcs7: bytes) -> bytes:
    """An entry of the certificate table."""
    whole = struct.pack("<IHH", 8 + len(pkcs7), 0x0200, 2) + pkcs7
    return whole + bytes(-len(whole) % 8)


def signature(issuer: str) -> bytes:
    """PKCS #7 SignedData with one signer, as far as its issuer."""
    signer = _der(0x30, _der(2, b"\1") + _der(0x30, name(issuer) + _der(2, b"\7")))
    signed = _der(0x30, _der(2, b"\1") + _der(0x31, b"") + _der(0x30, b"") + _der(0xA0, name("Another CA"))
                  + _der(0x31, signer))  # fmt: skip
    return _der(0x30, _OID_SIGNED_DATA + _der(0xA0, signed))


def name(common: str) -> bytes:
    """A distinguished name."""
    return _der(0x30, _der(0x31, _der(0x30, _OID_COMMON_NAME + _der(0x0C, common.encode()))))


def _der(tag: int, body: bytes) -> bytes:
    size = bytes((len(body),)) if len(body) < 0x80 else b"\x82" + struct.pack(">H", len(body))
    return bytes((tag,)) + size + body
