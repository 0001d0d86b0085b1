"""Tracks the install services' connections on this server's virtual addresses: segments in, records out.

Owns the tracked state; the table and its bounds are connection_table.py's. A segment costs the same however
many connections there are. Only handshakes, ends, client data and the beginnings of responses are captured
(the packet socket's filter excludes bulk data).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from heapq import nlargest
from ipaddress import IPv4Address

from .connection_table import CONNECTION_LIMIT, Connection, ConnectionTable, record_of, restore_trackers
from .file_snapshot import FileSnapshots
from .protocols.ftp import Channel, FtpTracker, ListingFormat, Session, Transfer
from .protocols.http import HttpTracker
from .protocols.vsftpd_texts import DIALECT, is_known_reply
from .record import ConnectionKey, ConnectionKind, ConnectionRecord, FileFacts, SynOptions
from .tcp import seq as sequence
from .tcp.reassembly import Reassembler
from .tcp.segment import ACK, FIN, RST, SYN, Segment

FTP_PORT = 21
HTTP_PORT = 80
EARLY_SEGMENTS = 256
"""Of connections that are not known (yet): so many are kept."""
PROGRESS_STEP = 1 << 20
"""A client that has acknowledged so much more is told of again. A firewall that follows sequence numbers lets
a TCP probe pass when its numbers are at most a window old."""
PROGRESS_TOLD_AT_ONCE = 64
"""At most so many of these for one list of the kernel's, those that got farthest first."""
PENDING_REQUESTS_LIMIT = 16 << 20
"""Bytes of all pending requests; beyond that, the connections with the most are given up."""
DEFAULT_OFFER = SynOptions(mss=1460, window_scale=7, sack=True, timestamps=True)
"""Of Linux on Ethernet."""


