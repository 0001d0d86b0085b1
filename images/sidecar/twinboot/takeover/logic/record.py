"""What a server replicates about one client's connection. Its form on the wire is record_codec.py's.

A record is complete in itself: a newer one of the same connection replaces it. It holds no file data; of a
body it names the file and the part of it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from .file_facts import UNKNOWN_FACTS, FileFacts
from .protocols.ftp import Session
from .protocols.http_heads import Response
from .tcp import seq as sequence
from .tcp.segment import Options, Segment

__all__ = [
    "KEY_BYTES",
    "UNKNOWN_FACTS",
    "ConnectionKey",
    "ConnectionKind",
    "ConnectionRecord",
    "FileFacts",
    "SynOptions",
    "newest",
]

_KEY = struct.Struct(">4sH4sH")
KEY_BYTES = _KEY.size


class ConnectionKind(Enum):
    HTTP = 1
    FTP_CONTROL = 2
    FTP_DATA = 3


@dataclass(frozen=True, slots=True, order=True)
class ConnectionKey:
    """Addresses and ports of a connection, the client's first."""

    client: IPv4Address
    client_port: int
    server: IPv4Address
    server_port: int

    def packed(self) -> bytes:
        return _KEY.pack(self.client.packed, self.client_port, self.server.packed, self.server_port)

    @classmethod
    def of_client(cls, one: Segment) -> ConnectionKey:
        """The key of a segment that a client has sent."""
        return cls(one.source, one.source_port, one.target, one.target_port)

    @classmethod
    def unpack(cls, data: bytes) -> ConnectionKey:
        """From packed(); ValueError when it has another size."""
        if len(data) != _KEY.size:
            raise ValueError(f"a connection's key has {_KEY.size} bytes, not {len(data)}")
        client, client_port, server, server_port = _KEY.unpack(data)
        return cls(IPv4Address(client), client_port, IPv4Address(server), server_port)


@dataclass(frozen=True, slots=True)
class SynOptions:
    """What one side offered in its SYN. window_scale -1: no scaling."""

    mss: int = 536
    window_scale: int = -1
    sack: bool = False
    timestamps: bool = False

    @classmethod
    def of(cls, options: Options) -> SynOptions:
        """Without an MSS option 536 bytes are assumed (RFC 9293 section 3.7.1)."""
        scale = -1 if options.window_scale is None else min(options.window_scale, 14)
        return cls(options.mss or 536, scale, options.sack_permitted, options.timestamps is not None)


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """One connection as its server sees it.

    client_start, server_start: sequence number of the first byte of each direction.
    client_next: sequence number after the client's bytes that the server has.
    acked_bytes: bytes that the client had acknowledged when last read (seldom; exact in the last record
    before an orderly move). It tells how often the sequence numbers have wrapped in a file of more than
    4 GiB, and with which numbers to probe. After the server has closed: the number of bytes it has sent.
    server_start_known: the server's SYN was seen; if not, server_start follows from the client's position.
    server_closed: the server has sent its FIN (the client need not have all data yet).
    understood: False when the recorder lost track; then the connection can only be reset.
    """

    key: ConnectionKey
    kind: ConnectionKind
    client_start: int
    server_start: int
    client_next: int
    client_syn_options: SynOptions
    server_syn_options: SynOptions
    server_closed: bool = False
    understood: bool = True
    server_start_known: bool = True
    acked_bytes: int = 0
    dialect: str | None = None
    """What the service speaks, by its image's label; empty: the image does not say. None: not known, for
    example told by an older release."""
    # HTTP
    responses: tuple[Response, ...] = ()
    unanswered: bytes = b""
    """The client's bytes from the first request without a response up to client_next."""
    requested_files: tuple[FileFacts, ...] = ()
    """The file of each of these requests, as it was when requested; UNKNOWN_FACTS: it names no file."""
    # FTP control
    session: Session | None = None
    reply_tail: bytes = b""
    """The last bytes of the server's replies; they end at sequence number reply_tail_end."""
    reply_tail_end: int = 0
    # FTP data
    control_key: ConnectionKey | None = None
    opened_by_server: bool = False
    """The server sent the first SYN (active mode)."""


def newest(
    told: Mapping[ConnectionKey, ConnectionRecord], left: Mapping[ConnectionKey, ConnectionRecord]
) -> dict[ConnectionKey, ConnectionRecord]:
    """What the last holder of an address has told of its connections, and what was handed over to it a moment
    ago (`left`). That is the newer when the holder has told nothing at all, and of a connection whose client
    had said more: then what the holder told is from an earlier time that it had the address."""
    if not told:
        return dict(left)
    return {key: _further(one, left.get(key, one)) for key, one in told.items()}


def _further(told: ConnectionRecord, left: ConnectionRecord) -> ConnectionRecord:
    same = told.client_start == left.client_start
    return left if same and sequence.distance(told.client_next, left.client_next) > 0 else told
