"""Which RSTs in a capture somebody could have noticed."""

from __future__ import annotations

import re
from collections.abc import Iterable

WANTED = "tcp[13] & 7 != 0"
"""Segments that tell: with FIN, SYN or RST; pcap-filter(7)."""
_SEGMENT = re.compile(r"IP (\S+)\.(\d+) > (\S+)\.(\d+): Flags \[(\S+)\]")


def noticed(lines: Iterable[str], server: str) -> list[str]:
    """The RSTs of this server, an address, but those to a connection whose client has closed, and the server
    after it.

    lines: tcpdump's (-n), of segments WANTED in their order. The server's FIN and the acknowledgement that it
    had sent before may overtake each other on two processors. The client's end, in TIME-WAIT, answers the one
    that comes late, and is answered with a RST: the server's end has closed (RFC 9293 section 3.10.7). Any
    two kernels do so, and nobody has the connection any more.
    """
    found: list[str] = []
    closing: set[tuple[str, str, str]] = set()
    """By the server's port and the client's ends: the client has closed."""
    closed: set[tuple[str, str, str]] = set()
    for line in lines:
        segment = _SEGMENT.search(line)
        if segment is None:
            continue
        source, source_port, target, target_port, flags = segment.groups()
        ours = source == server
        ends = (source_port, target, target_port) if ours else (target_port, source, source_port)
        if "S" in flags:
            closing.discard(ends)
            closed.discard(ends)
        if "F" in flags and not ours:
            closing.add(ends)
        elif "F" in flags and ends in closing:
            closed.add(ends)
        if "R" in flags and ours and ends not in closed:
            found.append(line)
    return found
