"""The form of a record on the wire: bytes <-> record.ConnectionRecord.

    key | version u8 | section ... section       (the sections deflated when the version has its top bit set)

Sections are as in wire/sections.py: an unknown one is skipped, a missing one has a default (but the first,
CONNECTION), and what follows the known part of a body is ignored. So a newer server's record is read by an
older one; tags are never used anew. Within a section: fields in a fixed order, numbers big-endian, byte
strings with a length of two bytes before them. A record of another VERSION is not read (the connection is
then reset instead of taken over).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat

from twinboot.wire.sections import put, take

from .file_facts import CONTENT_BYTES, FileFacts
from .protocols.ftp import Channel, ListingFormat, Session, Transfer
from .protocols.http_heads import Response
from .record import KEY_BYTES, ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions

VERSION = 5
MAX_BYTES = 16 << 10
"""What the stream between the servers takes as one value. A record over UNCOMPRESSED_LIMIT is
deflated: the requests of one client repeat themselves. If it is still too long it is told without the files'
SHA-256, then without its oldest responses, or else as one that can only be reset."""
UNCOMPRESSED_LIMIT = 1024
DECOMPRESSED_LIMIT = 128 << 10
_COMPRESSED = 0x80
"""Added to the version: what comes after it is deflated (RFC 1950)."""

_FIXED = struct.Struct(">BBIIIQ")
_SYN_OPTIONS = struct.Struct(">BHBBHB")
_RESPONSE = struct.Struct(">QQqqHB")
_FILE = struct.Struct(">Qqq")
_FACTS = struct.Struct(">qq")
_PART = struct.Struct(">QQ")
_SESSION = struct.Struct(">BQBH")
_CONNECTION, _SYN, _HTTP_RESPONSE, _HTTP_UNANSWERED = 1, 2, 3, 4
_HTTP_REQUESTED, _FTP_SESSION, _FTP_REPLY_TAIL, _FTP_CONTROL, _DIALECT = 5, 6, 7, 8, 20
_HTTP_CONTENTS, _HTTP_REQUESTED_CONTENTS, _FTP_CONTENT = 21, 22, 23
"""Tags. _HTTP_RESPONSE comes once for each response, the others once at most. Contents: CONTENT_BYTES of a
SHA-256 for each response or file, zeros where it is not known."""
_FLAGS = {0: "server_closed", 2: "understood", 3: "server_start_known", 4: "opened_by_server"}
"""By bit. Bit 1 is reserved: releases up to 0.1.0 read it as a flag that no server has ever set."""


def encode(record: ConnectionRecord) -> bytes:
    """At most MAX_BYTES."""
    data = _encode_bounded(record)
    if len(data) > MAX_BYTES:
        record = _without_contents(record)
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
    flags = sum(1 << bit for bit, name in _FLAGS.items() if getattr(record, name))
    out = [
        record.key.packed(), bytes((VERSION,)),
        put(_CONNECTION, _FIXED.pack(record.kind.value, flags, record.client_start, record.server_start,
                                     record.client_next, record.acked_bytes)),
        put(_SYN, _encode_syn_options(record.client_syn_options, record.server_syn_options)),
    ]
    if record.dialect is not None:
        out.append(put(_DIALECT, record.dialect.encode()))
    if record.kind is ConnectionKind.HTTP:
        out += [put(_HTTP_RESPONSE, _encode_response(one)) for one in record.responses]
        if record.unanswered:
            out.append(put(_HTTP_UNANSWERED, record.unanswered))
        if record.requested_files:
            files = b"".join(_FACTS.pack(*facts[:2]) for facts in record.requested_files)
            out.append(put(_HTTP_REQUESTED, files))
        out += _put_contents(_HTTP_CONTENTS, [one.content for one in record.responses])
        out += _put_contents(_HTTP_REQUESTED_CONTENTS, [one.content for one in record.requested_files])
    elif record.kind is ConnectionKind.FTP_CONTROL:
        out.append(put(_FTP_SESSION, _encode_session(record.session or Session())))
        out.append(put(_FTP_REPLY_TAIL, record.reply_tail_end.to_bytes(4) + record.reply_tail))
        transfer = record.session.transfer if record.session is not None else None
        out += _put_contents(_FTP_CONTENT, [transfer.content] if transfer is not None else [])
    elif record.control_key is not None:
        out.append(put(_FTP_CONTROL, record.control_key.packed()))
    return b"".join(out)


def decode(data: bytes) -> ConnectionRecord:
    """ValueError for anything that is no record of this VERSION, from this release or a newer one."""
    try:
        return _decode_fields(_decompress(data))
    except (struct.error, IndexError, KeyError) as exc:
        raise ValueError(f"not a record: {exc}") from exc


def _decode_fields(data: bytes) -> ConnectionRecord:
    key = ConnectionKey.unpack(data[:KEY_BYTES])
    if data[KEY_BYTES] != VERSION:
        raise ValueError(f"a record of version {data[KEY_BYTES]}; this is {VERSION}")
    found: dict[int, bytes] = {}
    responses = []
    for tag, body in take(data, KEY_BYTES + 1):
        if tag == _HTTP_RESPONSE:
            responses.append(_decode_response(_Reader(body)))
        elif tag in found:
            raise ValueError(f"section {tag} twice")
        else:
            found[tag] = body
    kind_code, flags, client_start, server_start, client_next, progress = (
        _FIXED.unpack_from(found[_CONNECTION]))
    kind = ConnectionKind(kind_code)
    client_syn, server_syn = _decode_syn_options(found.get(_SYN))
    session = _decode_session(found.get(_FTP_SESSION)) if kind is ConnectionKind.FTP_CONTROL else None
    if session is not None and session.transfer is not None:
        content = next(_contents(found.get(_FTP_CONTENT)))
        session = replace(session, transfer=replace(session.transfer, content=content))
    tail = found.get(_FTP_REPLY_TAIL, bytes(4))
    control = found.get(_FTP_CONTROL)
    return ConnectionRecord(
        key,
        kind,
        client_start,
        server_start,
        client_next,
        client_syn,
        server_syn,
        **{name: bool(flags >> bit & 1) for bit, name in _FLAGS.items()},
        acked_bytes=progress,
        dialect=found[_DIALECT].decode("utf-8", "replace") if _DIALECT in found else None,
        responses=tuple(map(_with_content, responses, _contents(found.get(_HTTP_CONTENTS)))),
        unanswered=found.get(_HTTP_UNANSWERED, b""),
        requested_files=tuple(
            FileFacts(size, modified, content) for (size, modified), content in zip(
                _FACTS.iter_unpack(found.get(_HTTP_REQUESTED, b"")),
                _contents(found.get(_HTTP_REQUESTED_CONTENTS)), strict=False)),
        session=session,
        reply_tail=tail[4:],
        reply_tail_end=struct.unpack_from(">I", tail)[0],
        control_key=ConnectionKey.unpack(control[:KEY_BYTES]) if control is not None else None,
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

    def bytes(self) -> bytes:
        return self.take(int.from_bytes(self.take(2)))


def _put_contents(tag: int, contents: list[bytes]) -> list[bytes]:
    """One section, or none where nothing is known."""
    if not any(contents):
        return []
    return [put(tag, b"".join(one.ljust(CONTENT_BYTES, b"\0") for one in contents))]


def _contents(body: bytes | None) -> Iterator[bytes]:
    """One after the other, then empty ones without an end."""
    for at in range(0, len(body or b""), CONTENT_BYTES):
        one = (body or b"")[at:at + CONTENT_BYTES]
        yield one if len(one) == CONTENT_BYTES and any(one) else b""
    yield from repeat(b"")


def _with_content(one: Response, content: bytes) -> Response:
    return replace(one, content=content) if content else one


def _without_contents(record: ConnectionRecord) -> ConnectionRecord:
    return replace(
        record, responses=tuple(replace(one, content=b"") for one in record.responses),
        requested_files=tuple(one._replace(content=b"") for one in record.requested_files))


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def _encode_syn_options(client: SynOptions, server: SynOptions) -> bytes:
    return _SYN_OPTIONS.pack(
        client.sack | client.timestamps << 1, client.mss, client.window_scale + 1,
        server.sack | server.timestamps << 1, server.mss, server.window_scale + 1,
    )


def _decode_syn_options(body: bytes | None) -> tuple[SynOptions, SynOptions]:
    """Missing: nothing was offered."""
    if body is None:
        return SynOptions(), SynOptions()
    flags, mss, scale, server_flags, server_mss, server_scale = _SYN_OPTIONS.unpack_from(body)
    if scale > 15 or server_scale > 15:
        raise ValueError(f"a window scale of {max(scale, server_scale) - 1}")
    return (SynOptions(mss, scale - 1, bool(flags & 1), bool(flags & 2)),
            SynOptions(server_mss, server_scale - 1, bool(server_flags & 1), bool(server_flags & 2)))


def _encode_response(one: Response) -> bytes:
    is_longer = bool(one.parts or one.request)
    fixed = _RESPONSE.pack(one.start, one.offset, one.length, one.size, one.status,
                           one.is_file_range | one.keep_alive << 1 | is_longer << 2)
    known = fixed + _with_length(one.head) + _with_length(one.target) + _with_length(one.inline)
    if not is_longer:
        return known
    parts = b"".join(_PART.pack(*part) for part in one.parts)
    return known + (_with_length(parts) + _with_length(one.part_type) + _with_length(one.request)
                    + _FACTS.pack(*one.listed[:2]))


def _decode_response(reader: _Reader) -> Response:
    start, offset, length, size, status, flags = reader.unpack(_RESPONSE)
    head, target, inline = reader.bytes(), reader.bytes(), reader.bytes()
    parts, part_type, request, listed = b"", b"", b"", FileFacts(0, 0)
    if flags & 4:
        parts, part_type, request = reader.bytes(), reader.bytes(), reader.bytes()
        known, digest = reader.unpack(_FACTS)
        listed = FileFacts(known, digest)
    return Response(
        start=start, head=head, target=target, offset=offset, length=length, size=size, status=status,
        is_file_range=bool(flags & 1), keep_alive=bool(flags & 2), inline=inline,
        parts=tuple(_PART.iter_unpack(parts)), part_type=part_type, request=request, listed=listed,
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


def _decode_session(body: bytes | None) -> Session:
    """Missing: one that has just begun."""
    if body is None:
        return Session()
    reader = _Reader(body)
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
