"""The tracked connections of this server, bounded in total, per client, and for handshakes.

Connections that have only begun a handshake (for example a SYN flood with forged sources) are kept in a table
of their own, until something was said or the kernel lists them as established. One address may be that of
many machines (NAT), so it may have the whole main table while nobody else needs it; when the table is full,
the oldest connections of the address go that has more than a quarter. So neither evicts the connections of
other clients.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import chain

from ..protocols.ftp import FtpTracker
from ..protocols.http import RESPONSES_KEPT, HttpTracker
from ..protocols.http_heads import Request, Response
from ..protocols.vsftpd_texts import is_known_reply
from ..record import UNKNOWN_FACTS, ConnectionKey, ConnectionKind, ConnectionRecord, FileFacts, SynOptions
from ..tcp import seq as sequence
from ..tcp.reassembly import Reassembler

CONNECTION_LIMIT = 5000
"""Connections tracked at once; beyond that the oldest is evicted (and could only be reset)."""
RECORDS_LIMIT = 2 * CONNECTION_LIMIT
"""Records of one server: of these, and of as many handshakes."""
_NO_SYN_OPTIONS = SynOptions()


@dataclass(slots=True)
class Connection:
    """One tracked connection. has_data: there was more than a handshake, or its handshake is complete.

    missing_in_kernel: the kernel's last list of connections did not contain it.
    closed_by_client: the client has sent its FIN; it need not be taken over.
    rebuilt_at: sequence numbers of client and server at which this kernel got a taken-over connection.
    opened_by_server: the server sent the first SYN (FTP's active mode).
    acked_before: bytes acknowledged before this kernel began to count (-1: it counts its own SYN, too).
    """

    key: ConnectionKey
    kind: ConnectionKind
    client_start: int = 0
    server_start: int | None = None
    client_syn_options: SynOptions = _NO_SYN_OPTIONS
    server_syn_options: SynOptions = _NO_SYN_OPTIONS
    client_stream: Reassembler | None = None
    ftp: FtpTracker | None = None
    http: HttpTracker | None = None
    control_key: ConnectionKey | None = None
    server_closed: bool = False
    understood: bool = True
    has_data: bool = False
    missing_in_kernel: bool = False
    closed_by_client: bool = False
    acked_bytes: int = 0
    rebuilt_at: tuple[int, int] | None = None
    opened_by_server: bool = False
    acked_before: int = 0
    requested_files: dict[Request, FileFacts] = field(default_factory=dict)
    """HTTP: the files of the pending requests, as they were when requested."""


class ConnectionTable:
    """At most `limit` connections, plus as many handshakes: a crowd may connect before any of it speaks."""

    def __init__(self, limit: int = CONNECTION_LIMIT) -> None:
        self.evicted = 0
        self._limit, self._share = limit, max(1, limit // 4)
        self._active: OrderedDict[ConnectionKey, Connection] = OrderedDict()
        self._handshaking: OrderedDict[ConnectionKey, Connection] = OrderedDict()
        self._by_client: dict[IPv4Address, OrderedDict[ConnectionKey, None]] = {}
        self._large: set[IPv4Address] = set()
        """Clients with more than a quarter of the table: three at most."""

    def put(self, connection: Connection) -> list[ConnectionKey]:
        """Add the connection as the newest; return the keys that were evicted for it."""
        self.pop(connection.key)
        if not connection.has_data:
            self._handshaking[connection.key] = connection
            return (
                self._evict(next(iter(self._handshaking)))
                if len(self._handshaking) > self._limit
                else []
            )
        self._active[connection.key] = connection
        theirs = self._by_client.setdefault(connection.key.client, OrderedDict())
        theirs[connection.key] = None
        if len(theirs) > self._share:
            self._large.add(connection.key.client)
        if len(self._active) <= self._limit:
            return []
        largest = max(self._large, key=lambda one: len(self._by_client[one]), default=None)
        return self._evict(next(iter(self._active if largest is None else self._by_client[largest])))

    @property
    def full(self) -> bool:
        """One more connection would be one too many; handshakes are counted apart."""
        return len(self._active) >= self._limit

    def get(self, key: ConnectionKey) -> Connection | None:
        return self._active.get(key) or self._handshaking.get(key)

    def pop(self, key: ConnectionKey) -> Connection | None:
        entry = self._active.pop(key, None)
        if entry is None:
            return self._handshaking.pop(key, None)
        theirs = self._by_client[key.client]
        del theirs[key]
        if len(theirs) <= self._share:
            self._large.discard(key.client)
        if not theirs:
            del self._by_client[key.client]
        return entry

    def __contains__(self, key: ConnectionKey) -> bool:
        return key in self._active or key in self._handshaking

    def __iter__(self) -> Iterator[ConnectionKey]:
        return chain(self._active, self._handshaking)

    def __len__(self) -> int:
        return len(self._active) + len(self._handshaking)

    def _evict(self, key: ConnectionKey) -> list[ConnectionKey]:
        self.pop(key)
        self.evicted += 1
        return [key]


def record_of(connection: Connection, dialect: str | None = None) -> ConnectionRecord:
    """The record of the connection for the peers; `understood` only if its trackers understood all of it."""
    stream = connection.client_stream
    known = connection.understood
    responses: tuple[Response, ...] = ()
    unanswered, session, said, reply_tail_end = b"", None, b"", 0
    wanted: tuple[FileFacts, ...] = ()
    if connection.http is not None:
        stream, responses = connection.http.client_stream, tuple(connection.http.responses)
        unanswered = b"".join(one.raw for one in connection.http.pending) + connection.http.partial_request
        wanted = tuple(connection.requested_files.get(one, UNKNOWN_FACTS) for one in connection.http.pending)
        known = known and connection.http.understood
        if not known:
            responses, unanswered, wanted = (), b"", ()
    elif connection.ftp is not None:
        stream, session = connection.ftp.client_stream, connection.ftp.session
        said, reply_tail_end = connection.ftp.reply_tail, connection.ftp.server_stream.next_seq
        known = known and session.understood and not connection.ftp.has_partial_command
    return ConnectionRecord(
        connection.key,
        connection.kind,
        connection.client_start,
        connection.server_start or 0,
        stream.next_seq if stream is not None else connection.client_start,
        connection.client_syn_options,
        connection.server_syn_options,
        server_closed=connection.server_closed,
        understood=known and stream is not None,
        server_start_known=connection.server_start is not None,
        acked_bytes=connection.acked_bytes,
        dialect=dialect,
        responses=responses,
        unanswered=unanswered,
        requested_files=wanted,
        session=session,
        reply_tail=said,
        reply_tail_end=reply_tail_end,
        control_key=connection.control_key,
        opened_by_server=connection.opened_by_server,
    )


def restore_trackers(connection: Connection, record: ConnectionRecord) -> None:
    """Set the connection's protocol trackers to the state in a record."""
    if not record.understood:
        return
    client = Reassembler(record.client_next)
    if record.kind is ConnectionKind.HTTP:
        client = Reassembler(sequence.add(record.client_next, -len(record.unanswered)))
        last = record.responses[-1] if record.responses else None
        head = 0 if last is None else last.end if last.length >= 0 else None
        connection.http = HttpTracker(client, record.server_start, head,
                                 deque(record.responses, maxlen=RESPONSES_KEPT))
        connection.http.from_client(client.next_seq, record.unanswered, len(record.unanswered))
        connection.requested_files = dict(zip(connection.http.pending, record.requested_files, strict=False))
    elif record.kind is ConnectionKind.FTP_CONTROL and record.session is not None:
        connection.ftp = FtpTracker.restored(
            client, Reassembler(record.reply_tail_end), record.session, record.reply_tail, is_known_reply
        )
