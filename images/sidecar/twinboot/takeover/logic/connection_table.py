"""The connections of this server, with a bound on each kind of crowd.

Addresses that have only begun to shake hands (a flood of SYNs with made-up senders) have a small table of
their own, and no client may have more than its share of the rest: so neither drives out the others'.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import chain

from .protocols.ftp import FtpTracker
from .protocols.http import RESPONSES_KEPT, HttpTracker
from .protocols.http_heads import Request, Response
from .record import UNKNOWN, FileFacts, Key, Kind, Offer, Record
from .tcp import seq as sequence
from .tcp.reassembly import Stream

LIMIT = 5000
"""Connections followed at once; of more, the oldest is forgotten (and could only be reset)."""
_NO_OFFER = Offer()


@dataclass(slots=True)
class Entry:
    """One connection. spoken: there was more than a handshake. missed: the kernel did not list it last.

    over: the client has closed it; nobody has to go on with it. rebuilt: where client and server were when
    this kernel got it, if that was not at its beginning.
    """

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
    spoken: bool = False
    missed: bool = False
    over: bool = False
    progress: int = 0
    rebuilt: tuple[int, int] | None = None
    wanted: dict[Request, FileFacts] = field(default_factory=dict)
    """HTTP: the files of the requests that wait, as they were when they were asked for."""


class Table:
    """Of those that have spoken `limit` at most, a quarter of them for one client; a fifth more of others."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.forgotten = 0
        self._limit, self._each, self._begun_limit = limit, max(1, limit // 4), max(1, limit // 5)
        self._spoken: OrderedDict[Key, Entry] = OrderedDict()
        self._begun: OrderedDict[Key, Entry] = OrderedDict()
        self._clients: dict[IPv4Address, OrderedDict[Key, None]] = {}

    def put(self, entry: Entry) -> list[Key]:
        """Take it in as the newest; the keys that had to go for it."""
        self.pop(entry.key)
        if not entry.spoken:
            self._begun[entry.key] = entry
            return self._forget(next(iter(self._begun))) if len(self._begun) > self._begun_limit else []
        self._spoken[entry.key] = entry
        theirs = self._clients.setdefault(entry.key.client, OrderedDict())
        theirs[entry.key] = None
        if len(theirs) > self._each:
            return self._forget(next(iter(theirs)))
        return self._forget(next(iter(self._spoken))) if len(self._spoken) > self._limit else []

    def get(self, key: Key) -> Entry | None:
        return self._spoken.get(key) or self._begun.get(key)

    def pop(self, key: Key) -> Entry | None:
        entry = self._spoken.pop(key, None)
        if entry is None:
            return self._begun.pop(key, None)
        theirs = self._clients[key.client]
        del theirs[key]
        if not theirs:
            del self._clients[key.client]
        return entry

    def __contains__(self, key: Key) -> bool:
        return key in self._spoken or key in self._begun

    def __iter__(self) -> Iterator[Key]:
        return chain(self._spoken, self._begun)

    def __len__(self) -> int:
        return len(self._spoken) + len(self._begun)

    def _forget(self, key: Key) -> list[Key]:
        self.pop(key)
        self.forgotten += 1
        return [key]


def record_of(entry: Entry) -> Record:
    """The entry as it is told to the peers. What is too long to be told makes it unknown."""
    stream = entry.client
    known = entry.known
    responses: tuple[Response, ...] = ()
    unanswered, session, said, said_end = b"", None, b"", 0
    wanted: tuple[FileFacts, ...] = ()
    if entry.http is not None:
        stream, responses = entry.http.client, tuple(entry.http.responses)
        unanswered = b"".join(one.raw for one in entry.http.pending) + entry.http.rest
        wanted = tuple(entry.wanted.get(one, UNKNOWN) for one in entry.http.pending)
        known = known and entry.http.known
        if not known:
            responses, unanswered, wanted = (), b"", ()
    elif entry.ftp is not None:
        stream, session = entry.ftp.client, entry.ftp.session
        said, said_end = entry.ftp.tail, entry.ftp.server.next_seq
        known = known and session.known and not entry.ftp.unfinished
    return Record(
        entry.key, entry.kind, entry.client_start, entry.server_start or 0,
        stream.next_seq if stream is not None else entry.client_start,
        entry.client_offer, entry.server_offer, server_closed=entry.server_closed,
        known=known and stream is not None, server_seen=entry.server_start is not None,
        progress=entry.progress, responses=responses, unanswered=unanswered, wanted=wanted,
        session=session, said=said, said_end=said_end, control=entry.control,
    )


def resume(entry: Entry, record: Record) -> None:
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
        entry.wanted = dict(zip(entry.http.pending, record.wanted, strict=False))
    elif record.kind is Kind.FTP_CONTROL and record.session is not None:
        entry.ftp = FtpTracker.resumed(client, Stream(record.said_end), record.session, record.said)
