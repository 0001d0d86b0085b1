"""DNS as one question and the head of its answer (RFC 1035 section 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PORT = 53
_HEAD = struct.Struct(">HHHHHH")
_A, _IN = 1, 1
_RESPONSE, _TRUNCATED = 0x8000, 0x0200
_RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


@dataclass(frozen=True, slots=True)
class DnsReply:
    """code: empty for NOERROR. records: how many are in the answer section."""

    rcode: str
    answer_count: int


def query(query_id: int, name: str) -> bytes:
    """Ask for the A records of a name, without recursion."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split("."))
    return _HEAD.pack(query_id, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", _A, _IN)


def parse(packet: bytes, sent: bytes) -> DnsReply | None:
    """The answer to `asked`; None when the packet is none."""
    if len(packet) < len(sent) or packet[:2] != sent[:2]:
        return None
    _number, flags, questions, records, _, _ = _HEAD.unpack_from(packet)
    if not flags & _RESPONSE or flags & _TRUNCATED or questions != 1:
        return None
    # Names are equal whatever their case (RFC 4343).
    if packet[_HEAD.size:len(sent)].lower() != sent[_HEAD.size:].lower():
        return None
    code = flags & 0xF
    return DnsReply(_RCODES.get(code, f"code {code}") if code else "", records)
