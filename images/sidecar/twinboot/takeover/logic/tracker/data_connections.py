"""FTP data connections: which ones the tracked sessions have agreed upon, and what the end of one says about
its session's transfer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address

from ..protocols.ftp import Channel, Session, Transfer
from ..record import ConnectionKey, ConnectionKind
from ..tcp import seq as sequence
from ..tcp.segment import Segment
from .changes import PendingChanges
from .connection_table import Connection, ConnectionTable
from .file_snapshot import FileSnapshots


class DataConnections:
    """limit: so many are expected at most, the newest."""

    def __init__(self, table: ConnectionTable, changes: PendingChanges, snapshots: FileSnapshots,
                 limit: int) -> None:
        self._table, self._changes, self._snapshots, self._limit = table, changes, snapshots, limit
        self._expected: OrderedDict[tuple[IPv4Address, IPv4Address, int, bool], ConnectionKey] = OrderedDict()
        """(client, server, port, active) -> the control connection."""

    def expect_passive(self, control: ConnectionKey, port: int) -> None:
        """The client will connect to the port."""
        self._expect((control.client, control.server, port, False), control)

    def expect_agreed(self, connection: Connection) -> None:
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

    def control_of_passive(self, key: ConnectionKey) -> ConnectionKey | None:
        """The control connection of a connection that the client opens; None: it is not expected."""
        return self._expected.get((key.client, key.server, key.server_port, False))

    def control_of_active(self, key: ConnectionKey) -> ConnectionKey | None:
        """The control connection of a connection that the server opens; None: it is not expected."""
        return self._expected.get((key.client, key.server, key.client_port, True))

    def passive_port_learned(self, connection: Connection, port: int) -> None:
        """Set the passive port of a session that was seeded without it."""
        if connection.ftp is None:
            return
        connection.ftp.session = replace(connection.ftp.session, channel=Channel.PASSIVE, data_port=port)
        self.expect_agreed(connection)
        self._changes.mark(connection.key)

    def closed_by_client(self, connection: Connection) -> None:
        """Record in the control session that the client has closed the data connection."""
        self._update_transfer(connection, lambda _session, transfer: replace(transfer, closed_by_client=True))

    def closed_by_server(self, connection: Connection, one: Segment) -> None:
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
        self._changes.mark(entry.key)
