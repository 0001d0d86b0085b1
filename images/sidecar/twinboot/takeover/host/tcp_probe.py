"""Asks clients where they are, and hears their answers: one raw socket, and a packet socket for each claim.

An answer counts only when it came after the first question: what lay in the queues before (frames of the
old server's time, flooded by a switch) is thrown away.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address

from twinboot.takeover.logic.plan import Answer
from twinboot.takeover.logic.record import Key
from twinboot.takeover.logic.tcp import seq as sequence
from twinboot.takeover.logic.tcp.segment import RST, Segment, parse, position_options, question

from ...kernel.packet_socket import open_packets
from .capture import filter as wire_filter
from .silent_exit import meant

_ETH_P_IP = 0x0800
_BUFFER_BYTES = 4 << 20
_SNAP_BYTES = 256
_AT_ONCE = 512
_HAD = b"\0\0"


class Voice:
    """Says single packets, outside of any connection that this kernel knows. Opened when it first speaks."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def send(self, packet: bytes) -> None:
        """A whole IP packet, as it is. OSError; BlockingIOError when the queue is full."""
        if self._socket is None:
            flags = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._socket = socket.socket(socket.AF_INET, flags, socket.IPPROTO_RAW)
            meant(self._socket)
        self._socket.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))

    def ask(self, key: Key, after: int | None = None) -> None:
        """One question. A full queue or a client that has no route is no failure: it is asked again.

        after: the sequence number that it waits for, when it has said so. Then the question is a keepalive
        with bytes that it has had and acknowledged (RFC 1122 section 4.2.3.6): Linux answers each of those,
        and bare segments twice a second at most (net.ipv4.tcp_invalid_ratelimit). Bytes that end just at
        `after` would still lie in its window, and our acknowledgment number would be looked at.
        """
        payload = b"" if after is None else _HAD
        seq = 0 if after is None else sequence.add(after, -len(payload) - 1)
        self._try(question(
            key.server, key.server_port, key.client, key.client_port, seq=seq, payload=payload))

    def reset(self, key: Key, seq: int) -> None:
        """A client accepts it with just the number that it waits for (RFC 5961 section 3.2)."""
        self._try(question(key.server, key.server_port, key.client, key.client_port, flags=RST, seq=seq))

    def remind(self, key: Key, answer: Answer) -> None:
        """Tell our own kernel of the holes that a client has spoken of: it fills them at once, not after 1 s.

        The connection has been rebuilt since; the kernel has no other way to learn it soon, for Linux clients
        do not repeat an answer within 0.5 s.
        """
        self._try(question(key.client, key.client_port, key.server, key.server_port, seq=answer.seq,
                           ack=answer.ack, window=answer.window,
                           options=position_options(answer.timestamps, answer.sack_blocks)))

    def repeat(self, key: Key, seq: int, ack: int, window: int) -> None:
        """Tell our own kernel what this client has told it before: nothing new, but a sign of life.

        Linux takes it without time stamps. A number that is no longer the newest is thrown away (RFC 9293
        section 3.10.7.4).
        """
        self._try(question(key.client, key.client_port, key.server, key.server_port,
                           seq=seq, ack=ack, window=window))

    def confirm(self, one: Segment) -> None:
        """Acknowledge all that a client has said, its end included."""
        self._try(question(one.target, one.target_port, one.source, one.source_port,
                           seq=one.ack, ack=one.next_seq))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _try(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            self.send(packet)


class Answers:
    """What clients say to one virtual address on one interface; close() at the end."""

    def __init__(self, interface: str, address: IPv4Address) -> None:
        """ResourceError when the LAN cannot be heard."""
        self._address = address
        self._packets = open_packets(
            interface, _ETH_P_IP, wire_filter.answers(address, _SNAP_BYTES), _BUFFER_BYTES)

    def fileno(self) -> int:
        return self._packets.fileno()

    def read(self) -> Iterator[tuple[Key, Segment]]:
        """What has come since, a bounded number at once."""
        try:
            for _ in range(_AT_ONCE):
                segment = parse(self._packets.recv(_SNAP_BYTES))
                if segment is not None and segment.target == self._address:
                    yield Key.of_client(segment), segment
        except (BlockingIOError, OSError):
            return

    def close(self) -> None:
        self._packets.close()
