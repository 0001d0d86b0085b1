"""Opens packet sockets (packet(7)) with a filter that holds from the first frame on."""

from __future__ import annotations

import socket

from twinboot.errors import ResourceError
from twinboot.kernel.bpf import SO_ATTACH_FILTER, BpfProgram

_SO_RCVBUFFORCE = 33


def open_packet_socket(interface: str, protocol: int, program: bytes, buffer_bytes: int) -> socket.socket:
    """A non-blocking socket that gets what the program lets through. ResourceError when refused."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    try:
        sock = socket.socket(socket.AF_PACKET, kind, 0)
    except OSError as exc:
        raise ResourceError(f"packet socket on {interface}", str(exc)) from exc
    try:
        _set_receive_buffer(sock, buffer_bytes)
        attach_filter(sock, program)
        sock.bind((interface, protocol))
    except OSError as exc:
        sock.close()
        raise ResourceError(f"packet socket on {interface}", str(exc)) from exc
    return sock


def _set_receive_buffer(sock: socket.socket, size: int) -> None:
    """As much as is wanted; without CAP_NET_ADMIN as much as the machine allows everybody (socket(7))."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def attach_filter(sock: socket.socket, program: bytes) -> None:
    """Put the program in the place of the one before. OSError when the kernel refuses it."""
    what = BpfProgram(program)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, what.option)