class ConnectionTracker:
    """Follows the connections to `addresses`, which its owner sets to those held here."""

    def __init__(self, file_facts: Callable[[bytes], FileFacts | None], limit: int = CONNECTION_LIMIT, *,
                 listing_facts: Callable[[bytes, ListingFormat], FileFacts | None] = lambda *_: None,
                 web_listing_facts: Callable[[bytes], FileFacts | None] = lambda _path: None,
                 offer: SynOptions = DEFAULT_OFFER) -> None:
        """file_facts, listing_facts, web_listing_facts: see file_snapshot.py.

        offer: what this server offers to a client that offers every option, until a SYN of its own was seen.
        """
        self._snapshots = FileSnapshots(file_facts, listing_facts, web_listing_facts)
        self._dialects: dict[ConnectionKind, str] = {}
        self.addresses: set[IPv4Address] = set()
        self._limit = limit
        self._table = ConnectionTable(limit)
        self._expected: OrderedDict[tuple[IPv4Address, IPv4Address, int, bool], ConnectionKey] = OrderedDict()
        self._offer = offer
        self._urgent_changes: dict[ConnectionKey, None] = {}
        self._other_changes: dict[ConnectionKey, None] = {}
        """Changes without data (handshakes, as in a SYN flood; ends): reported after the urgent ones."""
        self._early: deque[Segment] = deque(maxlen=EARLY_SEGMENTS)
        """What clients said on connections that are not known: perhaps they are about to be taken over, and
        the input hold delivers it when they are."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when a change was made by something other than a segment."""

    @property
    def evicted(self) -> int:
        """Count of connections evicted because there were too many."""
        return self._table.evicted

    # In -----------------------------------------------------------------------------------------

    def segment(self, one: Segment) -> None:
        """Process a captured segment of either direction."""
        if one.target in self.addresses:
            self._from_client(ConnectionKey.of_client(one), one)
        elif one.source in self.addresses:
            self._from_server(ConnectionKey(one.target, one.target_port, one.source, one.source_port), one)

    def seed(self, record: ConnectionRecord, origin: tuple[int, int] | None = None) -> None:
        """Track a connection that was taken over from another server; origin: see sequence_origin()."""
        entry = Connection(
            record.key,
            record.kind,
            record.client_start,
            record.server_start,
            record.client_syn_options,
            record.server_syn_options,
            Reassembler(record.client_next),
            control_key=record.control_key,
            server_closed=record.server_closed,
            understood=record.understood,
            acked_bytes=record.acked_bytes,
            rebuilt_at=origin,
            opened_by_server=record.opened_by_server,
        )
        restore_trackers(entry, record)
        if origin is not None and not record.server_closed:
            entry.acked_bytes = max(0, sequence.unwrap(record.server_start, origin[1], record.acked_bytes))
            entry.acked_before = entry.acked_bytes
        elif origin is None and record.opened_by_server:
            entry.acked_before = -1
        entry.has_data = True
        self._put(entry)
        self._expect_data_connection(entry)
        for one in [one for one in self._early if ConnectionKey.of_client(one) == record.key]:
            self._early.remove(one)
            self._from_client(record.key, one)
        self.on_change()

    def passive_port_agreed(self, control: ConnectionKey, port: int) -> None:
        """Expect a data connection of a session that is about to be seeded: its client may be faster."""
        self._expect((control.client, control.server, port, False), control)

    def passive_port_learned(self, control: ConnectionKey, port: int) -> None:
        """Set the passive port of a session that was, or will be, seeded without it."""
        self.passive_port_agreed(control, port)
        entry = self._table.get(control)
        if entry is not None and entry.ftp is not None:
            entry.ftp.session = replace(entry.ftp.session, channel=Channel.PASSIVE, data_port=port)
            self._expect_data_connection(entry)
            self._mark_changed(control)
            self.on_change()

    def drop(self, key: ConnectionKey) -> None:
        """Remove a connection that is over."""
        if self._table.pop(key) is not None:
            self._mark_changed(key, urgent=False)

    def release(self, address: IPv4Address) -> list[ConnectionKey]:
        """Remove all connections of a released address; they are not reported as changes."""
        gone = [key for key in self._table if key.server == address]
        for key in gone:
            self._table.pop(key)
            self._urgent_changes.pop(key, None)
            self._other_changes.pop(key, None)
        return gone

    def reconcile(self, kernel_list: Mapping[ConnectionKey, int]) -> None:
        """Compare with the kernel's own list: remove what is gone, add what was never seen to begin.

        The latter can only be reset, but for that a peer must know of it. A connection missing once may have
        begun just now; one missing twice is gone. kernel_list: bytes that the client has acknowledged, by
        connection, as this kernel counts them; less than 0: it is in its handshake, which takes several
        seconds when packets are lost, or the client has all and has yet to close.
        """
        for key in [key for key in self._table if key not in kernel_list]:
            entry = self._table.get(key)
            if entry is not None and entry.missing_in_kernel:
                self.drop(key)
            elif entry is not None:
                entry.missing_in_kernel = True
        for key in [key for key, acked in kernel_list.items() if acked >= 0]:
            # Connections of this server to its own address (takeover to HTTP service) are no client's.
            if key not in self._table and key.server in self.addresses and key.client not in self.addresses:
                kind = _kind_of_port(key.server_port) or ConnectionKind.FTP_DATA
                self._put(Connection(key, kind, server_start=0, understood=False, has_data=True))
        for key, acked in kernel_list.items():
            entry = self._table.get(key)
            if entry is not None and not entry.closed_by_client:
                entry.missing_in_kernel = False
                if acked >= 0 and not entry.has_data:  # established: a flood of SYNs does not drive it out
                    entry.has_data = True
                    self._put(entry)
        self.note_progress(kernel_list, PROGRESS_STEP, PROGRESS_TOLD_AT_ONCE)
        self._bound_pending_requests()

    def note_progress(
        self, kernel_list: Mapping[ConnectionKey, int], step: int = 1, limit: int = CONNECTION_LIMIT
    ) -> None:
        """Record how much clients have acknowledged: of those that got `step` bytes farther, the first
        `limit`. kernel_list: see reconcile(). Once the server has closed, acked_bytes means another thing."""
        gained: list[tuple[int, Connection]] = []
        for key, counted in kernel_list.items():
            entry = self._table.get(key)
            if entry is None or entry.closed_by_client or entry.server_closed or counted < 0:
                continue
            gain = entry.acked_before + counted - entry.acked_bytes
            if gain >= step:
                gained.append((gain, entry))
        for gain, entry in nlargest(limit, gained, key=lambda one: one[0]):
            entry.acked_bytes += gain
            self._mark_changed(entry.key, urgent=False)

    def _bound_pending_requests(self) -> None:
        found = [(entry.http.pending_bytes, key, entry.http) for key in self._table
                 if (entry := self._table.get(key)) is not None and entry.http is not None]
        left = sum(size for size, _key, _http in found) - PENDING_REQUESTS_LIMIT
        for size, key, http in sorted(found, key=lambda one: -one[0]) if left > 0 else ():
            http.give_up()
            self._mark_changed(key)
            left -= size
            if left <= 0:
                break

    def server_sent(self, key: ConnectionKey, seq: int, data: bytes) -> None:
        """Record HTTP data from `seq` on that the dead server has sent, or may have: ours is the same."""
        entry = self._table.get(key)
        if entry is not None and entry.http is not None and data:
            entry.http.from_server(seq, data, entry.requested_files)
            self._snapshots.update(entry)
            self._mark_changed(key)
            self.on_change()

    # Out ----------------------------------------------------------------------------------------

    def changes(self, limit: int | None = None) -> list[tuple[ConnectionKey, ConnectionRecord | None]]:
        """What changed since the last call, the urgent ones first; None: the connection is over."""
        found: list[tuple[ConnectionKey, ConnectionRecord | None]] = []
        for waiting in (self._urgent_changes, self._other_changes):
            while waiting and (limit is None or len(found) < limit):
                key = next(iter(waiting))
                del waiting[key]
                found.append((key, self.record(key)))
        return found

    def is_waiting(self, key: ConnectionKey) -> bool:
        """Whether the connection's latest change is not reported yet."""
        return key in self._urgent_changes or key in self._other_changes

    def hurry(self, key: ConnectionKey) -> None:
        """The client waits until the connection's latest change is known to the peers."""
        if key in self._other_changes:
            self._mark_changed(key)

    @property
    def urgent(self) -> int:
        """How many changes are not reported yet whose loss would cost a client its connection."""
        return len(self._urgent_changes)

    @property
    def waiting(self) -> int:
        """How many changes are not reported yet."""
        return len(self._urgent_changes) + len(self._other_changes)

    def counts(self) -> dict[ConnectionKind, int]:
        """How many connections of each kind are tracked."""
        found = dict.fromkeys(ConnectionKind, 0)
        for key in self._table:
            entry = self._table.get(key)
            if entry is not None and entry.server_start is not None and not entry.closed_by_client:
                found[entry.kind] += 1
        return found

    def sequence_origin(self, key: ConnectionKey) -> tuple[int, int] | None:
        """Sequence numbers of client and server from which this kernel counts the connection's bytes."""
        entry = self._table.get(key)
        if entry is None or entry.server_start is None:
            return None
        return entry.rebuilt_at or (entry.client_start, sequence.add(entry.server_start, entry.acked_before))

    def record(self, key: ConnectionKey) -> ConnectionRecord | None:
        entry = self._table.get(key)
        if entry is None or entry.closed_by_client:
            return None
        # A session that was taken over is led by the takeover process, whatever the image here is.
        is_ours = entry.kind is ConnectionKind.FTP_CONTROL and entry.rebuilt_at is not None
        return record_of(entry, DIALECT if is_ours else self._dialects.get(entry.kind))

    def set_dialects(self, dialects: Mapping[ConnectionKind, str]) -> None:
        """What the services here speak, as their images say."""
        if dialects != self._dialects:
            self._dialects = dict(dialects)
            for key in self._table:
                self._mark_changed(key)
            self.on_change()

    def records(self) -> Iterable[ConnectionRecord]:
        for key in self._table:
            record = self.record(key)
            if record is not None:
                yield record

    def __contains__(self, key: ConnectionKey) -> bool:
        return key in self._table

    def __len__(self) -> int:
        return len(self._table)

    # Inside -------------------------------------------------------------------------------------

    def _from_client(self, key: ConnectionKey, one: Segment) -> None:
        if one.flags & RST:
            self.drop(key)
            return
        if one.flags & SYN:
            self._client_syn(key, one)
            return
        entry = self._table.get(key)
        if entry is None and one.payload_bytes:
            self._early.append(one)
        if entry is None or entry.closed_by_client:
            return
        if entry.client_stream is not None and one.payload_bytes:
            if entry.http is not None:
                entry.http.acknowledged(one.ack)
                entry.http.from_client(one.seq, one.payload, one.payload_bytes)
            elif entry.ftp is not None:
                entry.ftp.from_client(one.seq, one.payload, one.payload_bytes)
            self._snapshots.update(entry)
            self._mark_active(entry)
        if one.flags & FIN:
            # Kept, as the kernel still lists it for a moment: reconcile() must not add it as unseen.
            entry.closed_by_client = True
            self._mark_changed(key, urgent=False)
            self._data_closed_by_client(entry)

    def _data_closed_by_client(self, connection: Connection) -> None:
        """Record in the control session that the client has closed the data connection."""
        self._update_transfer(connection, lambda _session, transfer: replace(transfer, closed_by_client=True))

    def _data_sent(self, connection: Connection, one: Segment) -> None:
        """The server has sent its FIN: record how many bytes it has sent."""
        if connection.server_start is None:
            return
        size = sequence.unwrap(connection.server_start, one.next_seq, connection.acked_bytes) - 1
        connection.acked_bytes = max(connection.acked_bytes, size)
        if connection.kind is ConnectionKind.FTP_DATA and not connection.closed_by_client:
            self._update_transfer(
                connection, lambda session, transfer: self._snapshots.transfer_ended(session, transfer, size)
            )

    def _update_transfer(
        self, connection: Connection, change: Callable[[Session, Transfer], Transfer]
    ) -> None:
        """Change the transfer in the control session that a data connection belongs to."""
        entry = self._table.get(connection.control_key) if connection.control_key is not None else None
        session = entry.ftp.session if entry is not None and entry.ftp is not None else None
        if entry is None or entry.ftp is None or session is None or session.transfer is None:
            return
        entry.ftp.session = replace(session, transfer=change(session, session.transfer))
        self._mark_changed(entry.key)

    def _client_syn(self, key: ConnectionKey, one: Segment) -> None:
        start = sequence.add(one.seq, 1)
        if one.flags & ACK:  # the client accepts a data connection that the server opens (active mode)
            entry = self._table.get(key)
            if entry is not None:
                entry.client_start, entry.client_syn_options = start, SynOptions.of(one.options)
                entry.client_stream = Reassembler(start)
                self._mark_changed(key)
            return
        kind = _kind_of_port(key.server_port)
        control: ConnectionKey | None = None
        if kind is None:
            control = self._expected.get((key.client, key.server, key.server_port, False))
            if control is None:
                return
            kind = ConnectionKind.FTP_DATA
        old = self._table.get(key)
        if old is not None and old.client_start == start and old.understood:  # a retransmitted SYN
            options = SynOptions.of(one.options)
            if old.server_start is None and options != old.client_syn_options:
                old.client_syn_options = options  # a client may offer less when nobody answers
                self._mark_changed(key, urgent=old.has_data)
            return
        self._put(
            Connection(
                key,
                kind,
                start,
                client_syn_options=SynOptions.of(one.options),
                server_syn_options=self._offer,
                client_stream=Reassembler(start),
                control_key=control,
                has_data=kind is ConnectionKind.FTP_DATA,
            )
        )

    def _from_server(self, key: ConnectionKey, one: Segment) -> None:
        if one.flags & RST:
            self.drop(key)
            return
        if one.flags & SYN:
            self._server_syn(key, one)
            return
        entry = self._table.get(key)
        if entry is None:
            return
        if one.payload_bytes:
            if entry.http is not None:
                entry.http.from_server(one.seq, one.payload, entry.requested_files)
            elif entry.ftp is not None:
                entry.ftp.from_server(one.seq, one.payload, one.payload_bytes)
                self._expect_data_connection(entry)
            self._snapshots.update(entry)
            self._mark_active(entry)
        if one.flags & FIN and not entry.server_closed:
            entry.server_closed = True
            self._data_sent(entry, one)
            self._mark_changed(key)

    def _server_syn(self, key: ConnectionKey, one: Segment) -> None:
        start = sequence.add(one.seq, 1)
        entry = self._table.get(key)
        if not one.flags & ACK:
            control = self._expected.get((key.client, key.server, key.client_port, True))
            if control is None or (entry is not None and entry.server_start == start):
                return
            entry = Connection(key, ConnectionKind.FTP_DATA, control_key=control, has_data=True,
                               opened_by_server=True, acked_before=-1)
            self._put(entry)
        if entry is None or (entry.server_start is not None and entry.server_start == start):
            return
        entry.server_start, entry.server_syn_options = start, SynOptions.of(one.options)
        self._learn_offer(entry.client_syn_options, entry.server_syn_options)
        if entry.kind is ConnectionKind.HTTP:
            entry.http = HttpTracker(Reassembler(entry.client_start), start)
        elif entry.kind is ConnectionKind.FTP_CONTROL:
            entry.ftp = FtpTracker(Reassembler(entry.client_start), Reassembler(start),
                                   is_known_reply=is_known_reply)
        self._mark_changed(key, urgent=entry.has_data)

    def _learn_offer(self, client: SynOptions, server: SynOptions) -> None:
        """From a SYN of this server's: it answers only what the client has offered (RFC 7323 section 1.3)."""
        offer = replace(self._offer, mss=server.mss)
        if client.window_scale >= 0:
            # Of several services' the largest: then we tell a window that is too small, not one too large.
            largest = max(server.window_scale, offer.window_scale)
            offer = replace(offer, window_scale=largest if server.window_scale >= 0 else -1)
        if client.sack:
            offer = replace(offer, sack=server.sack)
        if client.timestamps:
            offer = replace(offer, timestamps=server.timestamps)
        self._offer = offer

    def _expect_data_connection(self, connection: Connection) -> None:
        """Expect the data connection that this session has negotiated."""
        session = connection.ftp.session if connection.ftp is not None else None
        if session is None or session.channel is Channel.NONE:
            return
        active = session.channel is Channel.ACTIVE
        self._expect((connection.key.client, connection.key.server, session.data_port, active),
                     connection.key)

    def _expect(self, place: tuple[IPv4Address, IPv4Address, int, bool], control: ConnectionKey) -> None:
        self._expected.pop(place, None)
        self._expected[place] = control
        while len(self._expected) > self._limit:
            self._expected.popitem(last=False)

    def _mark_active(self, connection: Connection) -> None:
        """Data was sent, so this is a real client: move the connection out of the handshake table."""
        if not connection.has_data:
            connection.has_data = True
            self._put(connection)
        self._mark_changed(connection.key)

    def _mark_changed(self, key: ConnectionKey, *, urgent: bool = True) -> None:
        if urgent:
            self._other_changes.pop(key, None)
            self._urgent_changes[key] = None
        elif key not in self._urgent_changes:
            self._other_changes[key] = None

    def _put(self, connection: Connection) -> None:
        for key in self._table.put(connection):
            self._mark_changed(key, urgent=False)
        self._mark_changed(connection.key, urgent=connection.has_data)


def _kind_of_port(port: int) -> ConnectionKind | None:
    return {FTP_PORT: ConnectionKind.FTP_CONTROL, HTTP_PORT: ConnectionKind.HTTP}.get(port)
