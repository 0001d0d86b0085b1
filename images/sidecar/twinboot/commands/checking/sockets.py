"""Which process has a port: reads what `ss -Hlntup` of the host printed (ss(8)).

A container with host networking sees the host's sockets, but not the processes behind them.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"(tcp|udp)\s+\S+\s+\d+\s+\d+\s+\S+:(\d+)\s+\S+(.*)")
_USER = re.compile(r'"([^"]+)",pid=(\d+)')


def owner(text: str, protocol: str, port: int) -> str:
    """`dnsmasq (pid 812)`, several with commas; empty when ss did not say."""
    found: dict[str, None] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is not None and (match[1], int(match[2])) == (protocol, port):
            found |= dict.fromkeys(f"{name} (pid {pid})" for name, pid in _USER.findall(match[3]))
    return ", ".join(found)
