"""A TCP connection made established without a packet: TCP_REPAIR (tcp(7); linux/tcp.h).

The order of the steps is the kernel's: repair mode on; queues' sequence numbers while the socket is
closed; connect() makes it established without a packet; options, time stamp and window; what counts as sent
already; repair mode off. Then the kernel itself sends again what is not acknowledged, and asks about a closed
window. Whose connection it is, and where it stands, is the caller's to know.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass

from twinboot.kernel.socket_options import SO_SNDBUFFORCE

_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_TCP_REPAIR_OPTIONS, _TCP_TIMESTAMP, _TCP_REPAIR_WINDOW = 22, 24, 29
_RECEIVE_QUEUE, _SEND_QUEUE = 1, 2
_OPTION_MSS, _OPTION_WINDOW, _OPTION_SACK, _OPTION_TIMESTAMP = 2, 3, 4, 8
_OFF_WITHOUT_PROBE = -1
_SEND_BUFFER_BYTES = 16 << 20
_SEQUENCE_NUMBERS = 1 << 32
_WINDOW_BYTES = 65535
"""The receive window that we tell at first; clients send little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedConnection:
    """An established connection as this kernel shall have it.

    send_next, receive_next: sequence numbers of the first byte that the peer has not acknowledged, and of the
    first that we do not have. mss, sack, timestamps: agreed upon in the SYNs. window_scales: the peer's and
    ours; None: windows are not scaled. clock: what our time stamps go on from; None: as this kernel likes.
    peer_window: bytes. already_sent: bytes from send_next on that the peer may have.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    send_next: int
    receive_next: int
    mss: int
    window_scales: tuple[int, int] | None
    sack: bool
    timestamps: bool
    clock: int | None
    peer_window: int
    already_sent: bytes


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


def open_established(wanted: RepairedConnection) -> socket.socket:
    """An established, non-blocking socket; its local address must be up. OSError when refused."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        _establish(sock, wanted)
    except OSError:
        with contextlib.suppress(OSError):
            sock.close()  # still in repair mode: not a packet is sent
        raise
    return sock


def _establish(sock: socket.socket, wanted: RepairedConnection) -> None:
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, _TCP_REPAIR, 1)  # also lets us bind beside the service that listens there
    sock.bind(wanted.local)
    for queue, seq in ((_SEND_QUEUE, wanted.send_next), (_RECEIVE_QUEUE, wanted.receive_next)):
        sock.setsockopt(tcp, _TCP_REPAIR_QUEUE, queue)
        sock.setsockopt(tcp, _TCP_QUEUE_SEQ, struct.pack("@I", seq))
    sock.connect(wanted.remote)
    sock.setsockopt(tcp, _TCP_REPAIR_OPTIONS, options_of(wanted))
    # The segment size was reckoned at connect(), with the 536 bytes of a SYN without options; it is reckoned
    # anew when IP options are set, if only to none.
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"")
    if wanted.clock is not None:
        sock.setsockopt(tcp, _TCP_TIMESTAMP, struct.pack("@I", wanted.clock))
    sock.setsockopt(tcp, _TCP_REPAIR_WINDOW, windows_of(wanted))
    if wanted.already_sent:
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, _SEND_BUFFER_BYTES)
        sock.setsockopt(tcp, _TCP_REPAIR_QUEUE, _SEND_QUEUE)
        sock.sendall(wanted.already_sent)
    sock.setsockopt(tcp, _TCP_REPAIR, 0)


def options_of(wanted: RepairedConnection) -> bytes:
    """struct tcp_repair_opt, one after the other."""
    found = [(_OPTION_MSS, wanted.mss)]
    if wanted.window_scales is not None:
        theirs, ours = wanted.window_scales
        found.append((_OPTION_WINDOW, theirs | ours << 16))
    if wanted.sack:
        found.append((_OPTION_SACK, 0))
    if wanted.timestamps:
        found.append((_OPTION_TIMESTAMP, 0))
    return b"".join(struct.pack("@II", code, value) for code, value in found)


def windows_of(wanted: RepairedConnection) -> bytes:
    """struct tcp_repair_window: snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup."""
    last_update = (wanted.receive_next - 1) % _SEQUENCE_NUMBERS
    return struct.pack("@IIIII", last_update, wanted.peer_window, max(wanted.peer_window, 1),
                       _WINDOW_BYTES, wanted.receive_next)
