"""Frames and whole conversations for the tests of takeover."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols.ftp import ListingFormat
from twinboot.takeover.logic.tcp.segment import ACK, FIN, PSH, RST, SYN, Segment, parse_segment

VIP = IPv4Address("192.168.0.253")
CLIENT = IPv4Address("192.168.0.128")
SYN_OPTIONS = bytes((2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7))


def frame(source: IPv4Address, source_port: int, target: IPv4Address, target_port: int, *,
          seq: int = 0, ack: int = 0, flags: int = ACK, window: int = 1000, options: bytes = b"",
          payload: bytes = b"") -> bytes:
    """An Ethernet frame with one TCP segment; checksums are left out."""
    options += bytes(-len(options) % 4)
    tcp = struct.pack(">HHIIBBHHH", source_port, target_port, seq % 2**32, ack % 2**32,
                      (20 + len(options)) // 4 << 4, flags, window, 0, 0) + options + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source.packed, target.packed)
    return bytes(12) + b"\x08\x00" + ip + tcp


@dataclass
class Conversation:
    """One connection, from its handshake on: say() gives the segments of a few bytes, as they are cut."""

    port: int
    server_port: int
    client_isn: int = 1000
    server_isn: int = 0xFFFFFF00
    client: IPv4Address = CLIENT
    client_seq: int = field(init=False)
    server_seq: int = field(init=False)

    def __post_init__(self) -> None:
        self.client_seq, self.server_seq = self.client_isn + 1, self.server_isn + 1

    def up(self, flags: int = ACK, *, seq: int | None = None, payload: bytes = b"",
           options: bytes = b"") -> Segment:
        """A segment of the client."""
        at = self.client_seq if seq is None else seq
        return _parsed(frame(self.client, self.port, VIP, self.server_port, seq=at, ack=self.server_seq,
                             flags=flags, payload=payload, options=options))

    def down(self, flags: int = ACK, *, seq: int | None = None, payload: bytes = b"",
             options: bytes = b"") -> Segment:
        """A segment of the server."""
        at = self.server_seq if seq is None else seq
        return _parsed(frame(VIP, self.server_port, self.client, self.port, seq=at, ack=self.client_seq,
                             flags=flags, payload=payload, options=options))

    def handshake(self) -> list[Segment]:
        return [
            self.up(SYN, seq=self.client_isn, options=SYN_OPTIONS),
            self.down(SYN | ACK, seq=self.server_isn, options=SYN_OPTIONS),
        ]

    def handshake_by_server(self) -> list[Segment]:
        return [
            self.down(SYN, seq=self.server_isn, options=SYN_OPTIONS),
            self.up(SYN | ACK, seq=self.client_isn, options=SYN_OPTIONS),
        ]

    def ask(self, data: bytes, cuts: Sequence[int] = ()) -> Iterator[Segment]:
        """The client says data, cut at the given places."""
        for part in cut(data, cuts):
            yield self.up(ACK | PSH, payload=part)
            self.client_seq += len(part)

    def answer(self, data: bytes, cuts: Sequence[int] = (), unseen: int = 0) -> Iterator[Segment]:
        """The server says data; `unseen` more bytes follow that the filter keeps away."""
        for part in cut(data, cuts):
            yield self.down(ACK | PSH, payload=part)
            self.server_seq += len(part)
        self.server_seq += unseen

    def server_ends(self) -> Segment:
        return self.down(ACK | FIN)

    def client_ends(self) -> Segment:
        return self.up(ACK | FIN)

    def client_resets(self) -> Segment:
        return self.up(RST)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """data in pieces, cut at those of the places that lie inside of it."""
    marks = sorted({0, len(data), *(place for place in places if 0 < place < len(data))})
    return [data[one:other] for one, other in itertools.pairwise(marks)]


def _parsed(data: bytes) -> Segment:
    found = parse_segment(data)
    assert found is not None
    return found


@dataclass(frozen=True)
class PublishedTree:
    """A published tree: size and time of its files, or all facts of them, and its directories."""

    files: Mapping[bytes, tuple[int, int] | FileFacts]
    directories: Collection[bytes] = ()
    listings: Mapping[bytes, bytes] = field(default_factory=dict)
    web_listings: Mapping[bytes, tuple[int, int]] = field(default_factory=dict)

    def file_facts(self, path: bytes) -> FileFacts | None:
        found = self.files.get(path)
        return FileFacts(*found) if found is not None else None

    def is_directory(self, path: bytes) -> bool:
        return path in self.directories

    def listing(self, path: bytes, _form: ListingFormat) -> bytes | None:
        return self.listings.get(path)

    def web_listing_facts(self, path: bytes) -> FileFacts | None:
        found = self.web_listings.get(path)
        return FileFacts(*found) if found is not None else None
