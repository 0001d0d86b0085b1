"""Silent exit: when a takeover process ends while it serves connections, their clients get no FIN or RST.

The kernel closes the connections of an ended process with FIN or RST. On an orderly exit they are put into
repair mode first (TCP_REPAIR, tcp(7)) and vanish silently. A killed process cannot do that; so each
connection carries a mark by which nftables drops its FIN and RST (nftables.py, set `orphaned`), and is
closed without lingering, so that the kernel keeps no state. The mark is removed only to end a connection on
purpose. The clients wait, as after a power-off, and the next takeover process probes their positions.
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
"""The mark: SO_PRIORITY (socket(7)), since a packet's priority changes no route, as SO_MARK may. Its last
four bits are those of ordinary packets (linux/pkt_sched.h, TC_PRIO_BESTEFFORT)."""
DELIBERATE_PRIORITY = 0x5477_0690
"""The mark of a deliberate RST: it passes while its address is in the set no_rst, too."""
_ORDINARY_PRIORITY = 0


def mark_silent(sock: socket.socket) -> None:
    """If this process is killed, the client gets no FIN or RST. Ended by clear_mark()."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, SILENT_PRIORITY)
        _linger(sock, on=True)


def clear_mark(sock: socket.socket) -> None:
    """The connection is to be closed on purpose: FIN and RST reach the client again."""
    with contextlib.suppress(OSError):
        _linger(sock, on=False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _ORDINARY_PRIORITY)


def mark_deliberate(sock: socket.socket) -> None:
    """Let everything that this socket sends pass the set no_rst, RST included."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, DELIBERATE_PRIORITY)


def _linger(sock: socket.socket, *, on: bool) -> None:
    """on: close() sends RST (socket(7), SO_LINGER): no state is left, and unsent data is discarded."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", on, 0))


def freeze_connections(addresses: Set[IPv4Address]) -> int:
    """Freeze this process's client connections on these addresses: nothing is sent any more. Their number."""
    count = 0
    for sock in _own_tcp_sockets():
        with sock:
            if _is_client_connection(sock, addresses) and tcp_repair.freeze(sock):
                count += 1
    return count


def _own_tcp_sockets() -> Iterator[socket.socket]:
    """A duplicate descriptor of every TCP socket that this process has open."""
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
