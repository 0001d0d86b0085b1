"""The form of a lease between servers and in the journal: bytes <-> lease.DhcpLease.

Sections as in wire/sections.py: what is unknown is skipped, what is missing is not stated, what follows the
known part of a body is ignored, and tags are never used anew. Numbers are big-endian.

    1 binding          = address u32 | state u8 | epoch u64      must be there
    2 starts, 3 ends, 4 last transaction = seconds since 1970 u64
    5 hardware         = type u16 | length u8 | address
    6 client id        = bytes
    7 host name        = UTF-8
    8 extension        = length u8 | engine's name | what it alone knows; one section for each engine
    9 deflated         = sections, deflated (RFC 1950), instead of all others

A state that this release does not know is refused, with the lease: nothing can be said for such an address.
"""

from __future__ import annotations

import struct
import zlib
from ipaddress import IPv4Address

from ..wire.sections import put, take
from .lease import NEVER, DhcpLease, LeaseState

_BINDING, _STARTS, _ENDS, _LAST_TRANSACTION = 1, 2, 3, 4
_HARDWARE, _CLIENT_ID, _HOSTNAME, _EXTENSION, _DEFLATED = 5, 6, 7, 8, 9
_TIMES = {_STARTS: "starts", _ENDS: "ends", _LAST_TRANSACTION: "last_transaction"}

_BINDING_BODY = struct.Struct(">IBQ")
_TIME_BODY = struct.Struct(">Q")
_HARDWARE_BODY = struct.Struct(">HB")

_DEFLATE_FROM = 900
"""A larger lease would not share its packet with others."""
_MAX_INFLATED = 64 << 10


def encode_lease(lease: DhcpLease) -> bytes:
    """Its sections, made smaller when they are large; ValueError when a field cannot be said."""
    try:
        plain = b"".join(_sections(lease))
    except (struct.error, OverflowError) as exc:
        raise ValueError(f"the lease of {lease.address}: {exc}") from exc
    return plain if len(plain) < _DEFLATE_FROM else put(_DEFLATED, zlib.compress(plain, 9))


def _sections(lease: DhcpLease) -> list[bytes]:
    out = [put(_BINDING, _BINDING_BODY.pack(int(lease.address), lease.state.value, lease.epoch))]
    for tag, seconds in (
        (_STARTS, lease.starts), (_ENDS, lease.ends), (_LAST_TRANSACTION, lease.last_transaction),
    ):  # fmt: skip
        if seconds is not None:
            out.append(put(tag, _TIME_BODY.pack(seconds)))
    if lease.hardware:
        head = _HARDWARE_BODY.pack(lease.hardware_type, len(lease.hardware))
        out.append(put(_HARDWARE, head + lease.hardware))
    if lease.client_id:
        out.append(put(_CLIENT_ID, lease.client_id))
    if lease.hostname:
        out.append(put(_HOSTNAME, lease.hostname.encode()))
    for engine, body in lease.extensions:
        name = engine.encode()
        out.append(put(_EXTENSION, bytes((len(name),)) + name + body))
    return out


def decode_lease(data: bytes) -> DhcpLease:
    """ValueError for what is no lease, or none that this release can judge."""
    try:
        return _decode(data)
    except (struct.error, IndexError, KeyError) as exc:
        raise ValueError(f"not a lease: {exc}") from exc


def _decode(data: bytes) -> DhcpLease:
    fields: dict[str, object] = {}
    extensions = []
    for tag, body in take(_inflated(data)):
        if tag == _BINDING:
            address, state, fields["epoch"] = _BINDING_BODY.unpack_from(body)
            fields["address"], fields["state"] = IPv4Address(address), LeaseState(state)
        elif tag in _TIMES:
            fields[_TIMES[tag]] = _time(body)
        elif tag == _HARDWARE:
            fields["hardware_type"], fields["hardware"] = _hardware(body)
        elif tag == _CLIENT_ID:
            fields["client_id"] = body
        elif tag == _HOSTNAME:
            fields["hostname"] = body.decode()
        elif tag == _EXTENSION:
            end = 1 + body[0]
            if end > len(body):
                raise ValueError("an extension that ends too early")
            extensions.append((body[1:end].decode(), body[end:]))
    if "address" not in fields:
        raise ValueError("not a lease: it names no address")
    return DhcpLease(**fields, extensions=tuple(extensions))  # type: ignore[arg-type]


def _inflated(data: bytes) -> bytes:
    for tag, body in take(data):
        if tag != _DEFLATED:
            continue
        inflater = zlib.decompressobj()
        try:
            plain = inflater.decompress(body, _MAX_INFLATED)
        except zlib.error as exc:
            raise ValueError(f"not a lease: {exc}") from exc
        if not inflater.eof:
            raise ValueError("a lease that does not end where it should")
        return plain
    return data


def _time(body: bytes) -> int:
    seconds: int = _TIME_BODY.unpack_from(body)[0]
    if seconds > NEVER:
        raise ValueError(f"a time of {seconds} s since 1970")
    return seconds


def _hardware(body: bytes) -> tuple[int, bytes]:
    kind, length = _HARDWARE_BODY.unpack_from(body)
    address = body[_HARDWARE_BODY.size:_HARDWARE_BODY.size + length]
    if len(address) != length or not length:
        raise ValueError("a hardware address that ends too early")
    return kind, address
