"""The form of a record on the wire: bytes <-> record.Record.

Fields in a fixed order, numbers big-endian, byte strings with a length of two bytes before them. VERSION
changes when the order does; a record of another version is not read (the connection is then reset instead
of taken over).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

from .protocols.ftp import Channel, ListingFormat, Session, Transfer
from .protocols.http_heads import Response
from .record import KEY_BYTES, ConnectionKey, ConnectionKind, ConnectionRecord, FileFacts, SynOptions

VERSION = 4
MAX_BYTES = 16 << 10
"""What the stream between the servers takes as one value. A record over PLAIN_BYTES is deflated: the
requests of one client repeat themselves. If it is still too long it is told without its oldest responses,
or else as one that can only be reset."""
UNCOMPRESSED_LIMIT = 1024
DECOMPRESSED_LIMIT = 128 << 10
_COMPRESSED = 0x80
"""Added to the version: what comes after it is deflated (RFC 1950)."""

_FIXED = struct.Struct(">BBBIIIQ")
_OFFER = struct.Struct(">BHB")
_RESPONSE = struct.Struct(">QQqqHB")
_FILE = struct.Struct(">Qqq")
_FACTS = struct.Struct(">qq")
_SESSION = struct.Struct(">BQBH")
_FLAGS = ("server_closed", "client_closed", "understood", "server_start_known")


def encode(record: ConnectionRecord) -> bytes:
    """At most MAX_BYTES."""
    data = _encode_bounded(record)
    while len(data) > MAX_BYTES and len(record.responses) > 1:
        record = replace(record, responses=record.responses[1:])
        data = _encode_bounded(record)
    if len(data) > MAX_BYTES:
        data = _encode_bounded(
            replace(
                record,
                understood=False,
                responses=(),
                unanswered=b"",
                requested_files=(),
                session=None,
                reply_tail=b"",
            )
        )
    return data


def _encode_bounded(record: ConnectionRecord) -> bytes:
    data = _encode_fields(record)
    if len(data) <= UNCOMPRESSED_LIMIT:
        return data
    return data[:KEY_BYTES] + bytes((VERSION | _COMPRESSED,)) + zlib.compress(data[KEY_BYTES + 1:])


def _decompress(data: bytes) -> bytes:
    """ValueError for what does not inflate, or to too much."""
    if data[KEY_BYTES:KEY_BYTES + 1] != bytes((VERSION | _COMPRESSED,)):
        return data
    inflater = zlib.decompressobj()
    try:
        rest = inflater.decompress(data[KEY_BYTES + 1:], DECOMPRESSED_LIMIT)
    except zlib.error as exc:
        raise ValueError(f"not a record: {exc}") from exc
    if not inflater.eof or inflater.unused_data:
        raise ValueError("a record that does not end where it should")
    return data[:KEY_BYTES] + bytes((VERSION,)) + rest


def _encode_fields(record: ConnectionRecord) -> bytes:
    flags = sum(1 << bit for bit, name in enumerate(_FLAGS) if getattr(record, name))
    out = [
        record.key.packed(),
        _FIXED.pack(VERSION, record.kind.value, flags, record.client_start, record.server_start,
                    record.client_next, record.acked_bytes),
        _encode_syn_options(record.client_syn_options), _encode_syn_options(record.server_syn_options),
    ]
    if record.kind is ConnectionKind.HTTP:
        out.append(bytes((len(record.responses),)))
        out += [_encode_response(one) for one in record.responses]
        out.append(_with_length(record.unanswered) + len(record.requested_files).to_bytes(2))
        out += [_FACTS.pack(*facts) for facts in record.requested_files]
    elif record.kind is ConnectionKind.FTP_CONTROL:
        out.append(_encode_session(record.session or Session()))
        out.append(_with_length(record.reply_tail) + struct.pack(">I", record.reply_tail_end))
    else:
        out.append(record.control_key.packed() if record.control_key else bytes(KEY_BYTES))
    return b"".join(out)


def decode(data: bytes) -> ConnectionRecord:
    """ValueError for anything that encode() did not make."""
    try:
        return _decode_fields(_Reader(_decompress(data)))
    except (struct.error, IndexError, KeyError) as exc:
        raise ValueError(f"not a record: {exc}") from exc


def _decode_fields(reader: _Reader) -> ConnectionRecord:
    key = ConnectionKey.unpack(reader.take(KEY_BYTES))
    version, kind_code, flags, client_start, server_start, client_next, progress = (
        reader.unpack(_FIXED))
    if version != VERSION:
        raise ValueError(f"a record of version {version}; this is {VERSION}")
    kind = ConnectionKind(kind_code)
    offers = [_decode_syn_options(reader), _decode_syn_options(reader)]
    responses: tuple[Response, ...] = ()
    unanswered, said, reply_tail_end = b"", b"", 0
    wanted: tuple[FileFacts, ...] = ()
    session: Session | None = None
    control: ConnectionKey | None = None
    if kind is ConnectionKind.HTTP:
        responses = tuple(_decode_response(reader) for _ in range(reader.take(1)[0]))
        unanswered = reader.bytes()
        wanted = tuple(reader.facts() for _ in range(int.from_bytes(reader.take(2))))
    elif kind is ConnectionKind.FTP_CONTROL:
        session = _decode_session(reader)
        said = reader.bytes()
        reply_tail_end = int.from_bytes(reader.take(4))
    else:
        packed = reader.take(KEY_BYTES)
        control = ConnectionKey.unpack(packed) if any(packed) else None
    if reader.left():
        raise ValueError("a record with something after its end")
    return ConnectionRecord(
        key,
        kind,
        client_start,
        server_start,
        client_next,
        offers[0],
        offers[1],
        **{name: bool(flags >> bit & 1) for bit, name in enumerate(_FLAGS)},
        acked_bytes=progress,
        responses=responses,
        unanswered=unanswered,
        requested_files=wanted,
        session=session,
        reply_tail=said,
        reply_tail_end=reply_tail_end,
        control_key=control,
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


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def _encode_syn_options(offer: SynOptions) -> bytes:
    return _OFFER.pack(offer.sack | offer.timestamps << 1, offer.mss, offer.window_scale + 1)


def _decode_syn_options(reader: _Reader) -> SynOptions:
    flags, mss, scale = reader.unpack(_OFFER)
    if scale > 15:
        raise ValueError(f"a window scale of {scale - 1}")
    return SynOptions(mss, scale - 1, bool(flags & 1), bool(flags & 2))


def _encode_response(one: Response) -> bytes:
    fixed = _RESPONSE.pack(one.start, one.offset, one.length, one.size, one.status,
                           one.is_file_range | one.keep_alive << 1)
    return fixed + _with_length(one.head) + _with_length(one.target) + _with_length(one.inline)


def _decode_response(reader: _Reader) -> Response:
    start, offset, length, size, status, flags = reader.unpack(_RESPONSE)
    head, target, inline = reader.bytes(), reader.bytes(), reader.bytes()
    return Response(
        start=start, head=head, target=target, offset=offset, length=length, size=size, status=status,
        is_file_range=bool(flags & 1), keep_alive=bool(flags & 2), inline=inline,
    )


_CHANNELS = tuple(Channel)


def _encode_session(one: Session) -> bytes:
    flags = one.logged_in | one.binary << 1 | one.understood << 2 | (one.transfer is not None) << 3
    flags |= (one.transfer is not None and one.transfer.started) << 4
    flags |= (one.transfer is not None and one.transfer.closed_by_client) << 5
    flags |= (one.transfer is not None and one.transfer.listing is not None) << 6
    fixed = _SESSION.pack(flags, one.restart, _CHANNELS.index(one.channel), one.data_port)
    moved = one.transfer or Transfer(b"", 0)
    first = moved.offset if moved.listing is None else moved.listing.value
    file = _FILE.pack(first, moved.size, moved.modified)
    pending = bytes((len(one.pending),)) + b"".join(_with_length(line) for line in one.pending)
    return fixed + _with_length(one.directory) + file + _with_length(moved.path) + pending


def _decode_session(reader: _Reader) -> Session:
    flags, restart, channel, data_port = reader.unpack(_SESSION)
    directory = reader.bytes()
    offset, size, modified = reader.unpack(_FILE)
    transfer = Transfer(reader.bytes(), offset, bool(flags & 16), size, modified, bool(flags & 32))
    if flags & 64:
        transfer = replace(transfer, offset=0, listing=ListingFormat(offset & 7))
    pending = tuple(reader.bytes() for _ in range(reader.take(1)[0]))
    return Session(
        logged_in=bool(flags & 1), directory=directory, binary=bool(flags & 2), restart=restart,
        channel=_CHANNELS[channel], data_port=data_port, transfer=transfer if flags & 8 else None,
        pending=pending, understood=bool(flags & 4),
    )
