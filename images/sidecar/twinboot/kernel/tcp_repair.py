"""A TCP connection made established without a packet: TCP_REPAIR (tcp(7); linux/tcp.h).

The order of the steps is the kernel's: repair mode on; queues' sequence numbers while the socket is
closed; connect() makes it established without a packet; options, time stamp and window; what counts as sent
already; repair mode off. Then the kernel itself sends again what is not acknowledged, and asks about a closed
window. Whose connection it is, and where it stands, is the caller's to know.

connect() sets what this kernel would offer, so every option is set, also to "none".
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from dataclasses import dataclass

from twinboot.kernel.socket_options import SO_SNDBUFFORCE

_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_TCP_REPAIR_OPTIONS, _TCP_TIMESTAMP, _TCP_REPAIR_WINDOW = 22, 24, 29
_RECEIVE_QUEUE, _SEND_QUEUE = 1, 2
_OPTION_MSS, _OPTION_WINDOW, _OPTION_SACK, _OPTION_TIMESTAMP = 2, 3, 4, 8
_OFF_WITHOUT_PROBE = -1
_UNSCALED = 0, 0
_OLD_BYTE = b"\0"
_SEND_BUFFER_BYTES = 16 << 20
_SEQUENCE_NUMBERS = 1 << 32
_WINDOW_BYTES = 65535
"""The receive window that we tell at first; clients send little."""
_BY_LOSS = b"reno"
"""Congestion control that is in every kernel and free to everybody (tcp(7), tcp_allowed_congestion_control).
"""


class AddressGoneError(OSError):
    """The local address is not here, or not any more. It has no errno: bind(2)'s, EADDRNOTAVAIL, is also that
    of connect(2) when this kernel has such a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedConnection:
    """An established connection as this kernel shall have it.

    send_next, receive_next: sequence numbers of the first byte that the peer has not acknowledged, and of the
    first that we do not have. mss, sack, timestamps: agreed upon in the SYNs. window_scales: the peer's and
    ours; None: windows are not scaled. clock: what our time stamps go on from; None: as this kernel likes.
    peer_window: bytes. already_sent: bytes from send_next on that the peer may have. fin_sent: it may have a
    FIN after them. timed: the round-trip time is asked for first.
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
    fin_sent: bool
    timed: bool

    @property
    def first_sequence(self) -> int:
        """The sequence number from which the kernel counts what the peer acknowledges.

        timed: one before send_next, for a byte that the peer has acknowledged already. It answers at once
        (RFC 9293 section 3.10.7.4), the kernel knows the round-trip time, and sends what was "sent already"
        again after 0.2 s. Bytes written in repair mode give no round-trip time; without one it waits for 3 s.
        """
        return (self.send_next - self.timed) % _SEQUENCE_NUMBERS


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
    """An established, non-blocking socket. AddressGoneError; OSError when refused otherwise."""
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
    if not wanted.sack:
        # One that measures the line's rate (BBR) hears, without SACK, of one segment sent again at a time,
        # each after a time-out, and goes on at that rate: four segments each 3 s, for half a minute.
        sock.setsockopt(tcp, socket.TCP_CONGESTION, _BY_LOSS)
    try:
        sock.bind(wanted.local)
    except OSError as exc:
        if exc.errno == errno.EADDRNOTAVAIL:
            raise AddressGoneError(f"{wanted.local[0]} is not here") from exc
        raise
    for queue, seq in ((_SEND_QUEUE, wanted.first_sequence), (_RECEIVE_QUEUE, wanted.receive_next)):
        sock.setsockopt(tcp, _TCP_REPAIR_QUEUE, queue)
        sock.setsockopt(tcp, _TCP_QUEUE_SEQ, struct.pack("@I", seq))
    sock.connect(wanted.remote)
    sock.setsockopt(tcp, _TCP_REPAIR_OPTIONS, options_of(wanted))
    # The segment size was reckoned at connect(), with the 536 bytes of a SYN without options; it is reckoned
    # anew when IP options are set, if only to none.
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"")
    if wanted.clock is not None:
        sock.setsockopt(tcp, _TCP_TIMESTAMP, struct.pack("@I", millisecond_clock(wanted.clock)))
    sock.setsockopt(tcp, _TCP_REPAIR_WINDOW, windows_of(wanted))
    sock.setsockopt(tcp, _TCP_REPAIR, _OFF_WITHOUT_PROBE if wanted.timed else 0)
    _share_port(sock)
    if wanted.timed:
        sock.send(_OLD_BYTE)
    if wanted.already_sent:
        append_as_sent(sock, wanted.already_sent, fin=wanted.fin_sent)


def append_as_sent(sock: socket.socket, data: bytes, *, fin: bool = False) -> None:
    """Put data into the send queue, and a FIN after it, as if the peer had been sent it. OSError.

    For a socket that has nothing unsent (that would count as sent, too), and is `timed`: the byte before asks
    the peer for its window. A window probe, with a number below that byte, would be wrong here. When the
    window is filled, by what the peer got before or by an acknowledgement that bears the window's last number
    as so much counts as sent (tcp_acceptable_seq), the probe is older than the window is wide for a packet
    filter (tcp_in_window before Linux 6.1), and a router that translates addresses answers it with a RST.
    """
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, _TCP_REPAIR, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, _SEND_BUFFER_BYTES)
    sock.setsockopt(tcp, _TCP_REPAIR_QUEUE, _SEND_QUEUE)
    sock.sendall(data)
    sock.setsockopt(tcp, socket.TCP_NODELAY, 1)  # all of it: the kernel may keep the end back (TCP_CORK)
    if fin:
        sock.shutdown(socket.SHUT_WR)
    sock.setsockopt(tcp, _TCP_REPAIR, _OFF_WITHOUT_PROBE)
    _share_port(sock)


def _share_port(sock: socket.socket) -> None:
    """The service that listens on its port may be started again meanwhile, as beside a connection that it has
    accepted itself. The end of repair mode clears SO_REUSEADDR (do_tcp_setsockopt in Linux)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def millisecond_clock(value: int) -> int:
    """The next even number: since Linux 6.7 an odd one makes the clock tick in microseconds."""
    return (value + value % 2) % _SEQUENCE_NUMBERS


def options_of(wanted: RepairedConnection) -> bytes:
    """struct tcp_repair_opt, one after the other."""
    theirs, ours = wanted.window_scales or _UNSCALED
    found = [(_OPTION_MSS, wanted.mss), (_OPTION_WINDOW, theirs | ours << 16)]
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
