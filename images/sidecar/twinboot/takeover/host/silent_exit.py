"""The end of a takeover process in the middle of its work: its clients hear nothing of it.

A kernel closes an ended process's connections with FIN or RST. Who ends in order puts them into repair mode
first (tcp(7)): then they vanish. Who is killed cannot; so each connection carries a mark all its life, by
which the packet filter throws away its FIN and RST (nftables.py, set `orphaned`), and is closed without
lingering, so that the kernel keeps nothing of it. Only who ends a connection on purpose takes the mark off.
The clients wait, as after a power-off, and the next takeover process asks them where they are.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator, Set
from ipaddress import IPv4Address

from ...kernel import tcp_repair

SILENT_PRIORITY = 0x5477_0694
"""The mark: SO_PRIORITY (socket(7)), for the priority of a packet changes no route, as SO_MARK may. Its last
four bits are those of ordinary packets (linux/pkt_sched.h, TC_PRIO_BESTEFFORT)."""
DELIBERATE_PRIORITY = 0x5477_0690
"""The mark of a reset that is meant: it passes while an address is quiet, too."""
_ORDINARY_PRIORITY = 0


def mark_silent(sock: socket.socket) -> None:
    """If this process is killed, the client hears nothing of it. To be ended by heard()."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, SILENT_PRIORITY)
        _linger(sock, on=True)


def clear_mark(sock: socket.socket) -> None:
    """Its end is meant, and the client shall know of it."""
    with contextlib.suppress(OSError):
        _linger(sock, on=False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _ORDINARY_PRIORITY)


def mark_deliberate(sock: socket.socket) -> None:
    """What it says now is no accident, resets included."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, DELIBERATE_PRIORITY)


def _linger(sock: socket.socket, *, on: bool) -> None:
    """on: a close is a reset (socket(7), SO_LINGER): no state is left, and no data is sent on."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", on, 0))


def freeze_connections(addresses: Set[IPv4Address]) -> int:
    """From now on nothing leaves on this process's connections with clients of these addresses. How many?"""
    count = 0
    for sock in _own_tcp_sockets():
        with sock:
            if _is_client_connection(sock, addresses) and tcp_repair.freeze(sock):
                count += 1
    return count


def _own_tcp_sockets() -> Iterator[socket.socket]:
    """A second descriptor of every TCP socket that this process has open."""
    for number in os.listdir("/proc/self/fd"):
        try:
            sock = socket.socket(fileno=os.dup(int(number)))
        except OSError:
            continue  # no socket, or the directory itself
        if sock.family is socket.AF_INET and sock.type is socket.SOCK_STREAM:
            yield sock
        else:
            sock.close()


def _is_client_connection(sock: socket.socket, addresses: Set[IPv4Address]) -> bool:
    try:
        here, there = sock.getsockname()[0], sock.getpeername()[0]
    except OSError:
        return False
    return IPv4Address(here) in addresses and IPv4Address(there) not in addresses
