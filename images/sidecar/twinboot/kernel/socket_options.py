"""Options of socket(7) and ip(7) that Python has no names for (asm-generic/socket.h, linux/in.h), and their
verbs.
"""

from __future__ import annotations

import array
import socket
import struct

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
_IP_FREEBIND = 15
_INSTRUCTION_BYTES = 8


def attach_filter(sock: socket.socket, program: bytes) -> None:
    """Put the program (kernel.bpf) in the place of the one before. OSError when the kernel refuses it."""
    code = array.array("B", program)  # must live until the kernel has copied it
    fprog = struct.pack("@HL", len(program) // _INSTRUCTION_BYTES, code.buffer_info()[0])
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)


def detach_filter(sock: socket.socket) -> None:
    """Everything passes from now on."""
    sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def allow_missing_address(sock: socket.socket) -> None:
    """It may be bound to an address that is not here at the moment (ip(7), IP_FREEBIND)."""
    sock.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)


def force_receive_buffer(sock: socket.socket, size: int) -> None:
    """As much as is wanted; without CAP_NET_ADMIN as much as the machine allows everybody."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
