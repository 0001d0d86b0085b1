"""Handshakes: a SYN of either side begins a tracked connection, or completes what is known of it."""

from __future__ import annotations

from dataclasses import replace

from ..protocols.ftp import FtpTracker
from ..protocols.http import HttpTracker
from ..protocols.vsftpd_texts import is_known_reply
from ..record import ConnectionKey, ConnectionKind, SynOptions
from ..tcp import seq as sequence
from ..tcp.reassembly import Reassembler
from ..tcp.segment import ACK, Segment
from .changes import PendingChanges, put
from .connection_table import Connection, ConnectionTable
from .data_connections import DataConnections

FTP_PORT = 21
HTTP_PORT = 80
DEFAULT_OFFER = SynOptions(mss=1460, window_scale=7, sack=True, timestamps=True)
"""What Linux offers on Ethernet."""


def kind_of_port(port: int) -> ConnectionKind | None:
    """By the server's port; None: a data connection, or none of ours."""
    return {FTP_PORT: ConnectionKind.FTP_CONTROL, HTTP_PORT: ConnectionKind.HTTP}.get(port)


class Handshakes:
    """offer: what this server offers to a client that offers all, until a SYN of its own was seen."""

    def __init__(self, table: ConnectionTable, changes: PendingChanges, data: DataConnections,
                 offer: SynOptions) -> None:
        self._table, self._changes, self._data, self._offer = table, changes, data, offer

    def client_syn(self, key: ConnectionKey, one: Segment) -> None:
        start = sequence.add(one.seq, 1)
        if one.flags & ACK:  # the client accepts a data connection that the server opens (active mode)
            entry = self._table.get(key)
            if entry is not None:
                entry.client_start, entry.client_syn_options = start, SynOptions.of(one.options)
                entry.client_stream = Reassembler(start)
                self._changes.mark(key)
            return
        kind = kind_of_port(key.server_port)
        control: ConnectionKey | None = None
        if kind is None:
            control = self._data.control_of_passive(key)
            if control is None:
                return
            kind = ConnectionKind.FTP_DATA
        old = self._table.get(key)
        if old is not None and old.client_start == start and old.understood:  # a retransmitted SYN
            options = SynOptions.of(one.options)
            if old.server_start is None and options != old.client_syn_options:
                old.client_syn_options = options  # a client may offer less when nobody answers
                self._changes.mark(key, urgent=old.has_data)
            return
        put(self._table, self._changes, Connection(
            key,
            kind,
            start,
            client_syn_options=SynOptions.of(one.options),
            server_syn_options=self._offer,
            client_stream=Reassembler(start),
            control_key=control,
            has_data=kind is ConnectionKind.FTP_DATA,
        ))

    def server_syn(self, key: ConnectionKey, one: Segment) -> None:
        start = sequence.add(one.seq, 1)
        entry = self._table.get(key)
        if not one.flags & ACK:
            control = self._data.control_of_active(key)
            if control is None or (entry is not None and entry.server_start == start):
                return
            entry = Connection(key, ConnectionKind.FTP_DATA, control_key=control, has_data=True,
                               opened_by_server=True, acked_before=-1)
            put(self._table, self._changes, entry)
        if entry is None or (entry.server_start is not None and entry.server_start == start):
            return
        entry.server_start, entry.server_syn_options = start, SynOptions.of(one.options)
        self._learn_offer(entry.client_syn_options, entry.server_syn_options)
        if entry.kind is ConnectionKind.HTTP:
            entry.http = HttpTracker(Reassembler(entry.client_start), start)
        elif entry.kind is ConnectionKind.FTP_CONTROL:
            entry.ftp = FtpTracker(Reassembler(entry.client_start), Reassembler(start),
                                   is_known_reply=is_known_reply)
        self._changes.mark(key, urgent=entry.has_data)

    def _learn_offer(self, client: SynOptions, server: SynOptions) -> None:
        """From a SYN of this server's: it answers only what the client has offered (RFC 7323 section 1.3)."""
        offer = replace(self._offer, mss=server.mss)
        if client.window_scale >= 0:
            # The largest of several services: a window told too small does no harm, one too large does.
            largest = max(server.window_scale, offer.window_scale)
            offer = replace(offer, window_scale=largest if server.window_scale >= 0 else -1)
        if client.sack:
            offer = replace(offer, sack=server.sack)
        if client.timestamps:
            offer = replace(offer, timestamps=server.timestamps)
        self._offer = offer
