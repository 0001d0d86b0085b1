"""What a server tells its peers about one client's connection, and its form on the wire.

A record is whole in itself: the newest one of a connection replaces the one before. It holds no file
data; all it says of a body is which part of which file it was.

Form: fields in a fixed order, numbers big-endian, byte strings with a length of two bytes before them.
VERSION changes when the order does; a record of another version is not read (the connection is then
reset instead of adopted).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address

from .ftp import Channel, Form, Session, Transfer
from .http_heads import Response
from .segment import Options, Segment

VERSION = 4
MAX_BYTES = 16 << 10
"""What the stream between the servers takes as one value. A record over PLAIN_BYTES is deflated: the
requests of one client repeat themselves. If it is still too long it is told without its oldest responses,
or else as one that can only be reset."""
PLAIN_BYTES = 1024
INFLATED_LIMIT = 128 << 10
_DEFLATED = 0x80
"""Added to the version: what comes after it is deflated (RFC 1950)."""

FileFacts = tuple[int, int]
"""Size in bytes, and time of the last change in seconds since the epoch."""
UNKNOWN: FileFacts = (-1, -1)

_KEY = struct.Struct(">4sH4sH")
_FIXED = struct.Struct(">BBBIIIQ")
_OFFER = struct.Struct(">BHB")
_RESPONSE = struct.Struct(">QQqqHB")
_FILE = struct.Struct(">Qqq")
_FACTS = struct.Struct(">qq")
_SESSION = struct.Struct(">BQBH")


class Kind(Enum):
    HTTP = 1
    FTP_CONTROL = 2
    FTP_DATA = 3


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The four numbers of a connection, the client's first."""

    client: IPv4Address
    client_port: int
    server: IPv4Address
    server_port: int

    def packed(self) -> bytes:
        return _KEY.pack(self.client.packed, self.client_port, self.server.packed, self.server_port)

    @classmethod
    def of_client(cls, one: Segment) -> Key:
        """Of a segment that a client has sent."""
        return cls(one.source, one.source_port, one.target, one.target_port)

    @classmethod
    def unpack(cls, data: bytes) -> Key:
        """From packed(); ValueError when it has another size."""
        if len(data) != _KEY.size:
            raise ValueError(f"a connection's key has {_KEY.size} bytes, not {len(data)}")
        client, client_port, server, server_port = _KEY.unpack(data)
        return cls(IPv4Address(client), client_port, IPv4Address(server), server_port)


@dataclass(frozen=True, slots=True)
class Offer:
    """What one side offered in its SYN. window_scale -1: no scaling."""

    mss: int = 536
    window_scale: int = -1
    sack: bool = False
    timestamps: bool = False

    @classmethod
    def of(cls, options: Options) -> Offer:
        """536 bytes is what is assumed where no MSS is said (RFC 9293 section 3.7.1)."""
        scale = -1 if options.window_scale is None else min(options.window_scale, 14)
        return cls(options.mss or 536, scale, options.sack_permitted, options.timestamps is not None)


@dataclass(frozen=True, slots=True)
class Record:
    """One connection as its server sees it.

    client_start, server_start: sequence number of the first byte of each direction.
    client_next: how far the server has the client's bytes.
    progress: how many bytes the client had acknowledged when it was last looked at (seldom: it only has
    to tell which time round the sequence numbers are in a file of more than 4 GiB); of a connection that the
    server has closed, how many it has sent.
    server_seen: its SYN was seen, so that server_start is known; if not, the client's first word tells it.
    server_closed: it has sent its FIN (which does not mean that the client has all).
    known: False when the recorder lost track; then it can only be reset.
    """

    key: Key
    kind: Kind
    client_start: int
    server_start: int
    client_next: int
    client_offer: Offer
    server_offer: Offer
    server_closed: bool = False
    client_closed: bool = False
    known: bool = True
    server_seen: bool = True
    progress: int = 0
    # HTTP
    responses: tuple[Response, ...] = ()
    unanswered: bytes = b""
    """The client's bytes from the first request without a response on, as far as client_next."""
    wanted: tuple[FileFacts, ...] = ()
    """The file that each of these requests asks for, as it was then; UNKNOWN: it is none."""
    # FTP control
    session: Session | None = None
    said: bytes = b""
    """The last the server said; ends at said_end."""
    said_end: int = 0
    # FTP data
    control: Key | None = None


