"""A client's connection rebuilt in this kernel as another server had it.

Owns how a record and a plan become what kernel.tcp_repair takes.
"""

from __future__ import annotations

import errno
import socket

from twinboot.errors import ResourceError
from twinboot.takeover.logic.plan import Rebuild
from twinboot.takeover.logic.record import ConnectionRecord
from twinboot.takeover.logic.tcp import seq as sequence

from ...kernel.tcp_repair import RepairedConnection, open_established
from . import kernel_connections


def rebuild(
    record: ConnectionRecord, plan: Rebuild, already_sent: bytes
) -> tuple[socket.socket, tuple[int, int]]:
    """An established, non-blocking socket for the client's connection; its address must be up.

    Second: the sequence numbers of client and server from which this kernel counts its bytes.
    already_sent: the plan's first bytes, as many as the client may hold beyond a hole. ResourceError.
    """
    wanted = as_repaired(record, plan, already_sent)
    try:
        return _opened(record, wanted), (wanted.receive_next, wanted.first_sequence)
    except OSError as exc:
        raise ResourceError(f"connection of {record.key.client}:{record.key.client_port}", str(exc)) from exc


def _opened(record: ConnectionRecord, wanted: RepairedConnection) -> socket.socket:
    try:
        return open_established(wanted)
    except OSError as exc:
        if exc.errno != errno.EADDRNOTAVAIL or not kernel_connections.end_finished(record.key):
            raise
    return open_established(wanted)


def as_repaired(record: ConnectionRecord, plan: Rebuild, already_sent: bytes) -> RepairedConnection:
    """What both sides agreed upon in their SYNs, and where the client says that it is."""
    key, client, server = record.key, record.client_syn_options, record.server_syn_options
    scaled = client.window_scale >= 0 and server.window_scale >= 0
    stamps = plan.client.timestamps
    return RepairedConnection(
        local=(str(key.server), key.server_port),
        remote=(str(key.client), key.client_port),
        send_next=plan.send_next,
        receive_next=plan.receive_next,
        mss=client.mss,
        window_scales=(client.window_scale, server.window_scale) if scaled else None,
        sack=client.sack and server.sack,
        # Once agreed upon, they are in every segment (RFC 7323 section 3.2): the client's answer tells.
        # Without an echo in it, any number of ours may be older than its last, and be dropped (PAWS).
        timestamps=client.timestamps and stamps is not None,
        clock=None if stamps is None else sequence.add(stamps[1], 1),
        peer_window=plan.client.window << (client.window_scale if scaled else 0),
        already_sent=already_sent,
        fin_sent=plan.fin_sent,
        timed=bool(already_sent or plan.answers_sent),
    )
