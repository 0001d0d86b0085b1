"""A connection rebuilt in this kernel as another server had it: TCP_REPAIR (tcp(7); linux/tcp.h).

The order of the steps is the kernel's: repair mode on; queues' sequence numbers while the socket is
closed; connect() makes it established without a packet; options, time stamp and window; what the client
holds beyond a hole, as if it had been sent; repair mode off. Then the kernel itself sends again what is
not acknowledged, and asks about a closed window.
"""

from __future__ import annotations

import contextlib
import socket
import struct

from twinboot.errors import ResourceError
from twinboot.takeover.logic.plan import Rebuild
from twinboot.takeover.logic.record import ConnectionRecord
from twinboot.takeover.logic.tcp import seq as sequence

_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_TCP_REPAIR_OPTIONS, _TCP_TIMESTAMP, _TCP_REPAIR_WINDOW = 22, 24, 29
_RECEIVE_QUEUE, _SEND_QUEUE = 1, 2
_OPTION_MSS, _OPTION_WINDOW, _OPTION_SACK, _OPTION_TIMESTAMP = 2, 3, 4, 8
_OFF_WITHOUT_PROBE = -1
_SO_SNDBUFFORCE = 32
_SEND_BUFFER_BYTES = 16 << 20
_WINDOW_BYTES = 65535
"""The receive window that we tell at first; clients send little."""


def unavailable_reason() -> str:
    """Empty when this kernel lets us repair connections; else why not."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _OFF_WITHOUT_PROBE)
    except OSError as exc:
        return f"TCP_REPAIR: {exc.strerror}"
    return ""


def freeze(sock: socket.socket) -> bool:
    """Nothing leaves on it any more, not even when it is closed. False where the kernel does not let us."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
    except OSError:
        return False
    return True


def rebuild(record: ConnectionRecord, plan: Rebuild, already_sent: bytes) -> socket.socket:
    """An established, non-blocking socket for the client's connection; its address must be up.

    ahead: the plan's first bytes, as many as the client may hold beyond a hole.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        _rebuild(sock, record, plan, already_sent)
    except OSError as exc:
        with contextlib.suppress(OSError):
            sock.close()  # still in repair mode: not a packet is sent
        raise ResourceError(f"connection of {record.key.client}:{record.key.client_port}", str(exc)) from exc
    return sock


def _rebuild(sock: socket.socket, record: ConnectionRecord, plan: Rebuild, already_sent: bytes) -> None:
    key, tcp = record.key, socket.IPPROTO_TCP
    sock.setsockopt(tcp, _TCP_REPAIR, 1)  # also lets us bind beside the service that listens there
    sock.bind((str(key.server), key.server_port))
    for queue, seq in ((_SEND_QUEUE, plan.send_next), (_RECEIVE_QUEUE, plan.receive_next)):
        sock.setsockopt(tcp, _TCP_REPAIR_QUEUE, queue)
        sock.setsockopt(tcp, _TCP_QUEUE_SEQ, struct.pack("@I", seq))
    sock.connect((str(key.client), key.client_port))
    sock.setsockopt(tcp, _TCP_REPAIR_OPTIONS, _options(record))
    # The segment size was reckoned at connect(), with the 536 bytes of a SYN without options; it is reckoned
    # anew when IP options are set, if only to none.
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"")
    stamps = plan.client.timestamps
    if stamps is not None:
        # Our clock goes on from what the client has last heard, so that its PAWS check holds (RFC 7323).
        sock.setsockopt(tcp, _TCP_TIMESTAMP, struct.pack("@I", sequence.add(stamps[1], 1)))
    sock.setsockopt(tcp, _TCP_REPAIR_WINDOW, _window(record, plan))
    if already_sent:
        sock.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SEND_BUFFER_BYTES)
        sock.setsockopt(tcp, _TCP_REPAIR_QUEUE, _SEND_QUEUE)
        sock.sendall(already_sent)
    sock.setsockopt(tcp, _TCP_REPAIR, 0)


def _options(record: ConnectionRecord) -> bytes:
    """What both sides agreed upon in their SYNs: struct tcp_repair_opt, one after the other."""
    client, server = record.client_syn_options, record.server_syn_options
    found = [(_OPTION_MSS, client.mss)]
    if client.window_scale >= 0 and server.window_scale >= 0:
        found.append((_OPTION_WINDOW, client.window_scale | server.window_scale << 16))
    if client.sack and server.sack:
        found.append((_OPTION_SACK, 0))
    if client.timestamps and server.timestamps:
        found.append((_OPTION_TIMESTAMP, 0))
    return b"".join(struct.pack("@II", code, value) for code, value in found)


def _window(record: ConnectionRecord, plan: Rebuild) -> bytes:
    """struct tcp_repair_window: snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup."""
    scaled = record.client_syn_options.window_scale >= 0 and record.server_syn_options.window_scale >= 0
    window = plan.client.window << (record.client_syn_options.window_scale if scaled else 0)
    return struct.pack("@IIIII", sequence.add(plan.receive_next, -1), window, max(window, 1),
                       _WINDOW_BYTES, plan.receive_next)