_FLAGS = ("server_closed", "client_closed", "known", "server_seen")


def encode(record: Record) -> bytes:
    """At most MAX_BYTES."""
    data = _packed(record)
    while len(data) > MAX_BYTES and len(record.responses) > 1:
        record = replace(record, responses=record.responses[1:])
        data = _packed(record)
    if len(data) > MAX_BYTES:
        data = _packed(replace(record, known=False, responses=(), unanswered=b"", wanted=(),
                               session=None, said=b""))
    return data


def _packed(record: Record) -> bytes:
    data = _encode(record)
    if len(data) <= PLAIN_BYTES:
        return data
    return data[:_KEY.size] + bytes((VERSION | _DEFLATED,)) + zlib.compress(data[_KEY.size + 1:])


def _unpacked(data: bytes) -> bytes:
    """ValueError for what does not inflate, or to too much."""
    if data[_KEY.size:_KEY.size + 1] != bytes((VERSION | _DEFLATED,)):
        return data
    inflater = zlib.decompressobj()
    try:
        rest = inflater.decompress(data[_KEY.size + 1:], INFLATED_LIMIT)
    except zlib.error as exc:
        raise ValueError(f"not a record: {exc}") from exc
    if not inflater.eof or inflater.unused_data:
        raise ValueError("a record that does not end where it should")
    return data[:_KEY.size] + bytes((VERSION,)) + rest


def _encode(record: Record) -> bytes:
    flags = sum(1 << bit for bit, name in enumerate(_FLAGS) if getattr(record, name))
    out = [
        record.key.packed(),
        _FIXED.pack(VERSION, record.kind.value, flags, record.client_start, record.server_start,
                    record.client_next, record.progress),
        _offer(record.client_offer), _offer(record.server_offer),
    ]
    if record.kind is Kind.HTTP:
        out.append(bytes((len(record.responses),)))
        out += [_response(one) for one in record.responses]
        out.append(_bytes(record.unanswered) + len(record.wanted).to_bytes(2))
        out += [_FACTS.pack(*facts) for facts in record.wanted]
    elif record.kind is Kind.FTP_CONTROL:
        out.append(_session(record.session or Session()))
        out.append(_bytes(record.said) + struct.pack(">I", record.said_end))
    else:
        out.append(record.control.packed() if record.control else bytes(_KEY.size))
    return b"".join(out)


def decode(data: bytes) -> Record:
    """ValueError for anything that encode() did not make."""
    try:
        return _decode(_Reader(_unpacked(data)))
    except (struct.error, IndexError, KeyError) as exc:
        raise ValueError(f"not a record: {exc}") from exc


def _decode(reader: _Reader) -> Record:
    key = Key.unpack(reader.take(_KEY.size))
    version, kind_code, flags, client_start, server_start, client_next, progress = (
        reader.unpack(_FIXED))
    if version != VERSION:
        raise ValueError(f"a record of version {version}; this is {VERSION}")
    kind = Kind(kind_code)
    offers = [_read_offer(reader), _read_offer(reader)]
    responses: tuple[Response, ...] = ()
    unanswered, said, said_end = b"", b"", 0
    wanted: tuple[FileFacts, ...] = ()
    session: Session | None = None
    control: Key | None = None
    if kind is Kind.HTTP:
        responses = tuple(_read_response(reader) for _ in range(reader.take(1)[0]))
        unanswered = reader.bytes()
        wanted = tuple(reader.facts() for _ in range(int.from_bytes(reader.take(2))))
    elif kind is Kind.FTP_CONTROL:
        session = _read_session(reader)
        said = reader.bytes()
        said_end = int.from_bytes(reader.take(4))
    else:
        packed = reader.take(_KEY.size)
        control = Key.unpack(packed) if any(packed) else None
    if reader.left():
        raise ValueError("a record with something after its end")
    return Record(
        key, kind, client_start, server_start, client_next, offers[0], offers[1],
        **{name: bool(flags >> bit & 1) for bit, name in enumerate(_FLAGS)},
        progress=progress, responses=responses, unanswered=unanswered, wanted=wanted, session=session,
        said=said, said_end=said_end, control=control,
    )


