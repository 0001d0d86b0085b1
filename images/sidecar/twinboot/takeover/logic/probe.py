"""TCP probes: segments that make a client say where it is. Pure.

A probe must not change anything at the client, and must pass stateful packet filters on its way (NAT,
`ct state invalid drop`). No segment does both everywhere, so there are two ways, sent in turn:

KEEPALIVE  A number that the client has acknowledged long ago (RFC 1122 section 4.2.3.6). Every stack answers
           it with an acknowledgement (RFC 9293 section 3.10.7.4, first check). A filter passes it when the
           numbers are within a window; Linux 6.1 and later also when they are older.
HANDSHAKE  The SYN/ACK of the connection once more (the SYN, when the server opened it), with the old numbers.
           Conntrack lets a repeated SYN/ACK pass without a look at its window, and the client answers it
           (RFC 9293 section 3.10.7.4, fourth check; RFC 5961 section 4.2). The second way, since not every
           boot loader does: a branch of Fedora's GRUB resets its connection then.

The acknowledgement number is what the server has, so that the RST of a client without the connection, which
bears it (RFC 9293 section 3.10.7.1), is in the window of a filter, too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from .plan import ClientPosition
from .record import ConnectionRecord, SynOptions
from .tcp import seq as sequence
from .tcp.segment import ACK, RST, SYN, Segment, ack_options

_DUPLICATE_BYTES = b"\0\0"
_MAX_WINDOW = 65535
UNKNOWN_PROGRESS_BYTES = 512 << 20
"""A client may have got so much farther since its last record: 2 s and more on a fast network."""
UNSENT_LIMIT_BYTES = 64 << 20
"""What a server has sent and closed, and the client may still lack: more than a send buffer holds."""


class ProbeWay(Enum):
    KEEPALIVE = "keepalive"
    HANDSHAKE = "handshake"


@dataclass(frozen=True, slots=True)
class Probe:
    """A segment of the server's. way: what its answer is worth (settle.py)."""

    way: ProbeWay
    flags: int
    seq: int
    ack: int
    options: bytes = b""
    payload: bytes = b""

    def refused_by(self, segment: Segment) -> bool:
        """Whether this is the RST with which a stack that lacks the connection answers this probe."""
        if not segment.flags & RST:
            return False
        if self.flags & ACK:
            return segment.seq == self.ack
        return segment.ack == sequence.add(self.seq, 1)


def probe_of(
    record: ConnectionRecord, way: ProbeWay, client: ClientPosition | None = None, *, again: bool = False
) -> Probe:
    """The probe of a connection: a handshake where `way` asks for it and it is harmless, else a keepalive.

    client: its position of a moment ago, if it is known: a keepalive with these numbers. again: the client
    has not answered the first probe."""
    if client is not None:
        return _precise_keepalive(record, client)
    if way is ProbeWay.HANDSHAKE and _handshake_is_harmless(record):
        return _handshake(record)
    return _keepalive(record, again=again)


def _handshake_is_harmless(record: ConnectionRecord) -> bool:
    """Whether the SYN's number is known and surely outside the client's window: a SYN within it ends the
    connection in stacks older than RFC 5961. It is within when the numbers have just wrapped."""
    if not record.server_start_known or not (record.understood or record.server_start):
        return False  # the latter: it was not seen to begin
    window = _MAX_WINDOW << max(0, record.client_syn_options.window_scale)
    return record.acked_bytes % sequence.MODULUS < sequence.MODULUS - window - UNKNOWN_PROGRESS_BYTES


def _handshake(record: ConnectionRecord) -> Probe:
    client, server = record.client_syn_options, record.server_syn_options
    seq = sequence.add(record.server_start, -1)
    if record.opened_by_server:
        return Probe(ProbeWay.HANDSHAKE, SYN, seq, 0, _syn_options(server))
    agreed = SynOptions(
        server.mss, server.window_scale if client.window_scale >= 0 else -1,
        server.sack and client.sack, server.timestamps and client.timestamps)
    return Probe(ProbeWay.HANDSHAKE, SYN | ACK, seq, record.client_start, _syn_options(agreed))


def _precise_keepalive(record: ConnectionRecord, client: ClientPosition) -> Probe:
    """Linux answers bytes that it has each time, bare segments twice a second at most
    (net.ipv4.tcp_invalid_ratelimit). But bytes displace one of the client's SACK blocks, which are needed, by
    a report of their own (RFC 2883). They end one before what the client expects: if they ended at it, they
    would be in the window, and our acknowledgement number would count."""
    payload = b"" if client.sack_blocks else _DUPLICATE_BYTES
    # Not client.seq: what the server lacks the client must send again. What is not understood is only reset.
    received = record.client_next if record.understood else client.seq
    stamps = client.timestamps
    if stamps is not None:
        stamps = sequence.add(stamps[1], 1), stamps[0]
    return Probe(ProbeWay.KEEPALIVE, ACK, sequence.add(client.ack, -len(payload) - 1), received,
                 ack_options(stamps, ()), payload)


def _keepalive(record: ConnectionRecord, *, again: bool) -> Probe:
    """The first is bare, for the SACK blocks' sake, and has no time stamps: Linux 6.14 and later drops a bare
    segment with an old one. Other stacks drop what has none (RFC 7323 section 3.2): so the next has one, and
    bytes, whose time stamp may be old (section 5.3, R1)."""
    stamps = again and record.client_syn_options.timestamps and record.server_syn_options.timestamps
    payload = _DUPLICATE_BYTES if again else b""
    seq = sequence.add(record.server_start, _surely_acked(record) - len(payload) - 1)
    options = ack_options((0, 0) if stamps else None, ())
    return Probe(ProbeWay.KEEPALIVE, ACK, seq, record.client_next, options, payload)


def _surely_acked(record: ConnectionRecord) -> int:
    """How many of the server's bytes the client has at least."""
    if not record.server_closed:
        return record.acked_bytes
    return max(0, record.acked_bytes - UNSENT_LIMIT_BYTES)


def _syn_options(offer: SynOptions) -> bytes:
    """MSS, SACK, time stamps, window scale (RFC 9293 section 3.2, RFC 2018, RFC 7323), in Linux' order."""
    out = struct.pack(">BBH", 2, 4, offer.mss)
    if offer.sack:
        out += bytes((1, 1, 4, 2))
    if offer.timestamps:
        out += ack_options((0, 0), ())
    if offer.window_scale >= 0:
        out += bytes((1, 3, 3, offer.window_scale))
    return out
