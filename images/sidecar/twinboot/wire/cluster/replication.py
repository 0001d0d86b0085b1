"""The replication packets between sidecars on the wire: bytes <-> values, signed and verified.

Owns their layout. What they mean is the business of twinboot.replication; header, signature and refusals are
those of all messages (authentication.py), with a magic of their own.

Layout, all numbers big-endian:

    magic "TwnS" | ... | section ... section | signature
    1 address = boot u64 | to boot u64 | session u32 | sender str | table name str
    2 data    = after u64 | upto u64 | head u64
    3 rows    = count u16 | row ...
    4 ack     = upto u64
    5 ranges  = count u8 | (after u64 | upto u64) ...
    str = length u8 | UTF-8
    row = seq u64 | length of key u8 | length of value + 1, or 0 for a removal, u16 | key | value

A packet has an address, and either data or ack; rows and ranges may be missing: there are none then.
Sections are as in sections.py: what is unknown is skipped, tags are never used anew.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ..sections import HEADER_BYTES, put, take_once
from .authentication import MAX_SIZE, OVERHEAD, DecodeError, EncodeError, MessageAuthenticator, Refusal
from .fields import string

MAGIC = b"TwnS"
VERSION = 2
MAX_KEY = 64
MAX_VALUE = 16 << 10
MAX_PACKET = 17 << 10
"""Bytes of a packet with one row that is larger than room(): IP takes it to pieces. All others are within
authentication.MAX_SIZE."""
MAX_RANGES = 32

_ADDRESS = struct.Struct(">QQI")

_DATA = struct.Struct(">QQQ")
_COUNT = struct.Struct(">H")
_ROW = struct.Struct(">QBH")
_ACK = struct.Struct(">Q")
_RANGE = struct.Struct(">QQ")
_TAG_ADDRESS, _TAG_DATA, _TAG_ROWS, _TAG_ACK, _TAG_RANGES = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Row:
    """One change of a table. value: None when the key was removed."""

    seq: int
    key: bytes
    value: bytes | None

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return _ROW.size + len(self.key) + len(self.value or b"")


@dataclass(frozen=True, slots=True)
class Data:
    """Every row of the sender's table with after < seq <= upto that stands when this was made.

    boot, to_boot: the lives of sender and receiver; session: how often the sender has begun anew with
    this receiver; head: the sender's newest sequence number.
    """

    sender: str
    boot: int
    to_boot: int
    session: int
    table_name: str
    after: int
    upto: int
    head: int
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Ack:
    """All up to `upto` has arrived, and beyond it the ranges (after, upto]. boot is the acker's."""

    sender: str
    boot: int
    to_boot: int
    session: int
    table_name: str
    upto: int
    beyond: tuple[tuple[int, int], ...] = ()


Packet = Data | Ack


def packet_capacity(sender: str, table_name: str) -> int:
    """Bytes that the rows of one Data packet may take together; one row alone may take more."""
    strings = 2 + len(sender.encode()) + len(table_name.encode())
    return MAX_SIZE - OVERHEAD - 3 * HEADER_BYTES - strings - _ADDRESS.size - _DATA.size - _COUNT.size


def is_replication_packet(data: bytes) -> bool:
    """Whether this claims to be a replication packet; anything else is the heartbeat codec's."""
    return data[:4] == MAGIC