# Parts --------------------------------------------------------------------------------------------


class _Reader:
    """Takes a buffer apart from the front; a read beyond its end raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        chunk = self._data[self._at:self._at + size]
        if len(chunk) != size:
            raise ValueError("a record that ends too early")
        self._at += size
        return chunk

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack(self.take(layout.size))

    def facts(self) -> FileFacts:
        size, modified = self.unpack(_FACTS)
        return size, modified

    def bytes(self) -> bytes:
        return self.take(int.from_bytes(self.take(2)))

    def left(self) -> int:
        return len(self._data) - self._at


def _bytes(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def _offer(offer: Offer) -> bytes:
    return _OFFER.pack(offer.sack | offer.timestamps << 1, offer.mss, offer.window_scale + 1)


def _read_offer(reader: _Reader) -> Offer:
    flags, mss, scale = reader.unpack(_OFFER)
    if scale > 15:
        raise ValueError(f"a window scale of {scale - 1}")
    return Offer(mss, scale - 1, bool(flags & 1), bool(flags & 2))


def _response(one: Response) -> bytes:
    fixed = _RESPONSE.pack(one.start, one.offset, one.length, one.size, one.status,
                           one.plain | one.keep << 1)
    return fixed + _bytes(one.head) + _bytes(one.target) + _bytes(one.inline)


def _read_response(reader: _Reader) -> Response:
    start, offset, length, size, status, flags = reader.unpack(_RESPONSE)
    head, target, inline = reader.bytes(), reader.bytes(), reader.bytes()
    return Response(
        start=start, head=head, target=target, offset=offset, length=length, size=size, status=status,
        plain=bool(flags & 1), keep=bool(flags & 2), inline=inline,
    )


_CHANNELS = tuple(Channel)


def _session(one: Session) -> bytes:
    flags = one.logged_in | one.binary << 1 | one.known << 2 | (one.transfer is not None) << 3
    flags |= (one.transfer is not None and one.transfer.started) << 4
    flags |= (one.transfer is not None and one.transfer.taken) << 5
    flags |= (one.transfer is not None and one.transfer.listing is not None) << 6
    fixed = _SESSION.pack(flags, one.restart, _CHANNELS.index(one.channel), one.data_port)
    moved = one.transfer or Transfer(b"", 0)
    first = moved.offset if moved.listing is None else moved.listing.value
    file = _FILE.pack(first, moved.size, moved.modified)
    pending = bytes((len(one.pending),)) + b"".join(_bytes(line) for line in one.pending)
    return fixed + _bytes(one.directory) + file + _bytes(moved.path) + pending


def _read_session(reader: _Reader) -> Session:
    flags, restart, channel, data_port = reader.unpack(_SESSION)
    directory = reader.bytes()
    offset, size, modified = reader.unpack(_FILE)
    transfer = Transfer(reader.bytes(), offset, bool(flags & 16), size, modified, bool(flags & 32))
    if flags & 64:
        transfer = replace(transfer, offset=0, listing=Form(offset & 7))
    pending = tuple(reader.bytes() for _ in range(reader.take(1)[0]))
    return Session(
        logged_in=bool(flags & 1), directory=directory, binary=bool(flags & 2), restart=restart,
        channel=_CHANNELS[channel], data_port=data_port, transfer=transfer if flags & 8 else None,
        pending=pending, known=bool(flags & 4),
    )
