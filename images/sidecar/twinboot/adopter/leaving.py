"""The end of an adopter in the middle of its work: its clients hear nothing of it.

A kernel closes an ended process's connections with FIN or RST, but not those in repair mode (tcp(7)): they
vanish. Their clients wait, as after a power-off, and the next adopter asks them where they are.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Set
from ipaddress import IPv4Address

from . import repair


def silently(addresses: Set[IPv4Address]) -> int:
    """From now on nothing leaves on this process's connections with clients of these addresses. How many?"""
    count = 0
    for sock in _connections():
        with sock:
            if _with_client(sock, addresses) and repair.freeze(sock):
                count += 1
    return count


def _connections() -> Iterator[socket.socket]:
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


def _with_client(sock: socket.socket, addresses: Set[IPv4Address]) -> bool:
    try:
        here, there = sock.getsockname()[0], sock.getpeername()[0]
    except OSError:
        return False
    return IPv4Address(here) in addresses and IPv4Address(there) not in addresses
