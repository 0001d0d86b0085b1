"""Packets that the packet filter threw away: nfnetlink_log (linux/netfilter/nfnetlink_log.h).

One socket, bound to one group of the kernel's netfilter log. Never waits.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

from twinboot.errors import ResourceError
from twinboot.kernel import netlink
from twinboot.kernel.socket_options import SO_RCVBUFFORCE

NFLOG_GROUP = 694
COPY_BYTES = 0xFFFF
_ULOG = 4 << 8
_PACKET, _CONFIG = _ULOG, _ULOG | 1
_NFGENMSG = struct.Struct(">BBH")
_CFG_COMMAND, _CFG_MODE, _CFG_THRESHOLD = 1, 2, 5
_COMMAND_BIND = 1
_COPY_PACKET = 2
_PAYLOAD = 9
_BUFFER_BYTES = 32 << 20
"""5,000 packets at once: each takes some 4 KiB, however short."""
_MOST_BYTES = 128 << 10
_AT_ONCE = 256


class NetfilterLog:
    """The packets of the group. ResourceError when this kernel or container has no such log."""

    def __init__(self, group: int = NFLOG_GROUP) -> None:
        try:
            self._socket = netlink.open_socket(netlink.Family.NETFILTER)
        except OSError as exc:
            raise ResourceError("netfilter log", str(exc)) from exc
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _BUFFER_BYTES)
            self._socket.settimeout(1.0)
            self._configure(group, _CFG_COMMAND, bytes((_COMMAND_BIND,)))
            self._configure(group, _CFG_MODE, struct.pack(">IBx", COPY_BYTES, _COPY_PACKET))
            self._configure(group, _CFG_THRESHOLD, struct.pack(">I", 1))  # each at once
            self._socket.setblocking(False)
        except OSError as exc:
            self._socket.close()
            raise ResourceError(f"netfilter log, group {group}", exc.strerror or str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Iterator[bytes]:
        """The IP packets that have come since, a bounded number at once."""
        for _ in range(_AT_ONCE):
            try:
                data = self._socket.recv(_MOST_BYTES)
            except OSError as exc:
                if exc.errno == errno.ENOBUFS:
                    continue  # some were lost: their senders repeat them
                return
            yield from parse_packets(data)

    def close(self) -> None:
        self._socket.close()

    def _configure(self, group: int, attribute: int, value: bytes) -> None:
        body = _NFGENMSG.pack(socket.AF_UNSPEC, 0, group) + netlink.attribute(attribute, value)
        self._socket.send(netlink.message(_CONFIG, netlink.REQUEST | netlink.ACK, 0, body))
        while True:
            for kind, _seq, payload in netlink.messages(self._socket.recv(_MOST_BYTES)):
                if kind == netlink.ERROR:
                    netlink.raise_for_error(payload)
                    return


def parse_packets(data: bytes) -> Iterator[bytes]:
    """The packets in what the kernel sent."""
    for kind, _seq, body in netlink.messages(data):
        if kind == _PACKET:
            yield from (
                value for kind, value in netlink.attributes(body[_NFGENMSG.size :]) if kind == _PAYLOAD
            )
