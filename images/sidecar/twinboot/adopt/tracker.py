"""Every connection of the install services on this server's virtual addresses: segments in, records out.

Owns the table and its bounds. One segment costs the same however many connections there are. What it is
shown is little: handshakes, ends, what clients send, and the beginnings of responses (the filter of the
packet socket keeps bulk data away).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from . import seq as sequence
from .ftp import Channel, FtpTracker
from .http import RESPONSES_KEPT, HttpTracker, Response
from .lines import Stream
from .record import Key, Kind, Offer, Record
from .segment import ACK, FIN, RST, SYN, Segment

FTP_PORT = 21
HTTP_PORT = 80
LIMIT = 5000
"""Connections followed at once; of more, the oldest is forgotten (and could only be reset)."""
PROGRESS_STEP = 512 << 20
_NO_OFFER = Offer()

FileFacts = tuple[int, int]
"""Size in bytes, and time of the last change in seconds since the epoch."""


@dataclass(slots=True)
class _Entry:
    key: Key
    kind: Kind
    client_start: int = 0
    server_start: int | None = None
    client_offer: Offer = _NO_OFFER
    server_offer: Offer = _NO_OFFER
    client: Stream | None = None
    ftp: FtpTracker | None = None
    http: HttpTracker | None = None
    control: Key | None = None
    server_closed: bool = False
    known: bool = True
    progress: int = 0


class Tracker:
    """Follows the connections to `addresses`, which its owner sets to those held here."""

    def __init__(self, look: Callable[[bytes], FileFacts | None], limit: int = LIMIT) -> None:
        """look: size and time of a published file, by the path that an FTP client would give."""
        self._look = look
        self.addresses: set[IPv4Address] = set()
        self.forgotten = 0
        """Connections left out because there were too many."""
        self._limit = limit
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._expected: OrderedDict[tuple[IPv4Address, IPv4Address, int, bool], Key] = OrderedDict()
        self._changed: dict[Key, None] = {}

    # In -----------------------------------------------------------------------------------------

    def segment(self, one: Segment) -> None:
        """Take in a captured segment, of either direction."""
        if one.target in self.addresses:
            self._from_client(Key(one.source, one.source_port, one.target, one.target_port), one)
        elif one.source in self.addresses:
            self._from_server(Key(one.target, one.target_port, one.source, one.source_port), one)

    def seed(self, record: Record) -> None:
        """Go on following a connection that was taken over from another server."""
        entry = _Entry(
            record.key, record.kind, record.client_start, record.server_start, record.client_offer,
            record.server_offer, Stream(record.client_next), control=record.control,
            server_closed=record.server_closed, known=record.known, progress=record.progress,
        )
        _resume(entry, record)
        self._put(entry)

    def drop(self, key: Key) -> None:
        """The connection is over."""
        if self._entries.pop(key, None) is not None:
            self._changed[key] = None

    def release(self, address: IPv4Address) -> list[Key]:
        """The address is gone: follow its connections no more. They are not reported as changes."""
        gone = [key for key in self._entries if key.server == address]
        for key in gone:
            del self._entries[key]
            self._changed.pop(key, None)
        return gone

    def retain(self, alive: Mapping[Key, int]) -> None:
        """Compare with the kernel's own list: forget what is gone, note what was never seen to begin.

        The latter can only be reset, but a peer must know of it for that. alive: how many bytes the
        client has acknowledged, by connection.
        """
        for key in [key for key in self._entries if key not in alive]:
            self.drop(key)
        for key in alive:
            if key not in self._entries and key.server in self.addresses:
                kind = _kind(key.server_port) or Kind.FTP_DATA
                self._put(_Entry(key, kind, server_start=0, known=False))
        for key, progress in alive.items():
            entry = self._entries.get(key)
            if entry is not None and progress >= entry.progress + PROGRESS_STEP:
                entry.progress = progress
                self._changed[key] = None

    # Out ----------------------------------------------------------------------------------------

    def changes(self) -> list[tuple[Key, Record | None]]:
        """What changed since the last call; None: the connection is over."""
        found = [(key, self.record(key)) for key in self._changed]
        self._changed.clear()
        return found

    def record(self, key: Key) -> Record | None:
        entry = self._entries.get(key)
        return _record(entry) if entry is not None and entry.server_start is not None else None

    def records(self) -> Iterable[Record]:
        for key in self._entries:
            record = self.record(key)
            if record is not None:
                yield record

    def __len__(self) -> int:
        return len(self._entries)

    # Inside -------------------------------------------------------------------------------------

    def _from_client(self, key: Key, one: Segment) -> None:
        if one.flags & RST:
            self.drop(key)
            return
        if one.flags & SYN:
            self._client_syn(key, one)
            return
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.client is not None and one.payload_bytes:
            if entry.http is not None:
                entry.http.from_client(one.seq, one.payload, one.payload_bytes)
            elif entry.ftp is not None:
                entry.ftp.from_client(one.seq, one.payload, one.payload_bytes)
            self._changed[key] = None
        if one.flags & FIN:
            self.drop(key)

    def _client_syn(self, key: Key, one: Segment) -> None:
        start = sequence.add(one.seq, 1)
        if one.flags & ACK:  # its answer to a data connection that the server opens
            entry = self._entries.get(key)
            if entry is not None:
                entry.client_start, entry.client_offer = start, Offer.of(one.options)
                entry.client = Stream(start)
                self._changed[key] = None
            return
        kind = _kind(key.server_port)
        control: Key | None = None
        if kind is None:
            control = self._expected.get((key.client, key.server, key.server_port, False))
            if control is None:
                return
            kind = Kind.FTP_DATA
        old = self._entries.get(key)
        if old is not None and old.client_start == start and old.known:
            return  # the same SYN again
        self._put(_Entry(key, kind, start, client_offer=Offer.of(one.options), client=Stream(start),
                         control=control))

    def _from_server(self, key: Key, one: Segment) -> None:
        if one.flags & RST:
            self.drop(key)
            return
        if one.flags & SYN:
            self._server_syn(key, one)
            return
        entry = self._entries.get(key)
        if entry is None:
            return
        if one.payload_bytes:
            if entry.http is not None:
                entry.http.from_server(one.seq, one.payload)
            elif entry.ftp is not None:
                entry.ftp.from_server(one.seq, one.payload, one.payload_bytes)
                self._expect(entry)
                self._inspect(entry.ftp)
            self._changed[key] = None
        if one.flags & FIN and not entry.server_closed:
            entry.server_closed = True
            self._changed[key] = None

    def _server_syn(self, key: Key, one: Segment) -> None:
        start = sequence.add(one.seq, 1)
        entry = self._entries.get(key)
        if not one.flags & ACK:
            control = self._expected.get((key.client, key.server, key.client_port, True))
            if control is None or (entry is not None and entry.server_start == start):
                return
            entry = _Entry(key, Kind.FTP_DATA, control=control)
            self._put(entry)
        if entry is None or (entry.server_start is not None and entry.server_start == start):
            return
        entry.server_start, entry.server_offer = start, Offer.of(one.options)
        if entry.kind is Kind.HTTP:
            entry.http = HttpTracker(Stream(entry.client_start), start)
        elif entry.kind is Kind.FTP_CONTROL:
            entry.ftp = FtpTracker(Stream(entry.client_start), Stream(start))
        self._changed[key] = None

    def _expect(self, entry: _Entry) -> None:
        """A data connection that this session has agreed upon may come now."""
        session = entry.ftp.session if entry.ftp is not None else None
        if session is None or session.channel is Channel.NONE:
            return
        active = session.channel is Channel.ACTIVE
        place = (entry.key.client, entry.key.server, session.data_port, active)
        self._expected.pop(place, None)
        self._expected[place] = entry.key
        while len(self._expected) > self._limit:
            self._expected.popitem(last=False)

    def _inspect(self, ftp: FtpTracker) -> None:
        """Note which state of the file the server has begun to send."""
        transfer = ftp.session.transfer
        if transfer is not None and transfer.started and transfer.size < 0:
            size, modified = self._look(transfer.path) or (-1, -1)
            ftp.session = replace(ftp.session, transfer=replace(transfer, size=size, modified=modified))

    def _put(self, entry: _Entry) -> None:
        self._entries.pop(entry.key, None)
        self._entries[entry.key] = entry
        self._changed[entry.key] = None
        while len(self._entries) > self._limit:
            key, _old = self._entries.popitem(last=False)
            self._changed[key] = None
            self.forgotten += 1


def _kind(port: int) -> Kind | None:
    return {FTP_PORT: Kind.FTP_CONTROL, HTTP_PORT: Kind.HTTP}.get(port)


def _record(entry: _Entry) -> Record:
    """The entry as it is told to the peers. What is too long to be told makes it unknown."""
    assert entry.server_start is not None
    stream = entry.client
    known = entry.known
    responses: tuple[Response, ...] = ()
    unanswered, session, said, said_end = b"", None, b"", 0
    if entry.http is not None:
        stream, responses = entry.http.client, tuple(entry.http.responses)
        unanswered = b"".join(one.raw for one in entry.http.pending) + entry.http.rest
        known = known and entry.http.known
        if not known:
            responses, unanswered = (), b""
    elif entry.ftp is not None:
        stream, session = entry.ftp.client, entry.ftp.session
        said, said_end = entry.ftp.tail, entry.ftp.server.next_seq
        known = known and session.known and not entry.ftp.unfinished
    return Record(
        entry.key, entry.kind, entry.client_start, entry.server_start,
        stream.next_seq if stream is not None else entry.client_start,
        entry.client_offer, entry.server_offer, server_closed=entry.server_closed,
        known=known and stream is not None, progress=entry.progress, responses=responses,
        unanswered=unanswered, session=session, said=said, said_end=said_end, control=entry.control,
    )


def _resume(entry: _Entry, record: Record) -> None:
    """The trackers of an entry, standing where a record says."""
    if not record.known:
        return
    client = Stream(record.client_next)
    if record.kind is Kind.HTTP:
        client = Stream(sequence.add(record.client_next, -len(record.unanswered)))
        last = record.responses[-1] if record.responses else None
        head = 0 if last is None else last.end if last.length >= 0 else None
        entry.http = HttpTracker(client, record.server_start, head,
                                 deque(record.responses, maxlen=RESPONSES_KEPT))
        entry.http.from_client(client.next_seq, record.unanswered, len(record.unanswered))
    elif record.kind is Kind.FTP_CONTROL and record.session is not None:
        entry.ftp = FtpTracker.resumed(client, Stream(record.said_end), record.session, record.said)
