"""Tracks the install services' connections on this server's virtual addresses: segments in, records out.

Owns what a segment does to the tracked state. A segment costs the same however
many connections there are. Only handshakes, ends, client data and the beginnings of responses are captured
(the packet socket's filter excludes bulk data).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address

from ..protocols.ftp import ListingFormat
from ..protocols.vsftpd_texts import DIALECT
from ..record import ConnectionKey, ConnectionKind, ConnectionRecord, FileFacts, SynOptions
from ..tcp import seq as sequence
from ..tcp.reassembly import Reassembler
from ..tcp.segment import FIN, RST, SYN, Segment
from .changes import PendingChanges, mark_active, put
from .connection_table import CONNECTION_LIMIT, Connection, ConnectionTable, record_of, restore_trackers
from .data_connections import DataConnections
from .file_snapshot import FileSnapshots
from .handshake import DEFAULT_OFFER, Handshakes
from .kernel_list import PROGRESS_STEP, PROGRESS_TOLD_AT_ONCE, KernelComparison

EARLY_SEGMENTS = 256
"""Segments kept of connections that are not known (yet)."""
PENDING_REQUESTS_LIMIT = 16 << 20
"""Bytes of all pending requests; beyond that, the connections with the most are given up."""


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
        self._table, self._changes = ConnectionTable(limit), PendingChanges()
        self._data = DataConnections(self._table, self._changes, self._snapshots, limit)
        self._handshakes = Handshakes(self._table, self._changes, self._data, offer)
        self._kernel = KernelComparison(self._table, self._changes)
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
        self._snapshots.answer_here(entry)
        if origin is not None and not record.server_closed:
            entry.acked_bytes = max(0, sequence.unwrap(record.server_start, origin[1], record.acked_bytes))
            entry.acked_before = entry.acked_bytes
        elif origin is None and record.opened_by_server:
            entry.acked_before = -1
        entry.has_data = True
        put(self._table, self._changes, entry)
        self._data.expect_agreed(entry)
        for one in [one for one in self._early if ConnectionKey.of_client(one) == record.key]:
            self._early.remove(one)
            self._from_client(record.key, one)
        self.on_change()

    def passive_port_agreed(self, control: ConnectionKey, port: int) -> None:
        """Expect a data connection of a session that is about to be seeded: its client may be faster."""
        self._data.expect_passive(control, port)

    def passive_port_learned(self, control: ConnectionKey, port: int) -> None:
        """Set the passive port of a session that was, or will be, seeded without it."""
        self.passive_port_agreed(control, port)
        entry = self._table.get(control)
        if entry is not None and entry.ftp is not None:
            self._data.passive_port_learned(entry, port)
            self.on_change()

    def drop(self, key: ConnectionKey) -> None:
        """Remove a connection that is over."""
        if self._table.pop(key) is not None:
            self._changes.mark(key, urgent=False)

    def release(self, address: IPv4Address) -> list[ConnectionKey]:
        """Remove all connections of a released address; they are not reported as changes."""
        gone = [key for key in self._table if key.server == address]
        for key in gone:
            self._table.pop(key)
            self._changes.forget(key)
        return gone

    def reconcile(self, kernel_list: Mapping[ConnectionKey, int]) -> None:
        """Compare with the kernel's own list: remove what is gone, add what was never seen to begin."""
        self._kernel.drop_gone(kernel_list)
        self._kernel.add_unseen(kernel_list, self.addresses)
        self._kernel.note_present(kernel_list)
        self._kernel.note_progress(kernel_list, PROGRESS_STEP, PROGRESS_TOLD_AT_ONCE)
        self._bound_pending_requests()

    def note_progress(self, kernel_list: Mapping[ConnectionKey, int]) -> None:
        """Record how much each client has acknowledged."""
        self._kernel.note_progress(kernel_list)

    def _bound_pending_requests(self) -> None:
        found = [(entry.http.pending_bytes, key, entry.http) for key in self._table
                 if (entry := self._table.get(key)) is not None and entry.http is not None]
        left = sum(size for size, _key, _http in found) - PENDING_REQUESTS_LIMIT
        for size, key, http in sorted(found, key=lambda one: -one[0]) if left > 0 else ():
            http.give_up()
            self._changes.mark(key)
            left -= size
            if left <= 0:
                break

    def server_sent(self, key: ConnectionKey, seq: int, data: bytes) -> None:
        """Record HTTP data from `seq` on that the dead server has sent, or may have: ours is the same."""
        entry = self._table.get(key)
        if entry is not None and entry.http is not None and data:
            entry.http.from_server(seq, data, entry.requested_files)
            self._snapshots.update(entry)
            self._changes.mark(key)
            self.on_change()

    # Out ----------------------------------------------------------------------------------------

    def changes(self, limit: int | None = None) -> list[tuple[ConnectionKey, ConnectionRecord | None]]:
        """What changed since the last call, the urgent ones first; None: the connection is over."""
        return [(key, self.record(key)) for key in self._changes.take(limit)]

    def is_waiting(self, key: ConnectionKey) -> bool:
        """Whether the connection's latest change is not reported yet."""
        return key in self._changes

    def hurry(self, key: ConnectionKey) -> None:
        """The client waits until the connection's latest change is known to the peers."""
        self._changes.hurry(key)

    @property
    def urgent(self) -> int:
        """How many changes are not reported yet whose loss would cost a client its connection."""
        return self._changes.urgent

    @property
    def waiting(self) -> int:
        """How many changes are not reported yet."""
        return len(self._changes)

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
        """Takes the dialects of the services here, as their images name them."""
        if dialects != self._dialects:
            self._dialects = dict(dialects)
            for key in self._table:
                self._changes.mark(key)
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
            self._handshakes.client_syn(key, one)
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
            mark_active(self._table, self._changes, entry)
        if one.flags & FIN:
            # Kept, as the kernel still lists it for a moment: reconcile() must not add it as unseen.
            entry.closed_by_client = True
            self._changes.mark(key, urgent=False)
            self._data.closed_by_client(entry)

    def _from_server(self, key: ConnectionKey, one: Segment) -> None:
        if one.flags & RST:
            self.drop(key)
            return
        if one.flags & SYN:
            self._handshakes.server_syn(key, one)
            return
        entry = self._table.get(key)
        if entry is None:
            return
        if one.payload_bytes:
            if entry.http is not None:
                entry.http.from_server(one.seq, one.payload, entry.requested_files)
            elif entry.ftp is not None:
                entry.ftp.from_server(one.seq, one.payload, one.payload_bytes)
                self._data.expect_agreed(entry)
            self._snapshots.update(entry)
            mark_active(self._table, self._changes, entry)
        if one.flags & FIN and not entry.server_closed:
            entry.server_closed = True
            self._data.closed_by_server(entry, one)
            self._changes.mark(key)
