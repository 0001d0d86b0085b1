"""What a server tells its peers about one client's connection. Its form on the wire is record_codec.py's.

A record is whole in itself: the newest one of a connection replaces the one before. It holds no file
data; all it says of a body is which part of which file it was.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from .protocols.ftp import Session
from .protocols.http_heads import Response
from .tcp.segment import Options, Segment

FileFacts = tuple[int, int]
"""Size in bytes, and time of the last change in seconds since the epoch."""
UNKNOWN_FACTS: FileFacts = (-1, -1)

_KEY = struct.Struct(">4sH4sH")
KEY_BYTES = _KEY.size


class ConnectionKind(Enum):
    HTTP = 1
    FTP_CONTROL = 2
    FTP_DATA = 3


@dataclass(frozen=True, slots=True, order=True)
class ConnectionKey:
    """The four numbers of a connection, the client's first."""

    client: IPv4Address
    client_port: int
    server: IPv4Address
    server_port: int

    def packed(self) -> bytes:
        return _KEY.pack(self.client.packed, self.client_port, self.server.packed, self.server_port)

    @classmethod
    def of_client(cls, one: Segment) -> ConnectionKey:
        """Of a segment that a client has sent."""
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
        """536 bytes is what is assumed where no MSS is said (RFC 9293 section 3.7.1)."""
        scale = -1 if options.window_scale is None else min(options.window_scale, 14)
        return cls(options.mss or 536, scale, options.sack_permitted, options.timestamps is not None)


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """One connection as its server sees it.

    client_start, server_start: sequence number of the first byte of each direction.
    client_next: how far the server has the client's bytes.
    acked_bytes: how many bytes the client had acknowledged when it was last looked at (seldom: it only has
    to tell which time round the sequence numbers are in a file of more than 4 GiB); of a connection that the
    server has closed, how many it has sent.
    server_start_known: its SYN was seen, so that server_start is known; if not, the client's first word tells
    it. server_closed: it has sent its FIN (which does not mean that the client has all).
    understood: False when the recorder lost track; then it can only be reset.
    """

    key: ConnectionKey
    kind: ConnectionKind
    client_start: int
    server_start: int
    client_next: int
    client_syn_options: SynOptions
    server_syn_options: SynOptions
    server_closed: bool = False
    client_closed: bool = False
    understood: bool = True
    server_start_known: bool = True
    acked_bytes: int = 0
    # HTTP
    responses: tuple[Response, ...] = ()
    unanswered: bytes = b""
    """The client's bytes from the first request without a response on, as far as client_next."""
    requested_files: tuple[FileFacts, ...] = ()
    """The file that each of these requests asks for, as it was then; UNKNOWN: it is none."""
    # FTP control
    session: Session | None = None
    reply_tail: bytes = b""
    """The last the server said; ends at reply_tail_end."""
    reply_tail_end: int = 0
    # FTP data
    control_key: ConnectionKey | None = None