class ReplicationCodec:
    """Encodes and decodes the packets of one cluster. Keys as in MessageAuthenticator: the first one
    signs."""

    def __init__(self, cluster: str, keys: Sequence[bytes]) -> None:
        self._authenticator = MessageAuthenticator(MAGIC, VERSION, "replication", cluster, keys, MAX_PACKET)

    def encode(self, packet: Packet) -> bytes:
        """The signed packet. Raises EncodeError when it cannot fit."""
        try:
            address = _ADDRESS.pack(packet.boot, packet.to_boot, packet.session)
            body = put(_TAG_ADDRESS, address + string(packet.sender) + string(packet.table_name))
            body += _data(packet) if isinstance(packet, Data) else _ack(packet)
        except (struct.error, ValueError, OverflowError) as exc:
            raise EncodeError(f"a packet of {packet.table_name}: {exc}") from exc
        several = isinstance(packet, Data) and len(packet.rows) > 1
        if len(body) + OVERHEAD > (MAX_SIZE if several else MAX_PACKET):
            raise EncodeError(f"a packet of {packet.table_name} has {len(body) + OVERHEAD} bytes")
        return self._authenticator.sign(body)

    def decode(self, data: bytes) -> Packet:
        """The packet in an authentic message of this cluster; DecodeError for anything else."""
        body = self._authenticator.verify(data)
        try:
            return _parse(body)
        except (struct.error, ValueError, LookupError) as exc:
            raise DecodeError(Refusal.MALFORMED, str(exc)) from exc


# Encoding -----------------------------------------------------------------------------------------


def _data(packet: Data) -> bytes:
    fixed = put(_TAG_DATA, _DATA.pack(packet.after, packet.upto, packet.head))
    if not packet.rows:
        return fixed
    parts = [_COUNT.pack(len(packet.rows))]
    for row in packet.rows:
        if len(row.key) > MAX_KEY or len(row.value or b"") > MAX_VALUE:
            raise ValueError(f"the row {row.key!r} is too large")
        length = 0 if row.value is None else len(row.value) + 1
        parts += (_ROW.pack(row.seq, len(row.key), length), row.key, row.value or b"")
    return fixed + put(_TAG_ROWS, b"".join(parts))


def _ack(packet: Ack) -> bytes:
    beyond = packet.beyond[:MAX_RANGES]
    fixed = put(_TAG_ACK, _ACK.pack(packet.upto))
    if not beyond:
        return fixed
    ranges = bytes((len(beyond),)) + b"".join(_RANGE.pack(*ends) for ends in beyond)
    return fixed + put(_TAG_RANGES, ranges)


# Decoding -----------------------------------------------------------------------------------------


def _parse(body: bytes) -> Packet:
    sections = take_once(body)
    address, data, ack = sections[_TAG_ADDRESS], sections.get(_TAG_DATA), sections.get(_TAG_ACK)
    boot, to_boot, session = _ADDRESS.unpack_from(address)
    sender, at = _take_string(address, _ADDRESS.size)
    table_name, _ = _take_string(address, at)
    if (data is None) == (ack is None):
        raise ValueError("neither data nor ack, or both")
    if data is not None:
        after, upto, head = _DATA.unpack_from(data)
        if not after < upto <= head:
            raise ValueError(f"a range of {after} to {upto} of {head}")
        rows = _take_rows(sections.get(_TAG_ROWS))
        if any(not after < row.seq <= upto for row in rows):
            raise ValueError("a row out of its range")
        return Data(sender, boot, to_boot, session, table_name, after, upto, head, rows)
    (upto,) = _ACK.unpack_from(ack or b"")
    return Ack(sender, boot, to_boot, session, table_name, upto, _take_ranges(sections.get(_TAG_RANGES)))


def _take_string(body: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + body[at]
    if end > len(body):
        raise ValueError("ends too early")
    return body[at + 1:end].decode(), end


def _take_ranges(body: bytes | None) -> tuple[tuple[int, int], ...]:
    if body is None:
        return ()
    found = [_RANGE.unpack_from(body, 1 + i * _RANGE.size) for i in range(body[0])]
    return tuple((after, upto) for after, upto in found)


def _take_rows(body: bytes | None) -> tuple[Row, ...]:
    if body is None:
        return ()
    (count,) = _COUNT.unpack_from(body)
    rows, at = [], _COUNT.size
    for _ in range(count):
        seq, key_size, length = _ROW.unpack_from(body, at)
        at += _ROW.size
        end = at + key_size + max(0, length - 1)
        if end > len(body):
            raise ValueError("ends too early")
        value = None if length == 0 else body[at + key_size:end]
        rows.append(Row(seq, body[at:at + key_size], value))
        at = end
    return tuple(rows)
